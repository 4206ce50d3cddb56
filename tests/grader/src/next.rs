//! `cargo next`: where a learner stands, which step comes next, and whether the last one works.
//!
//! What has been written is seen from the sources: an open step has its mark in them ([`place`]). Whether it works is seen
//! from its unit tests and checks ([`prove`]). When a phase has no open step and no failing check left, the next one is
//! fetched from the course ([`grow`]) and laid beside the learner's own code, which nothing here ever changes.

mod grow;
mod place;
pub mod prove;
mod say;
pub mod state;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use crate::check::Phase;
use crate::report::{RunVerdict, Style, text};
use crate::runner::Event;
use crate::steps::{Course, Step};
use crate::{cli, signals, supervisor, target, watch, workspace};
use prove::Proof;
use state::State;

/// Says where you stand, checks the step that you have just written and names the next. When a phase is complete, it adds
/// the next one to your workspace, beside your own code.
#[derive(Debug, Clone, Parser)]
#[command(name = "next", version)]
pub struct Arguments {
    /// The course's own folder, if it has moved or .course.toml is lost
    #[arg(long, value_name = "FOLDER")]
    pub from: Option<PathBuf>,

    /// Look again whenever a file here changes (keys: r again, h hint, q quit)
    #[arg(long)]
    pub watch: bool,

    /// Show this many hints with a failing check
    #[arg(long, value_name = "1..3", default_value_t = 0, value_parser = clap::value_parser!(u8).range(0..=3))]
    pub hint: u8,

    /// Add the next phase although checks of this one still fail
    #[arg(long)]
    pub go_on: bool,
}

/// Does what the arguments ask for.
///
/// # Errors
/// When this is no learner's workspace, it does not compile, or the course cannot be reached.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let root = root()?;
    std::env::set_current_dir(&root).with_context(|| root.display().to_string())?;
    if let Some(from) = &arguments.from {
        adopt(&root, from)?;
    }
    let _supervisor = supervisor::start();
    signals::on_end(|| {
        target::kill_all();
        watch::restore_terminal();
    })?;
    let result = if arguments.watch {
        let here = root.clone();
        watch::again_and_again(&here, arguments.hint, "r again, h hint, q quit", |hints| {
            Walk::load(&root)?.round(hints, arguments.go_on).map(drop)
        })
    } else {
        Walk::load(&root).and_then(|mut walk| walk.round(arguments.hint, arguments.go_on))
    };
    target::kill_all();
    result
}

/// The learner's workspace around the current directory.
fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().context("the current directory is gone")?;
    let own = here.ancestors().find(|folder| folder.join(state::FILE).is_file()).map(Path::to_path_buf);
    let root = match own {
        Some(root) => root,
        None => workspace::root()?,
    };
    if root.join("tests/author").is_dir() {
        bail!(
            "{} is the course itself. `cargo handout ../my-redis` here makes a workspace of your own; go there and type \
             `cargo next`.",
            root.display()
        );
    }
    Ok(root)
}

/// Takes note of where the course is. What else a state file knew is kept, if it can be read.
fn adopt(root: &Path, from: &Path) -> Result<()> {
    grow::verify_origin(from)?;
    let state = match State::load(root) {
        Ok(old) => State { origin: from.canonicalize().context("the course's folder")?, ..old },
        Err(_) => {
            let file = root.join(state::FILE);
            if file.exists() {
                std::fs::rename(&file, root.join(".course.toml.damaged"))
                    .context("keeping the damaged file")?;
            }
            State::new(from, Phase::Echo)?
        }
    };
    state.save(root)?;
    println!("The course is in {}.", state.origin.display());
    Ok(())
}

/// One learner's way, as far as it has come.
pub(crate) struct Walk {
    root: PathBuf,
    course: Course,
    state: State,
}

impl Walk {
    fn load(root: &Path) -> Result<Walk> {
        Ok(Walk { root: root.to_owned(), course: Course::load(root)?, state: State::load(root)? })
    }

    /// The phases that are the learner's own: from the first to be written to the last that is there.
    fn phases(&self) -> Vec<Phase> {
        let from_start = Phase::ALL.into_iter().skip_while(|phase| *phase != self.state.start());
        from_start.take_while(|phase| self.root.join(workspace::package(*phase)).is_dir()).collect()
    }

    fn fingerprint(&self) -> Result<String> {
        let all = Phase::ALL.map(workspace::package);
        let there: Vec<&str> = all.into_iter().filter(|package| self.root.join(package).is_dir()).collect();
        place::fingerprint(&self.root, &there)
    }

    /// Looks once, and says what there is to say. The exit status is that of a grade: 1 when something written is wrong.
    fn round(&mut self, hints: u8, go_on: bool) -> Result<ExitCode> {
        let phases = self.phases();
        let Some(last) = phases.last().copied() else {
            bail!("{} is not here, and it is where this way begins", workspace::package(self.state.start()));
        };
        for phase in phases {
            let steps = self.course.of(phase);
            let open = place::open_steps(&self.root, workspace::package(phase), &steps)?;
            let Some(at) = steps.iter().position(|step| open.contains_key(&step.number)) else { continue };
            let (written, next) =
                (steps[..at].iter().copied().cloned().collect::<Vec<Step>>(), steps[at].clone());
            let done = self.state.done.clone();
            if !self.is_proven(phase, &written, &done, hints)? {
                return Ok(ExitCode::from(1));
            }
            let left: Vec<Step> = self.course.of(phase)[at + 1..].iter().copied().cloned().collect();
            say::position(self, phase, &next, &open[&next.number], &left);
            return Ok(ExitCode::SUCCESS);
        }
        self.phase_written(last, hints, go_on)
    }

    /// Whether what has been written works; the unit tests of `done` steps are taken on trust. What is seen to work for the first
    /// time is said.
    fn is_proven(&mut self, phase: Phase, written: &[Step], done: &[String], hints: u8) -> Result<bool> {
        let fingerprint = self.fingerprint()?;
        if written.is_empty() || self.state.proven.as_ref() == Some(&fingerprint) {
            return Ok(true);
        }
        let written: Vec<&Step> = written.iter().collect();
        say::looking(phase, &written, done);
        let proof = prove::steps(&self.root, phase, &written, done, self.state.seed).inspect_err(|_| {
            say::does_not_compile(self, &written);
        })?;
        if !proof.holds() {
            self.refuted(&written, &proof, hints);
            return Ok(false);
        }
        for step in written {
            if !self.state.done.contains(&step.number) {
                say::gained(step);
                self.state.done.push(step.number.clone());
            }
        }
        self.state.proven = Some(fingerprint);
        self.state.save(&self.root)?;
        Ok(true)
    }

    fn refuted(&self, written: &[&Step], proof: &Proof, hints: u8) {
        let step = written.iter().find(|step| proof.refutes(step)).or(written.last());
        let Some(step) = step else { return };
        say::refuted(step, self.state.done.contains(&step.number), proof, style(hints));
    }

    /// Every body of every phase that is here is written: grades all of them, and fetches the next phase.
    fn phase_written(&mut self, last: Phase, hints: u8, go_on: bool) -> Result<ExitCode> {
        let fingerprint = self.fingerprint()?;
        let known = self.state.complete.iter().any(|name| name == last.name());
        if !(known && self.state.proven.as_ref() == Some(&fingerprint)) {
            let steps: Vec<Step> = self.course.of(last).into_iter().cloned().collect();
            if !self.is_proven(last, &steps, &[], hints)? {
                return Ok(ExitCode::from(1));
            }
            println!("\nEvery body of {last} is written. Now all checks, of all you have built:");
            let mut failed = Vec::new();
            for phase in self.phases() {
                if !self.grade_whole(phase, hints)? {
                    failed.push(phase);
                }
            }
            if !failed.is_empty() && !go_on {
                say::not_yet(&failed);
                return Ok(ExitCode::from(1));
            }
            self.state.complete.push(last.name().to_owned());
            self.state.complete.dedup();
            self.state.proven = Some(fingerprint);
            self.state.save(&self.root)?;
            say::complete(self, last);
        }
        let Some(next) = Phase::ALL.into_iter().find(|phase| *phase > last) else {
            say::the_end(self);
            return Ok(ExitCode::SUCCESS);
        };
        grow::fetch(&self.root, &self.state, next)?;
        say::arrived(next);
        // The new phase brings its steps along, as the course has them now.
        self.course = Course::load(&self.root)?;
        self.state.commit = state::commit_of(&self.state.origin);
        self.state.save(&self.root)?;
        self.round(hints, go_on)
    }

    fn grade_whole(&self, phase: Phase, hints: u8) -> Result<bool> {
        let style = style(hints);
        let progress = |event: &Event<'_>| {
            if let Event::Ended(result, _) = event
                && result.status.word() != "passed"
                && result.status.word() != "not run"
            {
                println!("{}", text::line(result, style));
            }
        };
        let run = prove::grade(phase, &[], self.state.seed, &progress)?;
        println!("{}", text::render(&run, style).trim());
        Ok(run.verdict() != RunVerdict::Failed)
    }
}

fn style(hints: u8) -> Style {
    Style { colour: cli::colour(), hints: usize::from(hints) }
}
