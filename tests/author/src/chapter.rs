//! What a chapter of the book shows of its steps: the contract, before the task; our version, in a fold after it.
//!
//! The contract is the function as the handout has it, its body replaced by the step's `todo!`. It stands in the chapter as
//! plain text, in a block marked `step=1.3`, so that the file can be read where it lies; [`refresh`] copies it from the source.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::handout::course::{Course, Step};
use crate::handout::{files_below, strip};

const PHASES: [&str; 4] = ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"];

/// The contract of every step, by its number.
///
/// # Errors
/// When a source file or the course cannot be read, or a step's region stands in no function.
pub fn contracts(root: &Path) -> Result<BTreeMap<String, String>> {
    let course = Course::load(root)?;
    let steps: Vec<&Step> = course.step.iter().collect();
    let mut found = BTreeMap::new();
    for phase in PHASES {
        for file in files_below(&root.join(phase).join("src"))? {
            let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
            let emptied = strip::empty_regions(&text, &steps).with_context(|| file.display().to_string())?;
            let plain = strip::without_marks(&emptied.text);
            for anchor in emptied.anchors {
                let step = steps.iter().find(|step| step.anchor == anchor).expect("a region is a step's");
                let contract = function_around(&plain, &step.placeholder()[0]);
                let contract = contract.with_context(|| format!("{anchor} stands in no function"))?;
                found.insert(step.number.clone(), contract);
            }
        }
    }
    Ok(found)
}

/// The function that holds a line, with its comments and attributes, moved to the left margin.
fn function_around(text: &str, line: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let inside = lines.iter().position(|candidate| candidate.trim() == line)?;
    let signature = (0..inside).rev().find(|&at| is_signature(lines[at]))?;
    let indent = lines[signature].len() - lines[signature].trim_start().len();
    let close = format!("{}}}", " ".repeat(indent));
    let end = (inside..lines.len()).find(|&at| lines[at] == close)?;
    let above = |at: &usize| {
        let line = lines[*at].trim();
        line.starts_with("///") || line.starts_with("#[")
    };
    let start = (0..signature).rev().take_while(above).last().unwrap_or(signature);
    Some(
        lines[start..=end]
            .iter()
            .map(|line| format!("{}\n", line.get(indent..).unwrap_or_default()))
            .collect(),
    )
}

fn is_signature(line: &str) -> bool {
    let mut words = line.split_whitespace().peekable();
    while words.next_if(|word| word.starts_with("pub") || ["const", "unsafe"].contains(word)).is_some() {}
    words.next() == Some("fn")
}

/// The chapter with every block marked `step=…` as its source stands now. Blocks of unknown steps stay.
pub fn refresh(chapter: &str, contracts: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    let mut lines = chapter.lines();
    while let Some(line) = lines.next() {
        text.push_str(line);
        text.push('\n');
        if let Some(contract) = step_of(line).and_then(|number| contracts.get(number)) {
            text.push_str(contract);
            text.push_str("```\n");
            // What stood there.
            lines.by_ref().find(|line| *line == "```");
        }
    }
    text
}

/// Copies every contract into its chapters, and returns the files that changed.
///
/// # Errors
/// See [`contracts`]; or a page cannot be read or written.
pub fn refresh_all(root: &Path) -> Result<Vec<PathBuf>> {
    let contracts = contracts(root)?;
    let mut changed = Vec::new();
    for page in files_below(&root.join("docs/src"))? {
        if page.extension().is_none_or(|ending| ending != "md") {
            continue;
        }
        let old = std::fs::read_to_string(&page).with_context(|| page.display().to_string())?;
        let new = refresh(&old, &contracts);
        if new != old {
            std::fs::write(&page, new).with_context(|| page.display().to_string())?;
            changed.push(page);
        }
    }
    Ok(changed)
}

/// The step that a code block's first line names: `1.3` of ```` ```rust,ignore,step=1.3 ````.
pub fn step_of(fence: &str) -> Option<&str> {
    fence.strip_prefix("```rust,")?.split(',').find_map(|word| word.strip_prefix("step="))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "/// Another.\nfn other() {}\n\nimpl A {\n    /// Adds.\n    #[inline]\n    pub(crate) const fn add(a: i32) -> i32 {\n        \
                          todo!(\"step 1.1: add\")\n    }\n\n    fn more() {}\n}\n";

    #[test]
    fn a_contract_is_the_function_with_its_comment_and_a_todo_for_its_body() {
        let found = function_around(SOURCE, "todo!(\"step 1.1: add\")").unwrap();
        let wanted = "/// Adds.\n#[inline]\npub(crate) const fn add(a: i32) -> i32 {\n    todo!(\"step 1.1: add\")\n}\n";
        assert_eq!(found, wanted);
        assert_eq!(function_around(SOURCE, "todo!(\"step 9.9\")"), None);
    }

    #[test]
    fn a_marked_block_is_replaced_and_nothing_else() {
        let contracts = BTreeMap::from([("1.1".to_owned(), "new\n".to_owned())]);
        let chapter = "a\n```rust,ignore,step=1.1\nold\n\nolder\n```\nb\n```rust,ignore\nkept\n```\n";
        let wanted = "a\n```rust,ignore,step=1.1\nnew\n```\nb\n```rust,ignore\nkept\n```\n";
        assert_eq!(refresh(chapter, &contracts), wanted);
        assert_eq!(refresh(wanted, &contracts), wanted);
    }

    #[test]
    fn every_step_has_a_contract() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let contracts = contracts(root).unwrap();
        assert_eq!(contracts.len(), Course::load(root).unwrap().step.len());
        assert!(contracts["1.3"].contains("fn write_all_with"), "{}", contracts["1.3"]);
    }
}
