//! One command as `COMMAND INFO` and `COMMAND DOCS` show it.
use super::Named;
use crate::access::catalogue::CATEGORIES;
use crate::command::catalogue::has_category;
use crate::command::reach::access;
use crate::command::{Command, KeySpec};
use crate::wire::reply::Reply;

/// The ten elements of `COMMAND INFO`.
pub fn write_info(reply: &mut Reply<'_>, named: Named) {
    let command = named.command;
    let (first, last, step) = command.keys.triple();
    reply.array(10);
    reply.bulk(named.full_name().as_bytes());
    reply.integer(command.arity.into());
    write_flags(reply, command.flags.text());
    reply.integer(first.into());
    reply.integer(last.into());
    reply.integer(step.into());
    write_categories(reply, command);
    reply.set(words(command.docs.tips).count());
    for tip in words(command.docs.tips) {
        reply.bulk(tip.as_bytes());
    }
    write_key_specs(reply, command);
    // Redis sends a set where there are none, and an array where there are some.
    match command.subcommands.len() {
        0 => reply.set(0),
        count => reply.array(count),
    }
    for sub in named.subcommands() {
        write_info(reply, sub);
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(' ').filter(|word| !word.is_empty())
}

/// Flags of a command or of a key specification.
pub fn write_flags(reply: &mut Reply<'_>, flags: &str) {
    reply.set(words(flags).count());
    for flag in words(flags) {
        reply.simple(flag);
    }
}

fn write_categories(reply: &mut Reply<'_>, command: &Command) {
    let held = || CATEGORIES.iter().filter(|category| has_category(command, category));
    reply.set(held().count());
    for category in held() {
        reply.simple(&format!("@{category}"));
    }
}

fn write_key_specs(reply: &mut Reply<'_>, command: &Command) {
    if let KeySpec::Counted { count, first, also } = command.keys {
        return write_counted(reply, command, count, first, also);
    }
    if let KeySpec::After { word, from } = command.keys {
        return write_after(reply, command, word, from);
    }
    let (first, last, step) = command.keys.triple();
    if first == 0 {
        return reply.set(0);
    }
    // One specification covers the whole range; several cover a key each. `lastkey` counts from the first key, or from the end.
    let access = access(command);
    reply.set(access.len());
    for (i, flags) in (0..).zip(access) {
        let last = match access.len() as i32 {
            1 if last >= 0 => last - first,
            // The last of several is the rest, if the range has no end.
            several if last < 0 && i + 1 == several => last,
            _ => 0,
        };
        let range = ("range", [("lastkey", last), ("keystep", step), ("limit", 0)]);
        write_key_spec(reply, command.docs.note, flags, first + i * step, range);
    }
}

/// The destination, if there is one, and the keys that an argument counts.
fn write_counted(reply: &mut Reply<'_>, command: &Command, count: i32, first: i32, also: i32) {
    let access = access(command);
    reply.set(access.len());
    if also > 0 {
        let range = ("range", [("lastkey", 0), ("keystep", 1), ("limit", 0)]);
        write_key_spec(reply, command.docs.note, access[0], also, range);
    }
    let counted = ("keynum", [("keynumidx", 0), ("firstkey", first - count), ("keystep", 1)]);
    write_key_spec(reply, command.docs.note, access[access.len() - 1], count, counted);
}

/// Half of the arguments behind a word.
fn write_after(reply: &mut Reply<'_>, command: &Command, word: &str, from: i32) {
    let access = access(command);
    reply.set(access.len());
    reply.map(3);
    reply.bulk(b"flags");
    write_flags(reply, access[0]);
    reply.bulk(b"begin_search");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(b"keyword");
    reply.bulk(b"spec");
    reply.map(2);
    reply.bulk(b"keyword");
    reply.bulk(word.as_bytes());
    reply.bulk(b"startfrom");
    reply.integer(from.into());
    reply.bulk(b"find_keys");
    write_search(reply, "range", &[("lastkey", -1), ("keystep", 1), ("limit", 2)]);
}

/// How a specification finds its keys: the kind, and three numbers.
type Find = (&'static str, [(&'static str, i32); 3]);

fn write_key_spec(reply: &mut Reply<'_>, note: &str, flags: &str, first: i32, (kind, find): Find) {
    reply.map(if note.is_empty() { 3 } else { 4 });
    if !note.is_empty() {
        reply.bulk(b"notes");
        reply.bulk(note.as_bytes());
    }
    reply.bulk(b"flags");
    write_flags(reply, flags);
    reply.bulk(b"begin_search");
    write_search(reply, "index", &[("index", first)]);
    reply.bulk(b"find_keys");
    write_search(reply, kind, &find);
}

fn write_search(reply: &mut Reply<'_>, kind: &str, spec: &[(&str, i32)]) {
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(spec.len());
    for (name, value) in spec {
        reply.bulk(name.as_bytes());
        reply.integer((*value).into());
    }
}

/// A pair of `COMMAND DOCS`: the name and what there is to read about it. Redis tells complexity and arguments besides.
pub fn write_docs(reply: &mut Reply<'_>, named: Named) {
    let about = &named.command.docs;
    let subcommands = named.subcommands();
    reply.bulk(named.full_name().as_bytes());
    reply.map(if subcommands.len() == 0 { 3 } else { 4 });
    for (field, text) in [("summary", about.summary), ("since", about.since), ("group", about.group.name())] {
        reply.bulk(field.as_bytes());
        reply.bulk(text.as_bytes());
    }
    if subcommands.len() > 0 {
        reply.bulk(b"subcommands");
        reply.map(subcommands.len());
        for sub in subcommands {
            write_docs(reply, sub);
        }
    }
}
