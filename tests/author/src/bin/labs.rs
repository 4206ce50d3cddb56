//! Executes the console blocks of the book's chapters: `labs [FILE.md …]`, all of `docs/src` without arguments.
//!
//! Runs itself again inside a network namespace of its own, where every default port is free.
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use author::lab::{Shell, parse_chapter, run_chapter};

const INSIDE: &str = "REDIS_AT_HOME_LAB_NAMESPACE";

/// Found on the PATH as `cargo`. `cargo run` and the aliases start what is built already; a test that is named comes from
/// the workspace as a whole, which is built as well; anything else is real, with a target folder that outlives the lab
/// where the session stands in a clone. A session that is in no workspace means this one.
const CARGO_STAND_IN: &str = r#"#!/usr/bin/env bash
bin=keyspace-server
case $* in
    "grade "*" -- target/"*) cd "$LAB_WORKSPACE" || exit ;;
    run*|"grade "*" -- "*|"grade "*" --client "*) ;; # the session's own folder
    *) [ -f Cargo.toml ] || cd "$LAB_WORKSPACE" || exit ;;
esac
case $1 in
    run) shift ;;
    grade|handout|museum|compare) bin=$1; shift; exec "$LAB_BINARIES/$bin" "$@" ;;
    test) [ "$2 $3" != "-p e2e" ] || set -- test --quiet --workspace "${@:4}"; exec "$LAB_CARGO" "$@" ;;
    *)
        if [ "$PWD" != "$LAB_WORKSPACE" ] && [ -d .git ] && [ ! -e target ]; then # a clone
            mkdir -p "$LAB_WORKSPACE/target/first-steps/${PWD##*/}"
            ln -s "$LAB_WORKSPACE/target/first-steps/${PWD##*/}" target
        fi
        exec "$LAB_CARGO" "$@" ;;
esac
while [ $# -gt 0 ]; do
    case $1 in
        --bin) bin=$2; shift 2 ;;
        --example) bin=examples/$2; shift 2 ;;
        -p|--package) shift 2 ;;
        -q|--quiet|-r|--release) shift ;;
        --) shift; break ;;
        -*) echo "lab: cargo run $1: not understood" >&2; exit 2 ;;
        *) break ;;
    esac
done
exec "$LAB_BINARIES/$bin" "$@"
"#;

fn main() -> Result<()> {
    if std::env::var_os(INSIDE).is_none() {
        return enter_namespace();
    }
    // So that a chapter's end can wait for the programs that its shells leave behind.
    nix::sys::prctl::set_child_subreaper(true).context("PR_SET_CHILD_SUBREAPER")?;
    let status = Command::new("ip").args(["link", "set", "lo", "up"]).status();
    if !status.is_ok_and(|s| s.success()) {
        bail!("cannot bring up the loopback device in the namespace: is iproute2 installed?");
    }
    let workspace = workspace()?;
    let named: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let chapters = if named.is_empty() { markdown_files(&workspace.join("docs/src"))? } else { named };
    let binaries = std::env::current_exe()?.parent().context("the binary is in a folder")?.to_owned();
    let shims = prepare_shims()?;
    let (mut executed, mut skipped, mut failed) = (0, 0, 0);
    let began = std::time::Instant::now();
    for chapter in &chapters {
        let text = std::fs::read_to_string(chapter).with_context(|| chapter.display().to_string())?;
        let shown = chapter.strip_prefix(workspace).unwrap_or(chapter).display();
        let folder = tempfile::tempdir()?;
        let shell = Shell {
            folder: folder.path().to_owned(),
            path: vec![shims.path().to_owned(), binaries.clone()],
            repository: workspace.join(".git").exists().then(|| workspace.to_owned()),
        };
        let since = std::time::Instant::now();
        match parse_chapter(&text).and_then(|blocks| run_chapter(&shell, &blocks)) {
            Ok(report) if report.executed + report.skipped.len() == 0 => {}
            Ok(report) => {
                println!("{shown}: {} executed in {:.0} s", report.executed, since.elapsed().as_secs_f64());
                report.skipped.iter().for_each(|reason| println!("{shown}: skipped: {reason}"));
                executed += report.executed;
                skipped += report.skipped.len();
            }
            Err(error) => {
                println!("{shown}: FAILED\n{error:#}\n");
                failed += 1;
            }
        }
    }
    println!(
        "console blocks: {executed} executed, {skipped} skipped, {failed} chapters failed, {} s",
        began.elapsed().as_secs()
    );
    if failed > 0 {
        bail!("{failed} chapters say what is not so");
    }
    Ok(())
}

fn workspace() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("tests/ has a parent")
}

fn enter_namespace() -> Result<()> {
    let binaries = std::env::current_exe()?;
    let cargo = real_cargo()?;
    let built =
        Command::new(&cargo).args(["build", "--quiet", "--workspace", "--bins", "--examples"]).status();
    if !built.context("starting cargo")?.success() {
        bail!("the workspace does not build");
    }
    let mut unshare = Command::new("unshare");
    unshare.arg(if nix::unistd::geteuid().is_root() { "-n" } else { "-rn" });
    unshare.arg(&binaries).args(std::env::args_os().skip(1));
    // The namespace has no network, and everything that cargo needs has been fetched for the build above.
    unshare.env(INSIDE, "1").env("LAB_CARGO", cargo).env("CARGO_NET_OFFLINE", "true");
    unshare.env("LAB_WORKSPACE", workspace()?);
    unshare.env("LAB_BINARIES", binaries.parent().context("the binary is in a folder")?);
    let error = unshare.exec();
    bail!("labs run in a network namespace of their own, and unshare (util-linux) would not start: {error}")
}

/// With its whole path, for inside a lab the name `cargo` is the stand-in's.
fn real_cargo() -> Result<PathBuf> {
    if let Some(cargo) = std::env::var_os("CARGO") {
        return Ok(cargo.into());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("cargo"))
        .find(|file| file.is_file())
        .context("there is no cargo on the PATH")
}

fn prepare_shims() -> Result<tempfile::TempDir> {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("cargo");
    std::fs::write(&file, CARGO_STAND_IN)?;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))?;
    Ok(folder)
}

fn markdown_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(markdown_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "md") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
