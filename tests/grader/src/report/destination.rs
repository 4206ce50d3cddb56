//! Formats, where a report goes, and how it is written there.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::Context as _;

/// A report format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// Everything, for programs.
    Json,
    /// `/autograder/results/results.json`.
    Gradescope,
    /// `result.json` of Classroom 50.
    Classroom50,
    /// Base64 of the older classroom actions' step output.
    ClassroomLegacy,
    /// The last line of stdout that Autolab reads.
    Autolab,
    /// JUnit XML.
    Junit,
    /// A table and the failures, for pull requests and issues.
    Markdown,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "text" => Self::Text,
            "json" => Self::Json,
            "gradescope" => Self::Gradescope,
            "classroom50" => Self::Classroom50,
            "classroom-legacy" => Self::ClassroomLegacy,
            "autolab" => Self::Autolab,
            "junit" => Self::Junit,
            "markdown" => Self::Markdown,
            other => {
                return Err(format!(
                    "unknown format `{other}`: say text, json, gradescope, classroom50, classroom-legacy, autolab, \
                     junit or markdown, each with =FILE to write it there"
                ));
            }
        })
    }
}

/// A format, and the file it goes to; without one it goes to stdout.
#[derive(Debug, Clone)]
pub struct Destination {
    /// What to write.
    pub format: Format,
    /// Where to.
    pub file: Option<PathBuf>,
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err(format!("`{text}` names no file after the =")),
            Some((format, file)) => (format, Some(PathBuf::from(file))),
            None => (text, None),
        };
        Ok(Self { format: format.parse()?, file })
    }
}

/// What stands where a report is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Nothing, or a regular file: replaced as a whole, so that a reader never sees half a report.
    File,
    /// A link to a regular file: written through, and the link stays.
    Link,
    /// A device, a pipe, a socket: it takes the report once, when the run is over.
    Stream,
}

impl Place {
    fn of(path: &Path) -> Self {
        let link = std::fs::symlink_metadata(path).is_ok_and(|data| data.is_symlink());
        match std::fs::metadata(path) {
            Ok(data) if !data.is_file() => Self::Stream,
            _ if link => Self::Link,
            _ => Self::File,
        }
    }
}

/// Writes a report: over a regular file by renaming, into a device, a pipe or a link in place.
///
/// # Errors
/// When the file cannot be written, with its name.
pub fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    let failed = || format!("cannot write {}", path.display());
    if Place::of(path) != Place::File {
        let mut file = std::fs::File::create(path).with_context(failed)?;
        return file.write_all(text.as_bytes()).with_context(failed);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    let temporary = PathBuf::from(name);
    let mut file =
        std::fs::File::create(&temporary).with_context(|| format!("cannot write {}", temporary.display()))?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&temporary, path).with_context(failed)
}

/// Writes a report of a run that still goes on, where a later one will take its place.
///
/// # Errors
/// As [`write_file`].
pub fn write_partial(path: &Path, text: &str) -> anyhow::Result<()> {
    if Place::of(path) == Place::Stream { Ok(()) } else { write_file(path, text) }
}
