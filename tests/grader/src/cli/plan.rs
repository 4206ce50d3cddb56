//! What the arguments ask to be run: which checks, on which server, with which seed.

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::subjects::Subjects;
use super::{Arguments, user};
use crate::check::{Phase, Subject};
use crate::course::{Chosen, Suite};
use crate::runner::Plan;
use crate::strace::Tracing;
use crate::target::Launch;
use crate::{seed, stages, workspace};

/// Enough for a server with a process for each client, and for the build of a crate.
const PROCESSES_OF_A_USER: u64 = 512;

/// What the arguments ask to be run.
///
/// # Errors
/// When they contradict each other, or the workspace's own server cannot be built.
pub fn plan(arguments: &Arguments) -> anyhow::Result<Plan> {
    let suite = arguments.suite.as_deref().map(Suite::load).transpose()?.unwrap_or_default();
    let Some(phase) = arguments.phase.or(suite.phase()) else {
        bail!("say which phase: cargo grade phase1 (or phase2, phase3, phase4); --list shows the checks");
    };
    let checks = select_stages(suite.choose(phase), phase, &arguments.stage)?;
    let mut checks = select(checks, phase, &arguments.only)?;
    let subjects = Subjects::of(arguments, phase)?;
    let notice = subjects.leave_out(&mut checks, arguments, phase)?;
    let of = |subject| checks.iter().any(|chosen| chosen.check.subject == subject);
    let server = match (&subjects.server, of(Subject::Server)) {
        (Some(argv), _) => argv.clone(),
        (None, true) if arguments.batch.is_none() && arguments.submission.is_none() => {
            workspace::own_server(phase)?
        }
        _ => Vec::new(),
    };
    let client = match (&subjects.client, of(Subject::Client)) {
        (Some(argv), _) => argv.clone(),
        (None, true) => workspace::own_client(phase)?,
        (None, false) => Vec::new(),
    };
    let user = arguments.as_user.as_deref().map(user::find).transpose()?;
    let launch = |argv| {
        let mut launch =
            Launch { user, startup: Duration::from_secs(arguments.startup_timeout), ..Launch::new(argv) };
        // A user whom nobody else is can be held much tighter: one that forks for ever stays small.
        if user.is_some() {
            launch.limits.processes = Some(PROCESSES_OF_A_USER);
        }
        launch
    };
    Ok(Plan {
        phase,
        checks,
        launch: launch(server),
        client: (!client.is_empty()).then(|| launch(client)),
        client_command: arguments.client.clone(),
        notice,
        command: arguments.command.clone(),
        seed: chosen_seed(arguments, arguments.student.as_deref())?,
        student: arguments.student.clone(),
        jobs: arguments.jobs,
        timeout: Duration::from_secs(arguments.timeout),
        tracing: if arguments.strace { Tracing::probe() } else { Tracing::off() },
    })
}

/// The seed for a student, or the one that was given, or a new one.
///
/// # Errors
/// When the secret cannot be read.
pub fn chosen_seed(arguments: &Arguments, student: Option<&str>) -> anyhow::Result<u64> {
    if let (Some(student), Some(file)) = (student, &arguments.secret) {
        let secret =
            std::fs::read(file).with_context(|| format!("cannot read the secret {}", file.display()))?;
        if secret.trim_ascii().is_empty() {
            bail!("the secret {} is empty", file.display());
        }
        return Ok(seed::for_student(secret.trim_ascii(), student));
    }
    Ok(arguments.seed.unwrap_or_else(seed::fresh))
}

/// Those of the named stages, and what has to come first: a server that does not listen has no stage to reach.
fn select_stages(chosen: Vec<Chosen>, phase: Phase, wanted: &[String]) -> anyhow::Result<Vec<Chosen>> {
    if wanted.is_empty() {
        return Ok(chosen);
    }
    for name in wanted {
        if !stages::of(phase).iter().any(|stage| stage.name == name) {
            let all: Vec<&str> = stages::of(phase).iter().map(|stage| stage.name).collect();
            bail!("{phase} has no stage `{name}`; its stages are {}", all.join(", "));
        }
    }
    let belongs =
        |chosen: &Chosen| wanted.iter().any(|name| stages::of_check(phase, chosen.check).name == name);
    Ok(chosen.into_iter().filter(belongs).collect())
}

fn select(chosen: Vec<Chosen>, phase: Phase, only: &[String]) -> anyhow::Result<Vec<Chosen>> {
    if only.is_empty() {
        return Ok(chosen);
    }
    let matches = |name: &String, chosen: &Chosen| {
        name == chosen.check.name || *name == chosen.check.id(phase) || name == chosen.check.topic
    };
    for name in only {
        if !chosen.iter().any(|chosen| matches(name, chosen)) {
            bail!("{phase} has no check or topic `{name}`; `cargo grade {phase} --list` shows them");
        }
    }
    Ok(chosen.into_iter().filter(|chosen| only.iter().any(|name| matches(name, chosen))).collect())
}
