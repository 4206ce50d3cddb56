//! Comparing what was printed with what the book says, placeholders included.

/// Whether `actual` fits the one expected line; `[..]` stands for any run of characters.
pub fn line_matches(expected: &str, actual: &str) -> bool {
    let mut pieces = expected.trim_end().split("[..]");
    let actual = actual.trim_end();
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = actual.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(previous) = last.replace(piece) {
            match rest.find(previous) {
                Some(at) => rest = &rest[at + previous.len()..],
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(tail) => rest.ends_with(tail),
    }
}

/// Whether `actual` fits the expected lines as a whole; a line `...` stands for any number of lines.
pub fn text_matches(expected: &[String], actual: &[&str]) -> bool {
    match expected.split_first() {
        None => actual.iter().all(|line| line.trim().is_empty()),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=actual.len()).any(|skip| text_matches(rest, &actual[skip..]))
        }
        Some((first, rest)) => actual
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && text_matches(rest, others)),
    }
}

/// Whether the expectation would accept any output at all.
pub fn accepts_everything(expected: &[String]) -> bool {
    !expected.is_empty() && expected.iter().all(|line| matches!(line.trim(), "..." | "[..]" | ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn wildcards_match_inside_a_line() {
        assert!(line_matches("listening on 127.0.0.1:[..]", "listening on 127.0.0.1:7001"));
        assert!(line_matches("[..] from [..]:[..]", "accepted from 127.0.0.1:40312"));
        assert!(line_matches("[..]b[..]b", "abxb"));
        assert!(!line_matches("a[..]b", "a"));
        assert!(!line_matches("exact", "exactly"));
        assert!(line_matches("", ""));
    }

    #[test]
    fn an_ellipsis_matches_any_number_of_lines() {
        let expected = lines("first\n...\nlast");
        assert!(text_matches(&expected, &["first", "last"]));
        assert!(text_matches(&expected, &["first", "x", "y", "last"]));
        assert!(!text_matches(&expected, &["first", "x"]));
        assert!(!text_matches(&expected, &["first", "last", "more"]));
    }

    #[test]
    fn nothing_expected_means_nothing_printed() {
        assert!(text_matches(&[], &[]));
        assert!(!text_matches(&[], &["surprise"]));
    }

    #[test]
    fn an_expectation_of_wildcards_alone_is_recognised() {
        assert!(accepts_everything(&lines("...\n[..]")));
        assert!(!accepts_everything(&lines("...\n+PONG")));
        assert!(!accepts_everything(&[]));
    }
}
