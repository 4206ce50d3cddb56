//! What `cargo next` tells a learner.

use std::path::Path;

use super::Walk;
use super::place::Place;
use super::prove::Proof;
use crate::check::Phase;
use crate::report::{Style, explain::explain, text};
use crate::steps::Step;
use crate::workspace;

/// Where the learner stands: what is done, what is next, what is left.
pub(super) fn position(walk: &Walk, phase: Phase, next: &Step, place: &Place, left: &[Step]) {
    let steps = walk.course.of(phase);
    let at = steps.len() - left.len();
    println!("\n{} · step {at} of {}", phase.title(), steps.len());
    for step in &steps[..at - 1] {
        println!("  done  {:<5} {}", step.number, step.title);
    }
    println!("  NEXT  {:<5} {}", next.number, next.title);
    println!("              write it in   {}:{}", place.file.display(), place.line);
    println!("              read          {}", chapter(walk, &next.chapter).display());
    if let Some(green) = turns_green(phase, next) {
        println!("              turns green   {green}");
    }
    for step in left {
        println!("  left  {:<5} {}", step.number, step.title);
    }
    println!("\nWhen it is written, type `cargo next` again (or leave `cargo next --watch` running).");
}

/// The checks and unit tests of a step.
fn turns_green(phase: Phase, step: &Step) -> Option<String> {
    const BELOW: &str = "\n                            ";
    let mut lines = Vec::new();
    if !step.checks.is_empty() {
        lines.extend(in_lines(&format!("{phase}: {}", step.checks.join(", ")), 80));
    }
    lines.extend(step.tests.iter().map(|name| format!("unit test {name}")));
    (!lines.is_empty()).then(|| lines.join(BELOW))
}

/// Words in lines of at most so many characters.
fn in_lines(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.len() + 1 + word.len() <= width) {
            Some(line) => *line += &format!(" {word}"),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The chapter's file: in this workspace, or else in the course.
fn chapter(walk: &Walk, chapter: &str) -> std::path::PathBuf {
    let inside = Path::new("docs/src").join(chapter);
    if walk.root.join(&inside).is_file() { inside } else { walk.state.origin.join(inside) }
}

/// What is being looked at, since that takes a moment.
pub(super) fn looking(phase: Phase, written: &[&Step], done: &[String]) {
    let (first, last) = (&written[0].number, &written[written.len() - 1].number);
    let which = if first == last { format!("step {first}") } else { format!("steps {first} to {last}") };
    let checks: usize = written.iter().map(|step| step.checks.len()).sum();
    let fresh = written.iter().filter(|step| !done.contains(&step.number));
    let tests: usize = fresh.map(|step| step.tests.len()).sum();
    println!("{phase}: looking at {which} ({checks} checks, {tests} unit tests) …");
}

/// A step that has been seen to work for the first time.
pub(super) fn gained(step: &Step) {
    println!("\nStep {} works: {}.", step.number, step.title);
    if let Some(gain) = &step.gain {
        println!("  {gain}");
    }
}

/// The step that was being written when the compiler complained.
pub(super) fn does_not_compile(walk: &Walk, written: &[&Step]) {
    if let Some(step) = written.iter().find(|step| !walk.state.done.contains(&step.number)) {
        println!("\nAt step {}: {}.", step.number, step.title);
    }
}

/// What is wrong with a step that has been written.
pub(super) fn refuted(step: &Step, was_done: bool, proof: &Proof, style: Style) {
    let how =
        if was_done { "worked before and does not any more" } else { "is written and does not work yet" };
    println!("\nStep {} {how}: {}.", step.number, step.title);
    if let Some(name) = proof.failed_tests.first() {
        println!("\nFAIL  unit test {name}");
        for line in said_by(name, &proof.test_output).unwrap_or("it is not there any more").lines() {
            println!("    {line}");
        }
        return;
    }
    let Some(run) = &proof.run else { return };
    let red = |word: &str| run.results.iter().find(|result| result.status.word() == word);
    if let Some(result) = red("failed").or_else(|| red("infrastructure error")) {
        println!("\n{}", text::line(result, style));
        for line in explain(run, result, style).lines() {
            println!("    {line}");
        }
    }
}

/// What one test printed, in the output of all.
fn said_by<'a>(name: &str, output: &'a str) -> Option<&'a str> {
    let (_, rest) = output.split_once(&format!("---- {name} stdout ----\n"))?;
    Some(rest.split("\n\n").next().unwrap_or(rest).trim())
}

/// All bodies are written and a check still fails.
pub(super) fn not_yet(failed: &[Phase]) {
    let names: Vec<&str> = failed.iter().map(|phase| phase.name()).collect();
    println!(
        "\nNot all checks of {} pass yet. What is wrong stands above; `cargo grade PHASE --only CHECK` looks at one of them \
         alone. `cargo next --go-on` goes on all the same.",
        names.join(" and ")
    );
}

/// A phase is complete.
pub(super) fn complete(walk: &Walk, phase: Phase) {
    let package = workspace::package(phase);
    println!("\n{} is complete, in your own code.", phase.title());
    println!(
        "Our version, to compare:\n  diff -ru -I ANCHOR {} {package}/src",
        walk.state.origin.join(package).join("src").display()
    );
}

/// A phase was added.
pub(super) fn arrived(phase: Phase) {
    println!("\n{} has been added beside your own code, in {}/.", phase.title(), workspace::package(phase));
}

/// There is no phase behind the last.
pub(super) fn the_end(walk: &Walk) {
    println!(
        "\nThat was the last step. You have written a server that Redis's own clients talk to: cargo run --release, then \
         redis-cli.\nWhat it still lacks stands in {}.",
        walk.state.origin.join("docs/src/phase4/to-come.md").display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_said_is_found_in_the_output_of_all() {
        let output = "running 2 tests\ntest a ... FAILED\n\nfailures:\n\n---- a stdout ----\nthread 'a' panicked at x.rs:1:1:\n\
                      left: 1\n\n\nfailures:\n    a\n";
        assert_eq!(said_by("a", output), Some("thread 'a' panicked at x.rs:1:1:\nleft: 1"));
        assert_eq!(said_by("b", output), None);
    }

    #[test]
    fn a_step_names_what_turns_green() {
        let step = Step { checks: vec!["drip".into()], tests: vec!["io::t".into()], ..Step::default() };
        let text = turns_green(Phase::Echo, &step).unwrap();
        assert!(text.starts_with("phase1: drip\n") && text.ends_with("unit test io::t"), "{text}");
        assert_eq!(turns_green(Phase::Echo, &Step::default()), None);
        assert_eq!(in_lines("a, bb, ccc", 6), ["a, bb,", "ccc"]);
    }
}
