//! A read may bring less than was asked for, a write may take less than was given; neither is an error.
//!
//! Seven reasons, each provoked by a test in `tests/e2e/tests/short_counts.rs`: network buffering, a signal, nonblocking
//! descriptors, pipes and devices, the end of a file or stream, a full output buffer, TCP flow control. Two loops absorb
//! them all. Both are for *blocking* descriptors: on a nonblocking one they would return EAGAIN and forget how far they
//! came, which is why phase 3 leaves them behind.
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::unistd;

/// Reads until `buf` is full or the stream has ended, and returns how many bytes arrived: fewer than `buf.len()` means
/// end of stream, nothing else does. EINTR is retried; after any other error the bytes read so far are lost. read(2).
pub fn read_full(fd: BorrowedFd<'_>, buf: &mut [u8]) -> nix::Result<usize> {
    read_full_with(|rest| unistd::read(fd, rest), buf)
}

/// Writes all of `buf`. EINTR is retried; after an error it is unknown how much the peer received. EPIPE and ECONNRESET
/// mean that the peer is gone. write(2).
///
/// A write of 0 bytes is not progress: POSIX leaves its meaning open for a nonempty buffer, and a loop that merely tried
/// again could spin for ever, so it is reported as EIO.
pub fn write_all(fd: BorrowedFd<'_>, buf: &[u8]) -> nix::Result<()> {
    write_all_with(|rest| unistd::write(fd, rest), buf)
}

// ANCHOR: read-full
/// [`read_full`] over any function that reads like read(2).
pub fn read_full_with(
    mut read: impl FnMut(&mut [u8]) -> nix::Result<usize>,
    buf: &mut [u8],
) -> nix::Result<usize> {
    // ANCHOR: read-full-body
    let mut filled = 0;
    while filled < buf.len() {
        match read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(filled)
    // ANCHOR_END: read-full-body
}
// ANCHOR_END: read-full

// ANCHOR: write-all
/// [`write_all`] over any function that writes like write(2).
pub fn write_all_with(mut write: impl FnMut(&[u8]) -> nix::Result<usize>, buf: &[u8]) -> nix::Result<()> {
    // ANCHOR: write-all-body
    let mut rest = buf;
    while !rest.is_empty() {
        match write(rest) {
            Ok(0) => return Err(Errno::EIO),
            Ok(n) => rest = &rest[n..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
    // ANCHOR_END: write-all-body
}
// ANCHOR_END: write-all

#[cfg(test)]
mod tests {
    use super::*;

    /// A kernel that follows a script: `Ok(n)` moves at most n bytes.
    fn reading<'a>(
        source: &'a [u8],
        script: &'a [nix::Result<usize>],
    ) -> impl FnMut(&mut [u8]) -> nix::Result<usize> + 'a {
        let (mut at, mut step) = (0, 0);
        move |buf| {
            let most = script.get(step).copied().unwrap_or(Ok(usize::MAX));
            step += 1;
            let n = most?.min(buf.len()).min(source.len() - at);
            buf[..n].copy_from_slice(&source[at..at + n]);
            at += n;
            Ok(n)
        }
    }

    #[test]
    fn reads_of_every_size_and_interruptions_fill_the_buffer() {
        let source: Vec<u8> = (0..100).collect();
        for most in 1..=source.len() {
            let script = [[Ok(most), Err(Errno::EINTR)]; 100].concat();
            let mut buf = [0; 100];
            assert_eq!(read_full_with(reading(&source, &script), &mut buf), Ok(100));
            assert_eq!(buf, *source, "reads of at most {most}");
        }
    }

    #[test]
    fn a_short_count_means_end_of_stream() {
        let mut buf = [0; 100];
        assert_eq!(read_full_with(reading(b"half", &[Ok(1), Ok(1)]), &mut buf), Ok(4));
        assert_eq!(read_full_with(reading(b"", &[]), &mut buf), Ok(0));
    }

    #[test]
    fn an_empty_buffer_asks_the_kernel_nothing() {
        assert_eq!(read_full_with(|_| panic!("read for nothing"), &mut []), Ok(0));
        assert_eq!(write_all_with(|_| panic!("written for nothing"), &[]), Ok(()));
    }

    #[test]
    fn other_errors_come_through() {
        let mut buf = [0; 8];
        assert_eq!(
            read_full_with(reading(b"abc", &[Ok(1), Err(Errno::ECONNRESET)]), &mut buf),
            Err(Errno::ECONNRESET)
        );
        assert_eq!(write_all_with(|_| Err(Errno::EPIPE), b"abc"), Err(Errno::EPIPE));
        assert_eq!(write_all_with(|_| Ok(0), b"abc"), Err(Errno::EIO), "no progress must not spin");
    }

    #[test]
    fn writes_of_every_size_and_interruptions_send_everything() {
        let source: Vec<u8> = (0..100).collect();
        for most in 1..=source.len() {
            let (mut sent, mut calls) = (Vec::new(), 0);
            let write = |rest: &[u8]| {
                calls += 1;
                if calls % 2 == 0 {
                    return Err(Errno::EINTR);
                }
                let n = most.min(rest.len());
                sent.extend_from_slice(&rest[..n]);
                Ok(n)
            };
            assert_eq!(write_all_with(write, &source), Ok(()));
            assert_eq!(sent, source, "writes of at most {most}");
        }
    }
}
