//! The steps of the course, held against the sources, the book and the grader.

pub use grader::steps::{Course, Step};

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    use grader::check::Phase;
    use grader::{checks, workspace};

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

    #[test]
    fn what_turns_green_exists_and_belongs_to_one_step() {
        let course = Course::load(root()).unwrap();
        for phase in Phase::ALL {
            let crate_folder = root().join(workspace::package(phase)).join("src");
            let files = crate::handout::files_below(&crate_folder).unwrap();
            let sources: String = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
            let mut seen = BTreeSet::new();
            for step in course.of(phase) {
                for name in &step.checks {
                    assert!(
                        checks::of(phase).any(|check| check.name == name),
                        "{}: no check {name}",
                        step.number
                    );
                    assert!(seen.insert(name.clone()), "{name} turns green twice");
                }
                for name in &step.tests {
                    let function = name.rsplit("::").next().unwrap();
                    assert!(sources.contains(&format!("fn {function}(")), "{}: no test {name}", step.number);
                    assert!(seen.insert(name.clone()), "{name} turns green twice");
                }
            }
        }
    }
}
