//! The steps of the course, from `tests/course.toml`.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use grader::check::Phase;

/// All steps, in teaching order.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Course {
    /// See [`Step`].
    pub step: Vec<Step>,
}

/// One thing a student writes.
#[derive(Debug, Clone, Deserialize)]
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
    /// What stands in the region's place where a bare `todo!` would not compile.
    pub stub: Option<String>,
}

impl Step {
    /// What replaces the answer.
    pub fn placeholder(&self) -> String {
        self.stub.clone().unwrap_or_else(|| format!("todo!(\"step {}: {}\")", self.number, self.title))
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
    pub fn of(&self, phase: Phase) -> Vec<&Step> {
        let digit = phase.name().trim_start_matches("phase");
        self.step.iter().filter(|step| step.number.split('.').next() == Some(digit)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
    }

    #[test]
    fn every_body_region_of_the_source_is_a_step_and_every_step_a_region() {
        let mut regions = BTreeSet::new();
        for phase in ["phase1-echo", "phase2-framing", "phase3-eventloop", "phase4-keyspace"] {
            for file in crate::handout::files_below(&root().join(phase).join("src")).unwrap() {
                for line in std::fs::read_to_string(&file).unwrap().lines() {
                    if let Some(name) =
                        line.trim().strip_prefix("// ANCHOR: ").filter(|n| n.ends_with("-body"))
                    {
                        assert!(regions.insert(name.to_owned()), "{name} stands twice");
                    }
                }
            }
        }
        let steps: BTreeSet<String> =
            Course::load(root()).unwrap().step.into_iter().map(|s| s.anchor).collect();
        assert_eq!(regions, steps);
    }

    #[test]
    fn numbers_are_consecutive_and_chapters_exist() {
        let course = Course::load(root()).unwrap();
        for phase in Phase::ALL {
            for (index, step) in course.of(phase).iter().enumerate() {
                let digit = phase.name().trim_start_matches("phase");
                assert_eq!(step.number, format!("{digit}.{}", index + 1));
                assert!(
                    root().join("docs/src").join(&step.chapter).is_file(),
                    "{} does not exist",
                    step.chapter
                );
            }
        }
    }
}
