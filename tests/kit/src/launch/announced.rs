//! Servers that say where they listen: `listening on 127.0.0.1:PORT WORD`.

use std::net::SocketAddr;
use std::time::Instant;

use super::{Launch, StartError, Target};

/// One address that a server has announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Where it listens.
    pub address: SocketAddr,
    /// The word behind it: nothing, `resp` or `framed`.
    pub word: String,
}

/// What a server's output announces so far. A last line without its end is not yet believed.
#[must_use]
pub fn announcements(text: &str) -> Vec<Announcement> {
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    whole.filter_map(announcement).collect()
}

fn announcement(line: &str) -> Option<Announcement> {
    let mut words = line.strip_prefix("listening on ")?.split_whitespace();
    let address = words.next()?.parse().ok()?;
    Some(Announcement { address, word: words.next().unwrap_or_default().to_owned() })
}

impl Launch {
    /// Waits for so many announcements.
    pub(super) fn wait_announced(
        &self,
        target: &Target,
        count: usize,
        started: Instant,
    ) -> Result<Vec<Announcement>, StartError> {
        let enough = |text: &str| Some(announcements(text)).filter(|found| found.len() >= count);
        let patience = self.startup.saturating_sub(started.elapsed());
        if let Some(found) = target.output.wait(patience, enough) {
            return Ok(found);
        }
        let tail = target.output.tail(10);
        // Its outputs are at their end, so its exit is near, if it is not running without them.
        let grace = std::time::Duration::from_millis(500);
        match target.wait_end(grace) {
            Some(ended) => Err(StartError::Exited { ended, tail }),
            None => Err(StartError::Unannounced { after: started.elapsed(), tail }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_lines_alone_are_announcements() {
        let text = "hello\nlistening on 127.0.0.1:77 resp\nlistening on [::1]:78\nlistening on port 77\nlistening on 127.0.0.1:7";
        let found = announcements(text);
        let word_at = |address: &str, word: &str| Announcement {
            address: address.parse().unwrap(),
            word: word.to_owned(),
        };
        assert_eq!(found, [word_at("127.0.0.1:77", "resp"), word_at("[::1]:78", "")]);
    }
}
