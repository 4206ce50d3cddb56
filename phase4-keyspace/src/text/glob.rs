//! Patterns as `KEYS`, `SCAN MATCH` and `CONFIG GET` take them: `*`, `?`, `[a-z]`, `[^a-z]`, `\` to take the next byte as it is.
//!
//! Bytes, not characters: `?` matches one byte of a UTF-8 letter. A class without its `]` ends with the pattern.

/// Whether the whole of `text` matches `pattern`.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, false)
}

/// The same, with ASCII letters equal in both cases.
pub fn matches_nocase(pattern: &[u8], text: &[u8]) -> bool {
    run(pattern, text, true)
}

/// Backtracks to the last `*` only: whatever an earlier one could still take, the last one can take as well. So the time is
/// at most length × length, and a pattern such as `*a*a*a*a*b` is no weapon.
fn run(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    // ANCHOR: glob-body
    // Redis tests this first, so that not even `**` matches the empty string; only the callers' shortcut for `*` does.
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut at, mut pos) = (0, 0);
    // Where to go on after a mismatch: behind the last star, and the text position it was last tried at.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at += stars(&pattern[at..]);
            if at == pattern.len() {
                return true;
            }
            if pos < text.len() {
                retry = Some((at, pos));
                continue;
            }
        }
        let consumed = match text.get(pos) {
            Some(&byte) if at < pattern.len() => element(&pattern[at..], byte, nocase),
            None if at == pattern.len() => return true,
            _ => None,
        };
        match (consumed, retry) {
            (Some(length), _) => {
                at += length;
                pos += 1;
            }
            (None, Some((behind_star, tried))) if tried + 1 < text.len() => {
                retry = Some((behind_star, tried + 1));
                (at, pos) = (behind_star, tried + 1);
            }
            (None, _) => return false,
        }
    }
    // ANCHOR_END: glob-body
}

fn stars(pattern: &[u8]) -> usize {
    pattern.iter().take_while(|&&byte| byte == b'*').count()
}

/// Matches one byte against the pattern's first element, which is no star: the element's length, if they match.
fn element(pattern: &[u8], byte: u8, nocase: bool) -> Option<usize> {
    let (length, matched) = match pattern {
        [b'?', ..] => (1, true),
        [b'[', ..] => class(pattern, byte, nocase),
        [b'\\', escaped, ..] => (2, same(*escaped, byte, nocase)),
        [literal, ..] => (1, same(*literal, byte, nocase)),
        [] => (0, false),
    };
    matched.then_some(length)
}

fn same(a: u8, b: u8, nocase: bool) -> bool {
    if nocase { a.eq_ignore_ascii_case(&b) } else { a == b }
}

/// The length of the class that `pattern` starts with, and whether `byte` is in it.
fn class(pattern: &[u8], byte: u8, nocase: bool) -> (usize, bool) {
    let not = pattern.get(1) == Some(&b'^');
    let mut at = if not { 2 } else { 1 };
    let mut matched = false;
    loop {
        match &pattern[at.min(pattern.len())..] {
            [] => return (pattern.len(), matched != not),
            [b'\\', escaped, ..] => {
                matched |= *escaped == byte;
                at += 2;
            }
            [b']', ..] => return (at + 1, matched != not),
            [first, b'-', last, ..] => {
                matched |= in_range(*first, *last, byte, nocase);
                at += 3;
            }
            [literal, ..] => {
                matched |= same(*literal, byte, nocase);
                at += 1;
            }
        }
    }
}

/// Either end may come first. Redis compares C's `char`, which is signed here: 0x80 to 0xff come before 0x00.
fn in_range(first: u8, last: u8, byte: u8, nocase: bool) -> bool {
    let fold = |b: u8| if nocase { b.to_ascii_lowercase() as i8 } else { b as i8 };
    let (low, high) = if first as i8 > last as i8 { (last, first) } else { (first, last) };
    (fold(low)..=fold(high)).contains(&fold(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_what_redis_matches() {
        let yes = [
            ("*", "x"),
            ("a*", "a"),
            ("a*", "abc"),
            ("*c", "abc"),
            ("a*c", "ac"),
            ("h?llo", "hello"),
            ("**a**", "a"),
            ("*a*a*", "xaya"),
            ("*b*?", "abc"),
            ("", ""),
            // Classes: members, ranges either way round, negation, escapes.
            ("h[ae]llo", "hallo"),
            ("h[^e]llo", "hallo"),
            ("h[a-c]llo", "hbllo"),
            ("h[c-a]llo", "hbllo"),
            ("[\\]]", "]"),
            ("[\\-]", "-"),
            // Left open, a class ends with the pattern. In `[a-]` the bracket is the range's other end.
            ("[a", "a"),
            ("[^", "x"),
            ("[a-]", "^"),
            ("h\\*llo", "h*llo"),
            ("\\a", "a"),
            ("a\\", "a\\"),
        ];
        let no = [
            ("*", ""),
            ("**", ""),
            ("?", ""),
            ("", "a"),
            ("a", ""),
            ("a*?", "a"),
            ("h?llo", "hllo"),
            ("a", "ab"),
            ("ab", "a"),
            ("h[^e]llo", "hello"),
            ("[", "["),
            ("[a-]", "-"),
            ("a[]b", "ab"),
            ("h\\*llo", "hello"),
            ("*a*b", "aa"),
            ("A", "a"),
            ("*?*?*?", "ab"),
            ("[\\", "x"),
        ];
        for (pattern, text) in yes {
            assert!(matches(pattern.as_bytes(), text.as_bytes()), "{pattern} on {text}");
        }
        for (pattern, text) in no {
            assert!(!matches(pattern.as_bytes(), text.as_bytes()), "{pattern} on {text}");
        }
    }

    #[test]
    fn folds_case_on_request() {
        assert!(matches_nocase(b"MAX*[a-c]", b"maxmemory-B"));
        assert!(matches_nocase(b"[A-C]", b"b"));
        assert!(!matches(b"MAX*", b"maxmemory"));
    }

    #[test]
    fn ranges_are_of_signed_bytes() {
        assert!(matches(b"[\x80-\x01]", b"\xff"));
        assert!(!matches(b"[\x01-\x7f]", b"\x80"));
    }

    /// Exponential matchers need longer than the universe has for this one; ours needs at most 2 × 10⁸ comparisons.
    #[test]
    fn stars_do_not_multiply() {
        let pattern = b"a*".repeat(1_000);
        let text = [b"a".repeat(20_000), b"b".to_vec()].concat();
        assert!(matches(&pattern, &text));
        assert!(!matches(&[&pattern[..], b"c"].concat(), &text));
    }
}
