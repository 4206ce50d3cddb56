//! What a request would do with which of its arguments: keys that it reads and writes, channels that it uses. Who may run it is
//! asked by this, before anything happens.
use super::{Command, Flag, KeySpec};
use crate::access::selector::{ChannelUse, KeyUse};
use crate::wire::args::Args;

/// What a command does with its keys: one text for all of them, or one for each.
pub fn access(command: &Command) -> &[&'static str] {
    match command.docs.access {
        [] if command.flags.has(Flag::ReadOnly) => &["RO access"],
        [] => &["RW access update"],
        given => given,
    }
}

/// The keys of a request with what is done to each, as flags of a key specification. None if the request announces more keys
/// than it has: it will be refused by its command.
pub fn keys(command: &Command, args: Args<'_>) -> Vec<(usize, &'static str)> {
    if command.keys == KeySpec::None || !command.keys.is_whole(args) {
        return Vec::new();
    }
    let texts = access(command);
    let text_of = |nth: usize| actual(command, texts[nth.min(texts.len() - 1)], args);
    let mut keys: Vec<_> =
        command.keys.positions(args).enumerate().map(|(nth, at)| (at, text_of(nth))).collect();
    if command.name == "sort" {
        keys.extend(sort_target(args).map(|at| (at, "OW update")));
    }
    keys
}

/// The same for a user's permissions: what is no key (the channel of `SPUBLISH`) is left out.
pub fn key_uses(command: &Command, args: Args<'_>) -> Vec<KeyUse> {
    let of_keys = keys(command, args).into_iter().filter(|(_, flags)| !has(flags, "not_key"));
    of_keys
        .map(|(at, flags)| KeyUse {
            at,
            reads: has(flags, "access"),
            writes: ["insert", "update", "delete"].iter().any(|flag| has(flags, flag)),
        })
        .collect()
}

/// The channels of a request. To leave one is permitted to everybody.
pub fn channel_use(command: &Command) -> ChannelUse {
    match command.name {
        "subscribe" | "ssubscribe" => ChannelUse::All,
        "psubscribe" => ChannelUse::Patterns,
        "publish" | "spublish" => ChannelUse::First,
        _ => ChannelUse::None,
    }
}

fn has(flags: &str, flag: &str) -> bool {
    flags.split(' ').any(|one| one == flag)
}

/// What a request really does where its options decide: `SET` reads only if it is asked to `GET`, and `BITFIELD` writes only if
/// it is asked for more than that.
fn actual(command: &Command, flags: &'static str, args: Args<'_>) -> &'static str {
    match command.name {
        _ if !flags.ends_with("variable_flags") => flags,
        "bitfield" if only_gets(args) => "RO access",
        "set" if !(3..args.len()).any(|at| args.is(at, "get")) => "OW update",
        _ => "RW access update",
    }
}

/// Whether `BITFIELD` is asked for nothing but `GET`, as far as its arguments make sense.
fn only_gets(args: Args<'_>) -> bool {
    let (mut at, mut only) = (2, true);
    while at < args.len() {
        let rest = args.len() - 1 - at;
        at += match () {
            () if args.is(at, "get") && rest >= 2 => 3,
            () if args.is(at, "overflow") && rest >= 1 => 2,
            () if (args.is(at, "set") || args.is(at, "incrby")) && rest >= 3 => {
                only = false;
                4
            }
            () => return false,
        };
    }
    only
}

/// Where `SORT` names the key to `STORE` to; of several, the last counts.
fn sort_target(args: Args<'_>) -> Option<usize> {
    let (mut at, mut target) = (2, None);
    while at < args.len() {
        at += match () {
            () if args.is(at, "limit") => 3,
            () if args.is(at, "by") || args.is(at, "get") => 2,
            () if args.is(at, "store") && at + 1 < args.len() => {
                target = Some(at + 1);
                1
            }
            () => 1,
        };
    }
    target
}

/// An option of `SORT` that reads keys whose names cannot be told beforehand, if nothing stands before it that `SORT` does not
/// know: `BY` with a pattern, any `GET`.
pub fn sort_reads_any(command: &Command, args: Args<'_>) -> Option<&'static str> {
    if !matches!(command.name, "sort" | "sort_ro") {
        return None;
    }
    let mut at = 2;
    while at < args.len() {
        let rest = args.len() - 1 - at;
        at += match () {
            () if ["asc", "desc", "alpha"].iter().any(|word| args.is(at, word)) => 1,
            () if args.is(at, "limit") && rest >= 2 => 3,
            () if args.is(at, "store") && command.name == "sort" && rest >= 1 => 2,
            () if args.is(at, "by") && rest >= 1 && args.get(at + 1).contains(&b'*') => return Some("BY"),
            () if args.is(at, "by") && rest >= 1 => 2,
            () if args.is(at, "get") && rest >= 1 => return Some("GET"),
            () => return None,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::find;
    use crate::wire::args::OwnedArgs;

    /// `index:letters` for each key, R if it is read, W if it is written.
    fn used(line: &str) -> String {
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let args = OwnedArgs::words(&words);
        let top = find(words[0]).expect("a command");
        let row = words.get(1).and_then(|word| top.subcommand(word)).unwrap_or(top);
        let letters = |key: &KeyUse| {
            format!("{}:{}{}", key.at, if key.reads { "R" } else { "" }, if key.writes { "W" } else { "" })
        };
        key_uses(row, args.as_args()).iter().map(letters).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn keys_are_used_as_the_request_says() {
        for (line, expected) in [
            ("GET a", "1:R"),
            ("SET a b", "1:W"),
            ("SET a b NX get", "1:RW"),
            ("STRLEN a", "1:"),
            ("RENAME a b", "1:RW 2:W"),
            ("COPY a b", "1:R 2:W"),
            ("BITFIELD a GET u8 0 OVERFLOW SAT", "1:R"),
            ("BITFIELD a GET u8 0 INCRBY u8 0 1", "1:RW"),
            ("BITFIELD a", "1:R"),
            ("BITFIELD a GET", "1:RW"),
            ("SORT a BY store STORE b STORE c", "1:R 7:W"),
            ("SORT a LIMIT STORE b", "1:R"),
            ("SORT_RO a STORE b", "1:R"),
            ("OBJECT ENCODING a", "2:"),
            ("MSET a 1 b 2", "1:W 3:W"),
            ("ZUNIONSTORE d 2 a b", "1:W 3:R 4:R"),
            ("ZUNIONSTORE d 3 a b", ""),
            ("ZUNIONSTORE d x a b", ""),
            ("SPUBLISH c x", ""),
            ("PING a", ""),
        ] {
            assert_eq!(used(line), expected, "{line}");
        }
    }

    #[test]
    fn sort_reads_any_key_by_by_and_get() {
        for (line, expected) in [
            ("SORT a", None),
            ("SORT a BY w* LIMIT 0 1", Some("BY")),
            ("SORT a BY nosort", None),
            ("SORT a desc alpha limit 0 1 STORE b GET #", Some("GET")),
            ("SORT a nonsense BY w*", None),
            ("SORT_RO a STORE b BY w*", None),
            ("SORT a BY", None),
            ("GET BY w*", None),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let row = find(words[0]).expect("a command");
            assert_eq!(sort_reads_any(row, OwnedArgs::words(&words).as_args()), expected, "{line}");
        }
    }
}
