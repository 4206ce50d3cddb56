//! `ladder`: climbs every rung of the course. With the first k steps written, their checks and unit tests pass and the others'
//! do not.
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use author::handout::course::Course;
use author::ladder::{Rung, climb};
use clap::Parser;
use grader::check::Phase;
use grader::workspace;

/// Climbs the rungs of a phase, or of all: each is graded whole.
#[derive(Parser)]
#[command(name = "ladder", version)]
struct Arguments {
    /// Only this phase
    phase: Option<Phase>,

    /// Only the rung with this many steps written; may be repeated
    #[arg(long, value_name = "N")]
    rung: Vec<usize>,

    /// Show for each rung which checks turn green with it, and which red
    #[arg(long)]
    table: bool,
}

fn main() -> ExitCode {
    match climb_all(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(complaints) => {
            println!("{complaints} complaints");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("ladder: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn climb_all(arguments: &Arguments) -> Result<usize> {
    let root = workspace::root()?;
    let course = Course::load(&root)?;
    let started = Instant::now();
    let mut complaints = 0;
    for phase in Phase::ALL.into_iter().filter(|phase| arguments.phase.is_none_or(|wanted| wanted == *phase))
    {
        let steps = course.of(phase);
        let all: Vec<usize> = (0..=steps.len()).collect();
        let rungs = if arguments.rung.is_empty() { &all } else { &arguments.rung };
        let mut before = BTreeSet::new();
        climb(&root, phase, rungs.iter().copied(), |rung| {
            let found = rung.complaints(&steps);
            let last = rung.written.checked_sub(1).and_then(|at| steps.get(at));
            let name = last.map_or("the handout", |step| &step.anchor);
            println!(
                "{phase} {:>2} {name:<22} {:>3} checks, {:>2} unit tests, {:>5.1} s",
                rung.written,
                rung.passed.len(),
                rung.green.len(),
                rung.took.as_secs_f64()
            );
            if arguments.table {
                table(rung, &before);
                before = rung.passed.union(&rung.green).cloned().collect();
            }
            for complaint in &found {
                println!("   ! {complaint}");
            }
            complaints += found.len();
        })?;
    }
    println!("{:.1} minutes", started.elapsed().as_secs_f64() / 60.0);
    Ok(complaints)
}

fn table(rung: &Rung, before: &BTreeSet<String>) {
    let now: BTreeSet<String> = rung.passed.union(&rung.green).cloned().collect();
    for (sign, names) in [("+", now.difference(before)), ("-", before.difference(&now))] {
        for name in names {
            println!("   {sign} {name}");
        }
    }
}
