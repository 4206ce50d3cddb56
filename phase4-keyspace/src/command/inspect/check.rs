//! `keyspace-server --check FILE`: is it whole, and if not, what is wrong, where, and what can be saved?
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use crate::clock::wall_clock;
use crate::command::replay::{self, Replayed};
use crate::keyspace::{Keyspace, Millis};
use crate::persist::aof::manifest::Manifest;

/// As many databases as a file may name.
const DATABASES: usize = 1024;
/// The longest string that anything may hold.
const LONGEST: usize = u32::MAX as usize;

/// What was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Report {
    /// Lines for the operator.
    pub text: String,
    /// Whether a server would load it as it is.
    pub whole: bool,
}

/// Looks at a snapshot, a log, or a manifest and all files that it names.
///
/// # Errors
/// The file cannot be read.
pub fn check(path: &Path) -> std::io::Result<Report> {
    let mut head = [0; 5];
    let count = File::open(path)?.read(&mut head)?;
    let mut keyspace = Keyspace::new(DATABASES);
    keyspace.set_now(wall_clock().as_millis() as Millis);
    keyspace.set_replaying(true);
    let is_manifest = head[..count].eq_ignore_ascii_case(b"file ")
        || path.extension().is_some_and(|extension| extension == "manifest");
    if !is_manifest {
        return Ok(file(path, &mut keyspace, true));
    }
    let manifest = match Manifest::parse(&fs::read(path)?) {
        Ok(manifest) => manifest,
        Err(fault) => return Ok(Report { text: format!("{}: {fault}\n", path.display()), whole: false }),
    };
    let mut report = Report { text: format!("{}: whole\n", path.display()), whole: true };
    let count = manifest.files().count();
    for (number, part) in manifest.files().enumerate() {
        let next = file(&path.with_file_name(&part.name), &mut keyspace, number + 1 == count);
        report.text.push_str(&next.text);
        report.whole &= next.whole;
        if !next.whole {
            break;
        }
    }
    Ok(report)
}

fn file(path: &Path, keyspace: &mut Keyspace, is_last: bool) -> Report {
    let shown = path.display();
    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
    let mut replayed = Replayed::default();
    let result = replay::file(path, keyspace, (LONGEST, true), &mut replayed);
    let holds = match (replayed.snapshot.size, replayed.requests) {
        (0, requests) => format!("{requests} requests"),
        (_, 0) => format!("{} keys", replayed.snapshot.keys + replayed.snapshot.expired),
        (_, requests) => format!("{} keys and {requests} requests", replayed.snapshot.keys),
    };
    let rest = size - replayed.valid.min(size);
    let saved = format!("{holds} in {} bytes can be saved, {rest} bytes cannot", replayed.valid);
    match result {
        Ok(()) if !replayed.cut => {
            Report { text: format!("{shown}: whole: {holds} in {size} bytes\n"), whole: true }
        }
        Ok(()) => {
            let (at, hint) = (
                replayed.valid,
                if is_last { "; a server cuts it off there (aof-load-truncated)" } else { "" },
            );
            let what = "ends in the middle of a request or transaction";
            Report { text: format!("{shown}: at offset {at}: {what}: {saved}{hint}\n"), whole: false }
        }
        Err(fault) => Report { text: format!("{shown}: {fault}: {saved}\n"), whole: false },
    }
}
