//! A course's own suite: which checks count, how much, and who sees them. A TOML file:
//!
//! ```toml
//! phase = "phase2"
//! topics = ["sockets", "framing"]     # only these groups; all when absent
//!
//! [[check]]
//! name = "partial-header"             # or "phase2.partial-header"
//! points = 5
//! visibility = "hidden"               # visible, hidden, after_due_date, after_published
//!
//! [[check]]
//! name = "fuzz"
//! skip = true
//!
//! [[stage]]                           # a rule for every check of a stage; a check's own rule goes before it
//! name = "loop"
//! visibility = "after_due_date"
//! ```

use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use toml::Spanned;

use crate::check::{Check, Phase};
use crate::{checks, stages};

/// Who may see a result, in Gradescope's words. Other formats show `visible` alone in full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// The student, at once.
    #[default]
    Visible,
    /// The instructor only.
    Hidden,
    /// The student, after the due date.
    AfterDueDate,
    /// The student, once grades are published.
    AfterPublished,
}

impl Visibility {
    /// Gradescope's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Visible => "visible",
            Self::Hidden => "hidden",
            Self::AfterDueDate => "after_due_date",
            Self::AfterPublished => "after_published",
        }
    }
}

/// A suite as it stands in the file. The default one takes every check as it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suite {
    /// The phase this suite is for.
    phase: Option<Spanned<String>>,
    /// Topics that count.
    topics: Option<Vec<Spanned<String>>>,
    /// Changes to single checks.
    #[serde(default)]
    check: Vec<Rule>,
    /// Changes to whole stages.
    #[serde(default)]
    stage: Vec<StageRule>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct StageRule {
    name: Spanned<String>,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    skip: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: Spanned<String>,
    points: Option<Spanned<f64>>,
    visibility: Option<Visibility>,
    #[serde(default)]
    skip: bool,
}

/// A check as the suite wants it.
#[derive(Debug, Clone, Copy)]
pub struct Chosen {
    /// The check.
    pub check: &'static Check,
    /// What it is worth.
    pub points: f64,
    /// Who may see its result.
    pub visibility: Visibility,
}

impl Suite {
    /// Reads a suite file.
    ///
    /// # Errors
    /// When it cannot be read or says something that has no meaning, with file and line.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in the suite file {}", path.display()))
    }

    /// Reads a suite from text.
    ///
    /// # Errors
    /// As [`Suite::load`]; the message names the line.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let suite: Self = toml::from_str(text)?;
        let line = |span: std::ops::Range<usize>| text[..span.start].matches('\n').count() + 1;
        if let Some(phase) = &suite.phase
            && let Err(error) = phase.get_ref().parse::<Phase>()
        {
            bail!("line {}: {error}", line(phase.span()));
        }
        for topic in suite.topics.iter().flatten() {
            if !checks::all().any(|(_, check)| check.topic == topic.get_ref()) {
                bail!("line {}: no check has the topic `{}`", line(topic.span()), topic.get_ref());
            }
        }
        for rule in &suite.stage {
            let name = rule.name.get_ref();
            if !Phase::ALL.iter().any(|phase| stages::of(*phase).iter().any(|stage| stage.name == name)) {
                bail!(
                    "line {}: there is no stage `{name}`; `cargo grade --list` shows them",
                    line(rule.name.span())
                );
            }
        }
        for rule in &suite.check {
            let name = rule.name.get_ref();
            if !checks::all().any(|(phase, check)| rule.is_for(phase, check)) {
                bail!(
                    "line {}: there is no check `{name}`; `cargo grade --list` shows them",
                    line(rule.name.span())
                );
            }
            if let Some(points) = &rule.points
                && !(points.get_ref().is_finite() && *points.get_ref() >= 0.0)
            {
                bail!("line {}: points must be 0 or more, not {}", line(points.span()), points.get_ref());
            }
        }
        Ok(suite)
    }

    /// The phase the suite names.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.phase.as_ref()?.get_ref().parse().ok()
    }

    /// The checks of a phase as this suite wants them.
    #[must_use]
    pub fn choose(&self, phase: Phase) -> Vec<Chosen> {
        checks::of(phase).filter_map(|check| self.apply(phase, check)).collect()
    }

    fn apply(&self, phase: Phase, check: &'static Check) -> Option<Chosen> {
        let topic_counts = self
            .topics
            .as_ref()
            .is_none_or(|topics| topics.iter().any(|topic| topic.get_ref() == check.topic));
        let rule = self.check.iter().find(|rule| rule.is_for(phase, check));
        let name = stages::of_check(phase, check).name;
        let stage = self.stage.iter().find(|stage| stage.name.get_ref() == name);
        if !topic_counts || rule.map_or(stage.is_some_and(|stage| stage.skip), |rule| rule.skip) {
            return None;
        }
        let of_stage = stage.map_or(Visibility::Visible, |stage| stage.visibility);
        let points = rule.and_then(|rule| rule.points.as_ref()).map(|points| *points.get_ref());
        Some(Chosen {
            check,
            points: points.unwrap_or(f64::from(check.points)),
            visibility: rule.and_then(|rule| rule.visibility).unwrap_or(of_stage),
        })
    }
}

impl Rule {
    fn is_for(&self, phase: Phase, check: &Check) -> bool {
        let name = self.name.get_ref();
        name == check.name || *name == check.id(phase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        format!("{:#}", Suite::parse(text).expect_err("should be refused"))
    }

    #[test]
    fn weights_visibility_and_skipping_take_effect() {
        let suite = Suite::parse(
            "phase = \"phase1\"\n[[check]]\nname = \"round-trip\"\npoints = 7.5\nvisibility = \"hidden\"\n\
             [[check]]\nname = \"phase1.listens\"\nskip = true\n",
        )
        .expect("a good suite");
        assert_eq!(suite.phase(), Some(Phase::Echo));
        let chosen = suite.choose(Phase::Echo);
        let echo = chosen.iter().find(|chosen| chosen.check.name == "round-trip").expect("is chosen");
        assert_eq!((echo.points, echo.visibility), (7.5, Visibility::Hidden));
        assert!(!chosen.iter().any(|chosen| chosen.check.name == "listens"));
        // The rule named phase 1's check, so phase 2 keeps its own.
        assert!(suite.choose(Phase::Framing).iter().any(|chosen| chosen.check.name == "listens"));
    }

    #[test]
    fn a_stage_is_hidden_or_left_out_and_a_checks_own_rule_goes_before_it() {
        let suite = Suite::parse(
            "[[stage]]\nname = \"framing\"\nvisibility = \"hidden\"\n[[stage]]\nname = \"client\"\nskip = true\n\
             [[check]]\nname = \"zero-length\"\nvisibility = \"visible\"\n",
        )
        .expect("a good suite");
        let chosen = suite.choose(Phase::Framing);
        let of = |name| chosen.iter().find(|c| stages::of_check(Phase::Framing, c.check).name == name);
        assert_eq!(of("framing").expect("is chosen").visibility, Visibility::Hidden);
        assert_eq!(of("sockets").expect("is chosen").visibility, Visibility::Visible);
        assert!(of("client").is_none());
        let zero = chosen.iter().find(|chosen| chosen.check.name == "zero-length").expect("is chosen");
        assert_eq!(zero.visibility, Visibility::Visible);
        assert!(complaint("[[stage]]\nname = \"cooking\"\n").contains("line 2"));
    }

    #[test]
    fn the_default_suite_takes_everything() {
        let chosen = Suite::default().choose(Phase::Echo);
        assert_eq!(chosen.len(), checks::of(Phase::Echo).count());
    }

    #[test]
    fn a_wrong_field_names_its_line() {
        let text = complaint("phase = \"phase1\"\n\n[[check]]\nname = \"round-trip\"\npionts = 3\n");
        assert!(text.contains("line 5") && text.contains("pionts"), "{text}");
    }

    #[test]
    fn wrong_values_name_their_line() {
        let text = complaint("\n[[check]]\nname = \"no-such-check\"\n");
        assert!(text.contains("line 3") && text.contains("no-such-check"), "{text}");
        let text = complaint("phase = \"phase9\"\n");
        assert!(text.contains("line 1") && text.contains("phase9"), "{text}");
        let text = complaint("[[check]]\nname = \"round-trip\"\npoints = -1.0\n");
        assert!(text.contains("line 3"), "{text}");
        let text = complaint("topics = [\"cookery\"]\n");
        assert!(text.contains("line 1") && text.contains("cookery"), "{text}");
        let text = complaint("[[check]]\nname = \"round-trip\"\nvisibility = \"secret\"\n");
        assert!(text.contains("line 3") && text.contains("secret"), "{text}");
    }
}
