//! What a command may do, as `COMMAND INFO` prints it and as the server asks it: words in the row, bits in the memory.

/// A command's flags. The text is what clients see, in Redis's order; the bits are made from it when the program is
/// compiled, and a word that is no flag does not compile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Flags {
    text: &'static str,
    bits: u32,
}

/// One flag each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Flag {
    /// It changes keys.
    Write = 1 << 0,
    /// It reads keys and changes none.
    ReadOnly = 1 << 1,
    /// It may need memory: refused when there is none.
    DenyOom = 1 << 2,
    /// It is for the operator.
    Admin = 1 << 3,
    /// It is about channels.
    PubSub = 1 << 4,
    /// Not from scripts.
    NoScript = 1 << 5,
    /// It may wait for other clients.
    Blocking = 1 << 6,
    /// Served while a file is being loaded.
    Loading = 1 << 7,
    /// Served by a replica that has lost its leader.
    Stale = 1 << 8,
    /// O(1) or O(log n).
    Fast = 1 << 9,
    /// Needs no password.
    NoAuth = 1 << 10,
    /// Not inside a transaction.
    NoMulti = 1 << 11,
    /// Its keys are not where first, last and step say.
    MovableKeys = 1 << 12,
    /// Served while another command takes too long.
    AllowBusy = 1 << 13,
    /// Not shown in the slow log.
    SkipSlowlog = 1 << 14,
    /// Not shown to MONITOR.
    SkipMonitor = 1 << 15,
    /// Its key arguments may be left out.
    NoMandatoryKeys = 1 << 16,
    /// Not while a replica loads a data set in the background.
    NoAsyncLoading = 1 << 17,
    /// It reaches replicas though it changes no key (`PUBLISH`).
    MayReplicate = 1 << 18,
}

const WORDS: [(&str, Flag); 19] = [
    ("write", Flag::Write),
    ("readonly", Flag::ReadOnly),
    ("denyoom", Flag::DenyOom),
    ("admin", Flag::Admin),
    ("pubsub", Flag::PubSub),
    ("noscript", Flag::NoScript),
    ("blocking", Flag::Blocking),
    ("loading", Flag::Loading),
    ("stale", Flag::Stale),
    ("fast", Flag::Fast),
    ("no_auth", Flag::NoAuth),
    ("no_multi", Flag::NoMulti),
    ("movablekeys", Flag::MovableKeys),
    ("allow_busy", Flag::AllowBusy),
    ("skip_slowlog", Flag::SkipSlowlog),
    ("skip_monitor", Flag::SkipMonitor),
    ("no_mandatory_keys", Flag::NoMandatoryKeys),
    ("no_async_loading", Flag::NoAsyncLoading),
    ("may_replicate", Flag::MayReplicate),
];

impl Flags {
    /// Reads space-separated words. In a constant, a word that is no flag stops the compiler.
    pub const fn parse(text: &'static str) -> Flags {
        let bytes = text.as_bytes();
        let (mut bits, mut start, mut at) = (0, 0, 0);
        while at <= bytes.len() {
            if at == bytes.len() || bytes[at] == b' ' {
                if at > start {
                    bits |= bit_of(bytes, start, at);
                }
                start = at + 1;
            }
            at += 1;
        }
        Flags { text, bits }
    }

    /// Whether the command has this flag.
    #[inline(always)]
    pub const fn has(self, flag: Flag) -> bool {
        self.bits & flag as u32 != 0
    }

    /// As `COMMAND INFO` prints them, separated by spaces.
    pub const fn text(self) -> &'static str {
        self.text
    }
}

const fn bit_of(text: &[u8], start: usize, end: usize) -> u32 {
    let mut row = 0;
    while row < WORDS.len() {
        let word = WORDS[row].0.as_bytes();
        let mut at = 0;
        while at < word.len() && start + at < end && word[at] == text[start + at] {
            at += 1;
        }
        if at == word.len() && start + at == end {
            return WORDS[row].1 as u32;
        }
        row += 1;
    }
    panic!("a command's flag is misspelt");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_bits() {
        const SET: Flags = Flags::parse("write denyoom");
        assert!(SET.has(Flag::Write) && SET.has(Flag::DenyOom) && !SET.has(Flag::ReadOnly));
        assert_eq!(SET.text(), "write denyoom");
        let nothing = Flags::parse("");
        assert!(WORDS.iter().all(|(_, flag)| !nothing.has(*flag)));
        for (word, flag) in WORDS {
            assert!(Flags::parse(word).has(flag), "{word}");
        }
    }

    #[test]
    #[should_panic(expected = "misspelt")]
    fn a_word_that_is_no_flag_is_refused() {
        Flags::parse("write fats");
    }
}
