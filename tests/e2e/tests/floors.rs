//! A crate is a house: its rooms stand in one order, in the table of its `lib.rs`, and nothing climbs.
//!
//! A room is a module at the top of a crate, with everything below it. A row of the table names one, first the lowest; a
//! room may use the rooms of the rows above its own. What is read: `use` lines and paths that begin with `crate`, `super`
//! or `self`, outside comments and tests.
#![allow(clippy::unwrap_used, reason = "this is test code, outside of a #[test] function too")]
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates whose floors are checked.
const CRATES: [&str; 4] = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];

/// The crates in which the files of one room, too, are checked for circles.
const WITHOUT_CIRCLES: [&str; 4] = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];

fn source(krate: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join(krate).join("src")
}

/// The rooms in the order of the table: the first name in backquotes of each row.
fn rooms(lib: &str) -> Vec<String> {
    let rows = lib.lines().filter_map(|line| line.strip_prefix("//! |"));
    let cells = rows.filter_map(|row| {
        row.split('|').find_map(|cell| {
            let name = cell.trim().trim_start_matches('[').strip_prefix('`')?;
            Some(name.split('`').next()?.to_owned())
        })
    });
    cells.collect()
}

/// A module: the names from the crate's root, and the file it stands in.
struct Module {
    path: Vec<String>,
    file: PathBuf,
    uses: BTreeSet<Vec<String>>,
}

/// Every module of a crate that has a file, tests and binaries apart.
fn modules(krate: &str) -> Vec<Module> {
    let root = source(krate);
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let file = entry.unwrap().path();
            let inside = file.strip_prefix(&root).unwrap().with_extension("");
            let path: Vec<String> = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let name = path.last().unwrap();
            if file.is_dir() {
                if path != ["bin"] {
                    folders.push(file);
                }
            } else if name != "lib" && name != "tests" && !name.ends_with("_tests") {
                let text = std::fs::read_to_string(&file).unwrap();
                let uses = uses(&path, &text);
                found.push(Module { path, file, uses });
            }
        }
    }
    found
}

/// The paths from the crate's root that the source of module `at` names.
fn uses(at: &[String], text: &str) -> BTreeSet<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap();
    let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let words = words(&code.join("\n"));
    let mut found = BTreeSet::new();
    for start in 0..words.len() {
        let after_path = start > 0 && words[start - 1] == "::";
        let mut base = match words[start].as_str() {
            "crate" if !after_path => Vec::new(),
            "self" if !after_path => at.to_vec(),
            "super" if !after_path => at[..at.len() - 1].to_vec(),
            _ => continue,
        };
        let mut next = start + 1;
        while words.get(next).is_some_and(|word| word == "::")
            && words.get(next + 1).is_some_and(|word| word == "super")
        {
            base.pop();
            next += 2;
        }
        if words.get(next).is_some_and(|word| word == "::") {
            tree(&words, next + 1, &base, &mut found);
        }
    }
    found
}

/// Names, `::`, braces and commas; everything else ends a path.
fn words(code: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = code;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            c if c.is_alphanumeric() || c == '_' => {
                rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
            }
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        if !first.is_whitespace() {
            words.push(rest[..length].to_owned());
        }
        rest = &rest[length..];
    }
    words
}

/// Reads `a::b` or `{a, b::{c, d}}` from word `at` on, behind `base`; returns where it ends.
fn tree(words: &[String], mut at: usize, base: &[String], found: &mut BTreeSet<Vec<String>>) -> usize {
    if words.get(at).is_some_and(|word| word == "{") {
        at += 1;
        while words.get(at).is_some_and(|word| word != "}") {
            at = if words[at] == "," { at + 1 } else { tree(words, at, base, found).max(at + 1) };
        }
        return at + 1;
    }
    let Some(name) = words.get(at).filter(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'))
    else {
        return at;
    };
    let path = [base, std::slice::from_ref(name)].concat();
    if words.get(at + 1).is_some_and(|word| word == "::") {
        found.insert(path.clone());
        return tree(words, at + 2, &path, found);
    }
    found.insert(path);
    at + 1
}

#[test]
fn every_room_stands_in_the_table() {
    for krate in CRATES {
        let lib = std::fs::read_to_string(source(krate).join("lib.rs")).unwrap();
        let rooms = rooms(&lib);
        let named: BTreeSet<&str> = rooms.iter().map(String::as_str).collect();
        assert_eq!(named.len(), rooms.len(), "{krate}: a room stands in two rows: {rooms:?}");
        let declared: BTreeSet<&str> = lib
            .lines()
            .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
            .collect();
        assert_eq!(named, declared, "{krate}/src/lib.rs: the table of rooms and the modules differ");
    }
}

#[test]
fn nothing_climbs() {
    let mut climbs = Vec::new();
    let mut seen = 0;
    for krate in CRATES {
        let rooms = rooms(&std::fs::read_to_string(source(krate).join("lib.rs")).unwrap());
        let floor = |room: &str| rooms.iter().position(|name| name == room);
        let modules = modules(krate);
        for module in &modules {
            let here = floor(&module.path[0]).unwrap();
            let used: BTreeSet<&str> = module.uses.iter().map(|path| path[0].as_str()).collect();
            for room in used {
                // What is no room is a macro or an item of lib.rs.
                let Some(there) = floor(room).filter(|there| *there != here) else { continue };
                seen += 1;
                if there > here {
                    let file = module.file.display();
                    climbs.push(format!("{file} uses {}", source(krate).join(room).display()));
                }
            }
        }
    }
    assert!(climbs.is_empty(), "a room uses one that stands below it in lib.rs:\n{}", climbs.join("\n"));
    assert!(seen > 50, "only {seen} uses of other rooms found: this test does not see them");
}

/// Files of one room, too, form no circle. A parent and its children may know each other.
#[test]
fn no_files_form_a_circle() {
    let mut circles = BTreeSet::new();
    for krate in WITHOUT_CIRCLES {
        let modules = modules(krate);
        let known: BTreeMap<&[String], &Module> =
            modules.iter().map(|module| (module.path.as_slice(), module)).collect();
        let mut edges: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
        for module in &modules {
            for used in &module.uses {
                // The longest part of the path that is a file.
                let target = (1..=used.len()).rev().find_map(|n| known.get_key_value(&used[..n]));
                let Some((target, _)) = target else { continue };
                let related = module.path.starts_with(target) || target.starts_with(&module.path);
                if !related {
                    edges.entry(&module.path).or_default().insert(target);
                }
            }
        }
        for module in &modules {
            let mut reached: BTreeSet<&[String]> = BTreeSet::new();
            let mut open = vec![module.path.as_slice()];
            while let Some(path) = open.pop() {
                for next in edges.get(path).into_iter().flatten() {
                    if *next == module.path && path != module.path {
                        let last = known[path].file.display();
                        circles.insert(format!("{last} comes back to {}", module.file.display()));
                    } else if reached.insert(next) {
                        open.push(next);
                    }
                }
            }
        }
    }
    let circles: Vec<String> = circles.into_iter().collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn paths_are_read() {
    let at = ["room".to_owned(), "part".to_owned()];
    let code = "use crate::{a, b::{c, D}};\nfn f(x: &crate::e::F) { super::g(); self::h::i(); super::super::j::k() }\n\
                // crate::no\nuse std::x;\n#[cfg(test)] use crate::no;";
    let found: Vec<String> = uses(&at, code).into_iter().map(|path| path.join("::")).collect();
    let expected =
        ["a", "b", "b::D", "b::c", "e", "e::F", "j", "j::k", "room::g", "room::part::h", "room::part::h::i"];
    assert_eq!(found, expected);
}
