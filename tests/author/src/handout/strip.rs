//! Taking answers, marks and tests out of a source file.

use anyhow::{Result, bail};

use super::course::Step;

/// A file whose regions were emptied.
pub struct Emptied {
    /// The new text.
    pub text: String,
    /// The anchors that were found.
    pub anchors: Vec<String>,
}

/// Replaces the lines of every region named by a step with the step's placeholder, marks included.
///
/// # Errors
/// When a region is not closed.
pub fn empty_regions(text: &str, steps: &[&Step]) -> Result<Emptied> {
    let mut kept = String::new();
    let mut anchors = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let step = anchor(line).and_then(|name| steps.iter().find(|step| step.anchor == name));
        let Some(step) = step else {
            kept.push_str(line);
            kept.push('\n');
            continue;
        };
        let end = format!("// ANCHOR_END: {}", step.anchor);
        if !lines.by_ref().any(|line| line.trim() == end) {
            bail!("the region {} has no ANCHOR_END", step.anchor);
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        for line in step.placeholder() {
            kept.push_str(&format!("{}\n", format!("{indent}{line}").trim_end()));
        }
        anchors.push(step.anchor.clone());
    }
    Ok(Emptied { text: kept, anchors })
}

/// The text without the book's marks.
pub fn without_marks(text: &str) -> String {
    text.lines()
        .filter(|line| anchor(line).is_none() && !line.trim().starts_with("// ANCHOR_END: "))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The text without its unit tests: a module in a file of its own is no longer declared; one written out stands last in
/// its file by the house's custom, and everything from there on goes.
pub fn without_tests(text: &str) -> String {
    let text = text.replace("#[cfg(test)]\nmod tests;\n", "");
    match text.find("\n#[cfg(test)]\nmod tests {") {
        Some(at) => format!("{}\n", text[..at].trim_end()),
        None => text,
    }
}

fn anchor(line: &str) -> Option<&str> {
    line.trim().strip_prefix("// ANCHOR: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step() -> Step {
        Step { number: "1.2".into(), anchor: "add-body".into(), title: "add".into(), ..Step::default() }
    }

    const SOURCE: &str = "// ANCHOR: add\nfn add(a: i32) -> i32 {\n    // ANCHOR: add-body\n    let b = a;\n    a + b\n    \
                          // ANCHOR_END: add-body\n}\n// ANCHOR_END: add\n\n#[cfg(test)]\nmod tests {\n    // the answer\n}\n";

    #[test]
    fn a_body_becomes_a_todo_that_names_its_step() {
        let step = step();
        let emptied = empty_regions(SOURCE, &[&step]).unwrap();
        assert_eq!(emptied.anchors, ["add-body"]);
        let text = without_marks(&without_tests(&emptied.text));
        assert_eq!(text, "fn add(a: i32) -> i32 {\n    todo!(\"step 1.2: add\")\n}\n");
    }

    #[test]
    fn other_regions_keep_their_bodies_and_lose_their_marks() {
        let emptied = empty_regions(SOURCE, &[]).unwrap();
        assert!(emptied.anchors.is_empty());
        let text = without_marks(&emptied.text);
        assert!(text.contains("a + b") && text.contains("the answer") && !text.contains("ANCHOR"));
    }

    #[test]
    fn tests_in_a_file_of_their_own_are_no_longer_declared() {
        assert_eq!(without_tests("mod a;\n#[cfg(test)]\nmod tests;\nfn f() {}\n"), "mod a;\nfn f() {}\n");
    }

    #[test]
    fn an_open_region_is_an_error() {
        let step = step();
        assert!(empty_regions("// ANCHOR: add-body\nx\n", &[&step]).is_err());
    }
}
