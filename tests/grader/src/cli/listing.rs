//! `--list` and `--explain`: the checks, as a learner reads about them.

use anyhow::bail;

use crate::check::Phase;
use crate::{checks, stages};

/// The checks of a phase, or of all, by stage.
pub(super) fn list(phase: Option<Phase>) -> String {
    let mut out = String::new();
    for wanted in Phase::ALL.into_iter().filter(|one| phase.is_none_or(|phase| phase == *one)) {
        out.push_str(wanted.title());
        out.push('\n');
        for stage in stages::of(wanted) {
            let of_stage = || checks::of(wanted).filter(|check| stages::of_check(wanted, check) == stage);
            let points: u32 = of_stage().map(|check| check.points).sum();
            out.push_str(&format!(" {}: {}, {points} points\n", stage.name, stage.title));
            for check in of_stage() {
                let id = check.id(wanted);
                out.push_str(&format!(
                    "  {id:<30} {:>2}  {:<10} {}\n",
                    check.points, check.topic, check.title
                ));
            }
        }
    }
    out
}

/// Everything that is to be known about one check.
///
/// # Errors
/// When there is no such check.
pub(super) fn explain_check(phase: Option<Phase>, name: &str) -> anyhow::Result<String> {
    let found = checks::find(name).or_else(|| {
        checks::all().find(|(of, check)| check.name == name && phase.is_none_or(|phase| phase == *of))
    });
    let Some((phase, check)) = found else {
        bail!("there is no check `{name}`; `cargo grade --list` shows them");
    };
    let mut out = format!("{}: {}\n\n{}\n\n", check.id(phase), check.title, check.lesson);
    out.push_str(&format!("chapter    {}\npoints     {}\n", check.chapter, check.points));
    if !check.catalogue.is_empty() {
        let entries: Vec<String> = check.catalogue.iter().map(ToString::to_string).collect();
        out.push_str(&format!("catalogue  {}\n", entries.join(", ")));
    }
    out.push_str(&format!("stage      {}\n", stages::of_check(phase, check).name));
    if !check.commands.is_empty() {
        out.push_str(&format!("commands   {}\n", check.commands.join(", ")));
    }
    let first = [check.blocked_by, &checks::explainers(check)].concat();
    let first: Vec<&str> =
        first.into_iter().filter(|name| checks::of(phase).any(|c| c.name == *name)).collect();
    if !first.is_empty() {
        out.push_str(&format!("after      {}\n", first.join(", ")));
    }
    out.push_str("bugs it knows\n");
    for bug in check.bugs {
        out.push_str(&format!("  - {bug}\n"));
    }
    out.push_str("hints\n");
    for (at, hint) in check.hints.iter().enumerate() {
        out.push_str(&format!("  {}. {hint}\n", at + 1));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explained_check_says_what_it_comes_after() {
        let text = explain_check(None, "phase4.framed-replies").expect("there is such a check");
        let after = text.lines().find_map(|line| line.strip_prefix("after")).unwrap_or_default();
        for name in ["set-get-del", "many-keys", "rehash-lookup"] {
            assert!(after.contains(name), "{text}");
        }
        // A check of phases 1 to 3 comes after those of its own phase alone.
        let text = explain_check(None, "phase1.eintr-read").expect("there is such a check");
        assert!(text.contains("drip") && !text.contains("mass-close"), "{text}");
    }

    #[test]
    fn the_list_has_every_check_once() {
        for (phase, check) in checks::all() {
            let id = check.id(phase);
            let text = list(Some(phase));
            assert_eq!(
                text.lines().filter(|line| line.split_whitespace().next() == Some(&id)).count(),
                1,
                "{id}"
            );
        }
    }
}
