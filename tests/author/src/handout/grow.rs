//! Adding a phase to a learner's workspace, beside what is there: nothing of the learner's is changed but the manifest's list
//! of members, and that only by what the new phase needs.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::course::Course;
use super::{copy_file, phase};
use grader::check::Phase;
use grader::workspace::package;

/// Adds the crate of `phase`, its bodies missing, to the workspace at `target`. It can be repeated: what is there already
/// stays as it is.
///
/// # Errors
/// When the phase before it is not there, or files cannot be written; then nothing has been added, or all but the manifest.
pub fn grow(root: &Path, phase: Phase, target: &Path) -> Result<()> {
    let crate_folder = target.join(package(phase));
    let before = Phase::ALL.into_iter().take_while(|earlier| *earlier < phase).last();
    if let Some(before) = before.filter(|before| !target.join(package(*before)).is_dir()) {
        bail!("{} holds no {}, on which {phase} stands", target.display(), package(before));
    }
    let manifest_file = target.join("Cargo.toml");
    let manifest =
        std::fs::read_to_string(&manifest_file).with_context(|| manifest_file.display().to_string())?;
    let grown = with_member(&manifest, phase)?;
    if !crate_folder.exists() {
        // Made aside and moved when it is whole, so that an interrupted run leaves no half of a crate.
        let aside = tempfile::tempdir_in(target).context("making room for the new phase")?;
        let course = Course::load(root)?;
        phase::copy(root, phase, &course.of(phase), aside.path())?;
        phase::write_tasks(root, phase, &course, aside.path())?;
        std::fs::rename(aside.path().join(package(phase)), &crate_folder)
            .with_context(|| crate_folder.display().to_string())?;
        copy_file(&root.join("tests/course.toml"), &target.join("tests/course.toml"))?;
    }
    let fresh = target.join("Cargo.toml.new");
    std::fs::write(&fresh, grown).with_context(|| fresh.display().to_string())?;
    std::fs::rename(&fresh, &manifest_file).with_context(|| manifest_file.display().to_string())
}

/// `default-members = ["phase2-framing"]`.
pub(super) fn default_members(phase: Phase) -> String {
    format!("default-members = [\"{}\"]", package(phase))
}

/// `phase 2`.
pub(super) fn ordinal(phase: Phase) -> String {
    phase.name().replace("phase", "phase ")
}

/// The manifest with one more phase, whatever else the learner has written into it.
fn with_member(manifest: &str, phase: Phase) -> Result<String> {
    let name = package(phase);
    let mut text = manifest.to_owned();
    if !text.contains(&format!("\"{name}\"")) {
        text = after(&text, "members = [", &format!("\"{name}\", "));
    }
    if !text.contains(&format!("{name} = ")) {
        text = after(&text, "[workspace.dependencies]\n", &format!("{name} = {{ path = \"{name}\" }}\n"));
    }
    for earlier in Phase::ALL.into_iter().filter(|earlier| *earlier < phase) {
        text = text.replace(&default_members(earlier), &default_members(phase));
        text = text.replace(
            &format!("starts the {} server", ordinal(earlier)),
            &format!("starts the {} server", ordinal(phase)),
        );
    }
    let parsed: toml::Table =
        toml::from_str(&text).context("the workspace's Cargo.toml is no TOML any more")?;
    let workspace = parsed.get("workspace");
    let member =
        |list: &toml::Value| list.as_array().is_some_and(|l| l.iter().any(|m| m.as_str() == Some(name)));
    let is_member = workspace.and_then(|w| w.get("members")).is_some_and(member);
    let is_dependency = workspace.and_then(|w| w.get("dependencies")?.get(name)).is_some();
    if !(is_member && is_dependency) {
        bail!(
            "the workspace's Cargo.toml is not as it was handed out. Add \"{name}\" to its members and, below \
             [workspace.dependencies], the line {name} = {{ path = \"{name}\" }}; then try again"
        );
    }
    Ok(text)
}

/// `text` with `more` behind the first line-leading `mark`; as it is if there is none.
fn after(text: &str, mark: &str, more: &str) -> String {
    let at = if text.starts_with(mark) { Some(0) } else { text.find(&format!("\n{mark}")).map(|at| at + 1) };
    match at {
        Some(at) => format!("{}{more}{}", &text[..at + mark.len()], &text[at + mark.len()..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace]\nmembers = [\"mine\", \"phase1-echo\"]\n# A bare `cargo run` starts the phase 1 server.\n\
                            default-members = [\"phase1-echo\"]\n\n[workspace.dependencies]\nphase1-echo = { path = \"phase1-echo\" }\n\
                            rand = \"0.9\" # mine\n";

    #[test]
    fn a_phase_joins_the_manifest_and_nothing_else_changes() {
        let grown = with_member(MANIFEST, Phase::Framing).unwrap();
        assert!(
            grown.contains("\"phase2-framing\"") && grown.contains("starts the phase 2 server"),
            "{grown}"
        );
        assert!(grown.contains("phase2-framing = { path = \"phase2-framing\" }"), "{grown}");
        assert!(grown.contains("default-members = [\"phase2-framing\"]"), "{grown}");
        assert!(grown.contains("\"mine\"") && grown.contains("rand = \"0.9\" # mine"), "{grown}");
        assert_eq!(with_member(&grown, Phase::Framing).unwrap(), grown, "a second time changes nothing");
    }

    #[test]
    fn a_manifest_of_another_shape_is_left_to_the_learner() {
        for other in ["[workspace]\nmembers=[]\n", "[package]\nname = \"x\"\n", "not toml"] {
            let text = format!("{:#}", with_member(other, Phase::Framing).unwrap_err());
            assert!(text.contains("Cargo.toml"), "{text}");
        }
    }
}
