//! One submission: a folder that says, or shows by its files, how its server is built and started.
//!
//! What starts the server is, in this order: the command after `--`, run inside the folder; the submission's own
//! `grade.toml` (`command = […]`, and `build = […]` to be run first); a cargo workspace of the course, whose own server it
//! is; or a file with one of the usual names, such as `server.c`. Whatever happens, a run comes of it: one that does not
//! build or start has the same maximum as the others, and the reason in its report.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::checks::FOUNDATION;
use crate::cli::{self, Arguments};
use crate::report::{Run, Status, quoted};
use crate::runner::{self, Event, Plan};
use crate::target::User;
use crate::workspace;

/// What a submission may say about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
    /// Run first, in the submission's folder.
    #[serde(default)]
    build: Vec<String>,
    /// Starts the server; `{port}` is filled in.
    #[serde(default)]
    command: Vec<String>,
    /// Starts the client, in place of the command that `--client` gives.
    #[serde(default)]
    client: Vec<String>,
}

/// File names that say enough: the file, how it is built, how it is started. PORT is set, whatever the command says.
const USUAL: [(&str, &[&str], &[&str]); 4] = [
    ("server.c", &["cc", "-O1", "-pthread", "-o", "server", "server.c"], &["./server", "{port}"]),
    ("server.go", &["go", "build", "-o", "server", "server.go"], &["./server", "{port}"]),
    ("server.py", &[], &["python3", "server.py", "{port}"]),
    ("server.js", &[], &["node", "server.js", "{port}"]),
];

/// How many of the compiler's lines a report shows.
const BUILD_LINES: usize = 30;

/// What came of a submission.
pub struct Graded {
    /// The run; nothing was tried in it when the submission was refused.
    pub run: Run,
    /// Why there was no server to grade.
    pub refused: Option<String>,
}

/// Grades the submission of `student` in `folder`.
///
/// # Errors
/// Those of the grader: a secret that cannot be read, for instance. Those of the submission are in what is returned.
pub fn grade(
    arguments: &Arguments,
    plan: &Plan,
    folder: &Path,
    student: &str,
    on_event: &(dyn Fn(&Event<'_>) + Sync),
) -> anyhow::Result<Graded> {
    let mut plan = plan.clone();
    plan.seed = cli::chosen_seed(arguments, Some(student))?;
    plan.student = Some(student.to_owned());
    let refused = match prepare(arguments, &mut plan, folder) {
        Ok(()) => {
            let run = runner::run(&plan, on_event);
            match could_not_start(&run) {
                None => return Ok(Graded { run, refused: None }),
                Some(why) => why,
            }
        }
        Err(error) => format!("{error:#}"),
    };
    Ok(Graded { run: runner::not_tried(&plan, &refused), refused: Some(refused) })
}

/// Builds it, and fills its commands into the plan.
fn prepare(arguments: &Arguments, plan: &mut Plan, folder: &Path) -> anyhow::Result<()> {
    let folder = folder.canonicalize().with_context(|| format!("cannot read {}", folder.display()))?;
    let recipe = Recipe::of(&folder)?;
    let limit = Duration::from_secs(arguments.startup_timeout.max(120));
    if !recipe.build.is_empty() {
        build(&folder, &recipe.build, limit, plan.launch.user)?;
    }
    let argv = if !arguments.command.is_empty() {
        arguments.command.clone()
    } else if !recipe.command.is_empty() {
        recipe.command
    } else if folder.join("phase1-echo/Cargo.toml").is_file() {
        let command = workspace::build_command(plan.phase);
        let said = build(&folder, &command, limit.max(Duration::from_secs(600)), plan.launch.user)?;
        workspace::start_command(plan.phase, &said)?
    } else {
        bail!(
            "nothing says how to start it: hand in server.c, server.py, server.go or server.js, the course's workspace, \
             or a grade.toml with `command = [\"./server\", \"{{port}}\"]`"
        )
    };
    if let Some(client) = &mut plan.client {
        client.dir = Some(folder.clone());
        if !recipe.client.is_empty() {
            plan.client_command = Some(quoted(&recipe.client));
            client.argv = recipe.client;
        }
    }
    plan.launch.argv = argv.clone();
    plan.launch.dir = Some(folder);
    plan.command = argv;
    Ok(())
}

impl Recipe {
    fn of(folder: &Path) -> anyhow::Result<Recipe> {
        let file = folder.join("grade.toml");
        if file.is_file() {
            let text =
                std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            return toml::from_str(&text).with_context(|| format!("in {}", file.display()));
        }
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let usual = USUAL.iter().find(|(name, ..)| folder.join(name).is_file());
        Ok(usual.map_or_else(Recipe::default, |(_, build, command)| Recipe {
            build: words(build),
            command: words(command),
            client: Vec::new(),
        }))
    }
}

/// Runs a build command and returns what it printed.
fn build(folder: &Path, command: &[String], limit: Duration, user: Option<User>) -> anyhow::Result<String> {
    // `timeout` of coreutils bounds the build and everything it starts.
    let mut timeout = Command::new("timeout");
    timeout.arg("--kill-after=5").arg(limit.as_secs().to_string()).args(command);
    if let Some(user) = user {
        timeout.uid(user.uid).gid(user.gid);
    }
    let output = timeout
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run its build command {}", command.join(" ")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    match output.status.code() {
        Some(124 | 137) => bail!("its build did not end within {} s", limit.as_secs()),
        Some(127) => bail!("its build command does not exist: {}", command.join(" ")),
        // The first errors are the ones to mend.
        _ => bail!(
            "it does not build: {}\n{}",
            command.join(" "),
            lines[..lines.len().min(BUILD_LINES)].join("\n")
        ),
    }
}

/// Why there was no server to grade: the command's fault or the machine's, not the server's.
fn could_not_start(run: &Run) -> Option<String> {
    run.results.iter().find_map(|result| match &result.status {
        Status::Infrastructure(why) if result.check.name == FOUNDATION => Some(why.clone()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn a_recipe_with_an_unknown_field_names_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Recipe::of(folder.path()).unwrap().command.is_empty());
        std::fs::write(folder.path().join("grade.toml"), "comand = ['x']\n").unwrap();
        let error = format!("{:#}", Recipe::of(folder.path()).unwrap_err());
        assert!(error.contains("comand") && error.contains("grade.toml"), "{error}");
    }

    #[test]
    fn a_file_with_a_usual_name_says_enough_and_a_recipe_says_more() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("server.py"), "").unwrap();
        let recipe = Recipe::of(folder.path()).unwrap();
        assert_eq!((recipe.build, recipe.command), (vec![], words(&["python3", "server.py", "{port}"])));
        std::fs::write(folder.path().join("grade.toml"), "command = ['./mine']\n").unwrap();
        assert_eq!(Recipe::of(folder.path()).unwrap().command, ["./mine"]);
    }

    #[test]
    fn a_build_that_fails_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let limit = Duration::from_secs(30);
        assert_eq!(build(folder.path(), &words(&["echo", "well"]), limit, None).unwrap(), "well\n");
        let failing = words(&["sh", "-c", "echo no such header >&2; exit 1"]);
        let error = build(folder.path(), &failing, limit, None).unwrap_err();
        assert!(error.to_string().contains("no such header"));
    }
}
