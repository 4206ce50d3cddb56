//! Random bytes that cannot be guessed: the kernel's.
#![allow(unsafe_code, reason = "getrandom(2)")]
use nix::errno::Errno;

/// Fills `bytes`.
///
/// # Errors
/// Those of getrandom(2), but not EINTR.
pub fn fill(bytes: &mut [u8]) -> nix::Result<()> {
    let mut filled = 0;
    while filled < bytes.len() {
        let rest = &mut bytes[filled..];
        // SAFETY: getrandom writes at most `rest.len()` bytes from `rest`'s start on, which is ours to write.
        let got = unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) };
        match Errno::result(got) {
            Ok(got) => filled += got as usize,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn two_secrets_differ() {
        let (mut one, mut other) = ([0; 64], [0; 64]);
        assert_eq!((fill(&mut one), fill(&mut other)), (Ok(()), Ok(())));
        assert_ne!(one, other);
        assert_eq!(fill(&mut []), Ok(()));
    }
}
