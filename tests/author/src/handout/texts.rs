//! The words that come with a handout.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::Edition;
use super::course::Course;
use grader::check::Phase;
use grader::workspace::package;

/// What a workspace says of itself.
pub(super) fn readme(phase: Phase, edition: Edition, course: &Course) -> String {
    match edition {
        Edition::Student => students(phase),
        Edition::Solution => instructors(phase, course),
    }
}

fn students(phase: Phase) -> String {
    let given = match phase {
        Phase::Echo => String::new(),
        _ => format!(
            "The phases before {phase} come whole: they hold the solutions of their own steps. From {phase} on the code is \
             yours.\n\n"
        ),
    };
    format!(
        "# Your own Redis at home\n\n{given}\
         This workspace grows: it begins with {phase}, and each further phase is laid beside your own code when the one \
         before it works.\n\n\
         ```console\n\
         $ cargo next                      # where you are, what to write, in which file and line\n\
         $ cargo next --watch              # the same, again whenever you save\n\
         $ cargo next --hint 1             # a nudge for what fails; 2 and 3 say more\n\
         $ cargo grade {phase}              # all checks of a phase, at length\n\
         $ cargo grade --explain CHECK     # what a check wants, and why\n\
         ```\n\n\
         The first `cargo next` compiles the grader, which takes a minute or two.\n\n\
         Bodies marked `todo!(\"step …\")` or `// TODO step …` are yours to write, in their order; everything else is \
         given. `{}/TASKS.md` holds the task of each chapter. The grader looks at your programs from outside, through \
         their sockets. `.course.toml` remembers where this workspace came from and how far it has come. Nothing that \
         you write is ever overwritten.\n",
        package(phase)
    )
}

fn instructors(phase: Phase, course: &Course) -> String {
    let steps = course.of(phase);
    let list: String = steps
        .iter()
        .map(|step| format!("| {} | {} | `docs` chapter `{}` |\n", step.number, step.title, step.chapter))
        .collect();
    format!(
        "# {}\n\nThis is the instructor's edition: the bodies are in place.\n\n\
         | step | what to write | chapter |\n|---|---|---|\n{list}",
        phase.title()
    )
}

/// The `Task` sections of the phase's chapters, in the order of the steps.
pub(super) fn tasks(root: &Path, phase: Phase, course: &Course) -> Result<String> {
    let mut text = format!("# Tasks of {}\n", phase.title());
    let mut seen: Vec<&str> = Vec::new();
    for step in course.of(phase) {
        if seen.contains(&step.chapter.as_str()) {
            continue;
        }
        seen.push(&step.chapter);
        let file = root.join("docs/src").join(&step.chapter);
        let chapter = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let title = chapter.lines().next().unwrap_or_default().trim_start_matches("# ");
        text += &format!("\n## {title}\n\n{}\n", section(&chapter, "## Task").unwrap_or("See the chapter."));
    }
    Ok(text)
}

fn section<'a>(chapter: &'a str, heading: &str) -> Option<&'a str> {
    let begin = chapter.find(&format!("\n{heading}\n"))? + heading.len() + 2;
    let rest = &chapter[begin..];
    let end = rest.find("\n## ").unwrap_or(rest.len());
    Some(rest[..end].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapters_task_ends_at_the_next_heading() {
        let chapter = "# Title\n\ntext\n\n## Task\n\nWrite it.\n\n## How it is graded\n\nSo.\n";
        assert_eq!(section(chapter, "## Task"), Some("Write it."));
        assert_eq!(section(chapter, "## Lab"), None);
    }
}
