//! The steps of the course, from `tests/course.toml`: what a learner writes, one body after the other.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::check::Phase;

/// All steps, in teaching order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// See [`Step`].
    pub step: Vec<Step>,
}

/// One thing a student writes.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// `2.3`: phase and place in it.
    pub number: String,
    /// The region of the source that holds the answer; ends in `-body`.
    pub anchor: String,
    /// What to do, as the `todo!` says it.
    pub title: String,
    /// The chapter that explains it, from `docs/src`.
    pub chapter: String,
    /// What stands in the region's place until the step is written, where a bare `todo!` would not compile or would end
    /// a program that has no need of the step yet.
    pub stub: Option<String>,
    /// The checks of its phase that turn green with it.
    #[serde(default)]
    pub checks: Vec<String>,
    /// The unit tests of its crate that turn green with it, as `cargo test` names them. They come with the handout.
    #[serde(default)]
    pub tests: Vec<String>,
    /// What can be done once it is written, in a sentence.
    pub gain: Option<String>,
}

impl Step {
    /// What replaces the answer, in lines. A stub that runs is announced by a comment, so that its step can be found.
    #[must_use]
    pub fn placeholder(&self) -> Vec<String> {
        let announced = format!("step {}: {}", self.number, self.title);
        match &self.stub {
            None => vec![format!("todo!(\"{announced}\")")],
            Some(stub) if stub.contains(&announced) => stub.lines().map(String::from).collect(),
            Some(stub) => std::iter::once(format!("// TODO {announced}. This stands in for it:"))
                .chain(stub.trim_end().lines().map(String::from))
                .collect(),
        }
    }

    /// Whether a line of source says that this step is still to be written.
    #[must_use]
    pub fn is_open_in(&self, line: &str) -> bool {
        ["todo!(\"step ", "TODO step "].iter().any(|mark| line.contains(&format!("{mark}{}: ", self.number)))
    }

    /// The phase that it belongs to.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.number.split('.').next()?.parse().ok()
    }
}

impl Course {
    /// Reads the course of the workspace at `root`.
    ///
    /// # Errors
    /// Names the line that is not understood.
    pub fn load(root: &Path) -> Result<Course> {
        let file = root.join("tests/course.toml");
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        toml::from_str(&text).with_context(|| file.display().to_string())
    }

    /// The steps of one phase.
    #[must_use]
    pub fn of(&self, phase: Phase) -> Vec<&Step> {
        self.step.iter().filter(|step| step.phase() == Some(phase)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_step_is_found_whatever_stands_in_for_it() {
        let plain = Step { number: "1.2".into(), title: "add".into(), ..Step::default() };
        let stub = Step { stub: Some("a\nb\n".into()), ..plain.clone() };
        let marked = Step { stub: Some("_ => todo!(\"step 1.2: add\"),".into()), ..plain.clone() };
        assert_eq!(plain.placeholder(), ["todo!(\"step 1.2: add\")"]);
        assert_eq!(stub.placeholder(), ["// TODO step 1.2: add. This stands in for it:", "a", "b"]);
        assert_eq!(marked.placeholder(), ["_ => todo!(\"step 1.2: add\"),"]);
        let later = Step { number: "1.20".into(), ..Step::default() };
        for step in [plain, stub, marked] {
            assert!(step.is_open_in(&step.placeholder()[0]));
            assert!(!later.is_open_in(&step.placeholder()[0]), "1.2 is not 1.20");
        }
    }
}
