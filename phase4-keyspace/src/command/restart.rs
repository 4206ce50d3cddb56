//! What the server begins with: the log if it is on, else a snapshot.
use std::fs::OpenOptions;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::replay::{self, Replayed};
use crate::log;
use crate::persist::aof::folder::{self, Folder, manifest_name};
use crate::persist::aof::manifest::Manifest;
use crate::state::{State, logging};

/// Loads what there is, and goes on with the log.
///
/// If the log is on and there is none, a snapshot is loaded if there is one, and the log begins with it. (Redis 7.0 begins
/// with nothing then, so that who switches the log on in the file loses everything at the next start.)
///
/// # Errors
/// Names the file, what is wrong with it, and at which offset.
pub fn load(state: &mut State) -> Result<()> {
    if !state.config.appendonly {
        return state.load_snapshot();
    }
    let folder = Folder::open(&state.config.log_folder()).context("the folder of the append-only file")?;
    folder.remove_leftovers();
    let manifest = manifest(state, &folder)?;
    if manifest.files().next().is_none() {
        state.load_snapshot()?;
    } else {
        load_files(state, &folder, &manifest)?;
    }
    state.begin_log(folder, manifest).context("the append-only file")
}

/// Which files there are. A log of one file, in the place where versions before 7 have it, is taken into the folder, or was
/// on its way there.
fn manifest(state: &State, folder: &Folder) -> Result<Manifest> {
    let stem = &state.config.appendfilename;
    let path = folder.file(&manifest_name(stem));
    let found =
        folder::read_manifest(&path).map_err(|fault| anyhow::anyhow!("{}: {fault}", path.display()))?;
    let single = state.config.dir.join(stem);
    let on_its_way = |manifest: &Manifest| {
        manifest.increments.is_empty()
            && manifest.base.as_ref().is_some_and(|base| base.name == *stem && !folder.file(stem).exists())
    };
    if single.is_file() && found.as_ref().is_none_or(on_its_way) {
        return logging::adopt_single(&single, folder, stem)
            .context("the append-only file of an older version");
    }
    Ok(found.unwrap_or_default())
}

/// Reads all files of the log into the databases.
///
/// # Errors
/// As [`load`].
pub fn load_files(state: &mut State, folder: &Folder, manifest: &Manifest) -> Result<()> {
    let start = Instant::now();
    // Nothing is noted of what is old, and no key dies of it.
    state.keyspace.changes.set_keep(false);
    state.keyspace.set_replaying(true);
    let mut requests = 0;
    let mut result = Ok(());
    for (number, part) in manifest.files().enumerate() {
        let is_last = number + 1 == manifest.files().count();
        let path = folder.file(&part.name);
        match load_file(state, &path, is_last) {
            Ok(replayed) => {
                requests += replayed.requests;
                state.persist.loaded.keys += replayed.snapshot.keys;
            }
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    state.keyspace.set_replaying(false);
    state.persist.saved_dirty = state.keyspace.changes.dirty();
    state.update_journal();
    result?;
    let keys: usize = (0..state.keyspace.databases()).map(|db| state.keyspace.db(db).len()).sum();
    log::notice(format_args!(
        "loaded {keys} keys from the append-only file in {:.3} s: {} of a snapshot, {requests} requests",
        start.elapsed().as_secs_f64(),
        state.persist.loaded.keys
    ));
    Ok(())
}

/// Writes what is to be written, forgets everything, and reads the log again.
///
/// # Errors
/// As [`load`]. Some of it is there then.
pub fn reload_log(state: &mut State) -> Result<()> {
    state.aof.flush_all(Instant::now())?;
    (0..state.keyspace.databases()).for_each(|db| state.keyspace.db_mut(db).clear());
    let Some(folder) = state.aof.folder.take() else { return Ok(()) };
    let manifest = std::mem::take(&mut state.aof.manifest);
    let loaded = load_files(state, &folder, &manifest);
    (state.aof.folder, state.aof.manifest) = (Some(folder), manifest);
    loaded
}

fn load_file(state: &mut State, path: &Path, is_last: bool) -> Result<Replayed> {
    let shown = path.display();
    let (most, checksum) = (state.config.max_bulk(), state.config.rdbchecksum);
    let mut replayed = Replayed::default();
    replay::file(path, &mut state.keyspace, (most, checksum), &mut replayed).map_err(|fault| {
        anyhow::anyhow!("cannot load {shown}: {fault} (keyspace-server --check FILE says what can be saved)")
    })?;
    if !replayed.cut {
        return Ok(replayed);
    }
    let valid = replayed.valid;
    ensure!(
        is_last,
        "{shown} ends in the middle of a request or transaction at offset {valid}, and others follow it"
    );
    if !state.config.aof_load_truncated {
        bail!(
            "{shown} ends in the middle of a request or transaction at offset {valid}; aof-load-truncated yes would cut it"
        );
    }
    let file = OpenOptions::new().write(true).open(path).with_context(|| format!("cannot cut {shown}"))?;
    let lost = file.metadata().map_or(0, |metadata| metadata.len()) - valid;
    file.set_len(valid).and_then(|()| file.sync_all()).with_context(|| format!("cannot cut {shown}"))?;
    log::warning(format_args!(
        "{shown} ended in the middle of a request or transaction, as after a crash: {lost} bytes cut off at offset {valid}"
    ));
    Ok(replayed)
}
