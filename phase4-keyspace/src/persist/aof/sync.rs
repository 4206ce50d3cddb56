//! A thread that waits for the disk so that the loop need not: fdatasync(2) takes milliseconds, and seconds where the disk is
//! busy.
//!
//! It shares one number with the loop and owns every descriptor that it is handed. It neither logs nor looks at anything
//! else, so a fork(2) in the middle of its work leaves the child nothing half done that the child would use.
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use nix::sys::signal::SigSet;

/// The thread waits for the disk.
const BUSY: i32 = -1;
/// The last thing that was to be synced is on the disk.
const IDLE: i32 = 0;

/// The loop's end of it. The thread is started when it is needed first.
#[derive(Default, Debug)]
pub struct Syncer {
    jobs: Option<Sender<Job>>,
    /// `BUSY`, `IDLE`, or the errno with which the last job ended.
    state: Arc<AtomicI32>,
}

#[derive(Debug)]
enum Job {
    Sync(File),
    Close(File),
}

impl Syncer {
    /// Whether something is on its way to the disk.
    pub fn is_busy(&self) -> bool {
        self.state.load(Ordering::Acquire) == BUSY
    }

    /// The error with which a job has ended, once.
    pub fn take_error(&self) -> Option<io::Error> {
        match self.state.load(Ordering::Acquire) {
            BUSY | IDLE => None,
            errno => {
                self.state.store(IDLE, Ordering::Release);
                Some(io::Error::from_raw_os_error(errno))
            }
        }
    }

    /// Has what was written to a file brought to the disk. Nothing else is on its way.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(&mut self, file: File) -> io::Result<()> {
        self.state.store(BUSY, Ordering::Release);
        let sent = self.send(Job::Sync(file));
        if sent.is_err() {
            self.state.store(IDLE, Ordering::Release);
        }
        sent
    }

    /// Closes a descriptor. If it was the last of a file that has no name any more, the kernel frees the file's blocks here,
    /// and that can take long.
    pub fn close(&mut self, file: File) {
        // Without the thread it is closed all the same, and the loop waits.
        let _ = self.send(Job::Close(file));
    }

    fn send(&mut self, job: Job) -> io::Result<()> {
        let jobs = match self.jobs.take() {
            Some(jobs) => jobs,
            None => self.spawn()?,
        };
        // It ends only with this sender.
        let sent = jobs.send(job).map_err(io::Error::other);
        self.jobs = Some(jobs);
        sent
    }

    fn spawn(&self) -> io::Result<Sender<Job>> {
        let (sender, jobs) = channel();
        let state = Arc::clone(&self.state);
        thread::Builder::new().name("fsync".into()).spawn(move || {
            // Signals are the loop's.
            let _ = SigSet::all().thread_block();
            for job in jobs {
                match job {
                    Job::Sync(file) => {
                        let synced = file.sync_data();
                        drop(file);
                        let errno =
                            synced.err().map_or(IDLE, |error| error.raw_os_error().unwrap_or(libc::EIO));
                        state.store(errno, Ordering::Release);
                    }
                    Job::Close(file) => drop(file),
                }
            }
        })?;
        Ok(sender)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn wait(syncer: &Syncer) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while syncer.is_busy() {
            assert!(Instant::now() < deadline, "the thread does not come back");
            thread::yield_now();
        }
    }

    #[test]
    fn the_thread_says_how_it_went() {
        let mut syncer = Syncer::default();
        let path = std::env::temp_dir().join(format!("keyspace-sync-{}", std::process::id()));
        syncer.start(File::create(&path).unwrap()).unwrap();
        wait(&syncer);
        assert!(syncer.take_error().is_none());
        std::fs::remove_file(&path).unwrap();
        // A pipe has no disk behind it.
        let (_, end) = io::pipe().unwrap();
        syncer.start(File::from(std::os::fd::OwnedFd::from(end))).unwrap();
        wait(&syncer);
        assert_eq!(syncer.take_error().unwrap().raw_os_error(), Some(libc::EINVAL));
        assert!(syncer.take_error().is_none(), "it is told once");
    }
}
