//! Which programs a run judges, and what is left out because its program was not given.

use anyhow::bail;

use super::Arguments;
use crate::check::{Phase, Subject};
use crate::checks;
use crate::course::Chosen;

/// Whose programs a run judges: those that were given, or, where none was, this workspace's own.
pub(super) struct Subjects {
    pub(super) server: Option<Vec<String>>,
    pub(super) client: Option<Vec<String>>,
    /// Neither was given.
    own: bool,
}

impl Subjects {
    pub(super) fn of(arguments: &Arguments, phase: Phase) -> anyhow::Result<Self> {
        let client = arguments.client.as_deref().map(|text| split(text, phase)).transpose()?;
        let server = (!arguments.command.is_empty()).then(|| arguments.command.clone());
        let own = client.is_none() && server.is_none() && !arguments.grades_folders();
        Ok(Self { server, client, own })
    }

    fn has(&self, subject: Subject, batch: bool) -> bool {
        self.own
            || match subject {
                Subject::Server => self.server.is_some() || batch,
                Subject::Client => self.client.is_some(),
            }
    }

    /// Leaves out the checks of a program that was not given. What goes without having been named is said in a notice.
    pub(super) fn leave_out(
        &self,
        checks: &mut Vec<Chosen>,
        arguments: &Arguments,
        phase: Phase,
    ) -> anyhow::Result<Option<String>> {
        let batch = arguments.grades_folders();
        let lacks = |chosen: &Chosen| !self.has(chosen.check.subject, batch);
        let Some(first) = checks.iter().copied().find(lacks) else { return Ok(None) };
        let named =
            arguments.only.iter().any(|name| *name == first.check.name || *name == first.check.id(phase));
        checks.retain(|chosen| !lacks(chosen));
        let how = match first.check.subject {
            Subject::Server => "give its command after `--`",
            Subject::Client => "give its command with --client './client {port}'",
        };
        if named || checks.is_empty() {
            bail!(
                "{} judges a {}, and none was given: {how}",
                first.check.id(phase),
                first.check.subject.noun()
            );
        }
        let chosen = !arguments.only.is_empty() || !arguments.stage.is_empty() || batch;
        let text = || format!("no {} was graded: {how}", first.check.subject.noun());
        Ok((!chosen).then(text))
    }
}

/// The words of a client's command.
fn split(text: &str, phase: Phase) -> anyhow::Result<Vec<String>> {
    if !checks::of(phase).any(|check| check.subject == Subject::Client) {
        bail!("{phase} has no checks for a client: phase1 and phase2 have");
    }
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(words),
        Some(_) => bail!("--client names no command"),
        None => bail!("--client {text:?}: a quotation mark is left open"),
    }
}
