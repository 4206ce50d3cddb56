//! What the checks of collections share: names for faults that any of them can have, values at the edges of what small
//! collections are packed into, and replies whose order is free.

use super::reply::Reply;
use super::talk::Talk;
use crate::check::{Context, Explain as _, Outcome, Verdict};

/// Redis has no empty collection: whatever takes the last element removes the key.
pub(super) const EMPTY: &str = "an emptied collection still exists";
pub(super) const TYPE: &str = "a command for one type is not refused on another";
pub(super) const VALUE: &str = "an element comes back as other bytes";
pub(super) const LOST: &str = "a collection loses elements when it grows";
pub(super) const PLACES: &str = "positions are wrong after elements were added or removed";

pub(super) const WRONGTYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

/// The key must be gone: for EXISTS, for TYPE, and for a string that is stored there next.
pub(super) fn gone(talk: &mut Talk, key: &str) -> Outcome {
    gone_for(talk, key, EMPTY)
}

/// The same, where it is for another reason that it must be gone.
pub(super) fn gone_for(talk: &mut Talk, key: &str, bug: &'static str) -> Outcome {
    talk.rows(&[(&format!("EXISTS {key}"), ":0"), (&format!("TYPE {key}"), "+none")]).likely(bug)
}

/// A string is no collection, and a collection no string: each command is refused, and nothing has changed.
pub(super) fn refuses(talk: &mut Talk, commands: &[&str]) -> Outcome {
    talk.ask("SET ~string text", "+OK")?;
    for command in commands {
        talk.ask(command, WRONGTYPE).likely(TYPE)?;
    }
    talk.ask("GET ~string", "$text").likely(TYPE)
}

/// Asks for elements whose order is free, and compares them with those wanted, which are separated by blanks.
pub(super) fn unordered(talk: &mut Talk, command: &str, wanted: &str) -> Outcome {
    let wanted = wanted.split(' ').filter(|name| !name.is_empty()).map(|name| name.as_bytes().to_vec());
    same_elements(talk, command, wanted.collect())
}

/// The same, with elements of any bytes.
pub(super) fn same_elements(talk: &mut Talk, command: &str, mut wanted: Vec<Vec<u8>>) -> Outcome {
    let reply = talk.hear(command)?;
    wanted.sort();
    match bulks(&reply) {
        Some(mut got) => {
            got.sort();
            if got == wanted { Ok(()) } else { Err(other_elements(talk, &got, &wanted)) }
        }
        None => Err(talk.wrong(&reply, "an array of elements")),
    }
}

/// The elements of an array of strings.
pub(super) fn bulks(reply: &Reply) -> Option<Vec<Vec<u8>>> {
    let Reply::Array(items) = reply else { return None };
    let bulk = |item: &Reply| match item {
        Reply::Bulk(bytes) => Some(bytes.clone()),
        _ => None,
    };
    items.iter().map(bulk).collect()
}

/// Says which elements are missing and which are too many: of a thousand, two matter.
fn other_elements(talk: &mut Talk, got: &[Vec<u8>], wanted: &[Vec<u8>]) -> Verdict {
    let few = |these: &[Vec<u8>], those: &[Vec<u8>]| {
        let mut rest = those.to_vec();
        let mut odd = Vec::new();
        for one in these {
            match rest.iter().position(|other| other == one) {
                Some(at) => drop(rest.swap_remove(at)),
                None => odd.push(one.escape_ascii().to_string()),
            }
        }
        let more = if odd.len() > 5 { format!(" and {} more", odd.len() - 5) } else { String::new() };
        odd.truncate(5);
        if odd.is_empty() { "none".to_owned() } else { odd.join(", ") + &more }
    };
    let (count, due) = (got.len(), wanted.len());
    let (missing, extra) = (few(wanted, got), few(got, wanted));
    let text = format!("{count} elements came, {due} were due. Missing: {missing}. Too many: {extra}");
    talk.client.fail(crate::check::Kind::WrongBytes, text)
}

/// Walks through a collection by `HSCAN ~key` and its kin to the end: all elements that came. Some may come twice.
pub(super) fn scan_all(talk: &mut Talk, command: &str, options: &str) -> Outcome<Vec<Vec<u8>>> {
    let (mut cursor, mut all) = ("0".to_owned(), Vec::new());
    for _ in 0..10_000 {
        let reply = talk.hear(&format!("{command} {cursor} {options}"))?;
        let parts = match &reply {
            Reply::Array(parts) if parts.len() == 2 => parts,
            _ => return Err(talk.wrong(&reply, "a cursor and an array")),
        };
        let (Reply::Bulk(next), Some(elements)) = (&parts[0], bulks(&parts[1])) else {
            return Err(talk.wrong(&reply, "a cursor and an array of strings"));
        };
        all.extend(elements);
        cursor = String::from_utf8_lossy(next).into_owned();
        if cursor == "0" {
            return Ok(all);
        }
    }
    let text = "10,000 steps, and the cursor has not come back to 0";
    Err(talk.client.fail(crate::check::Kind::WrongBytes, text))
}

/// Values that a packed collection keeps in different ways: integers at the edges of each width, texts that only look like
/// integers, strings about the lengths at which a length needs another byte; and any bytes, from the seed.
pub(super) fn edge_values(ctx: &mut Context) -> Vec<Vec<u8>> {
    let powers = [7_u32, 8, 12, 15, 16, 31, 32, 62].map(|power| 1_i64 << power);
    let integers = powers.into_iter().flat_map(|power| [power - 1, power, -power, -power - 1]);
    let mut values: Vec<Vec<u8>> = [0, -1, i64::MAX, i64::MIN]
        .into_iter()
        .chain(integers)
        .map(|integer| integer.to_string().into_bytes())
        .collect();
    let nearly = ["", "00", "-0", "+1", "1.0", "1e3", "0x10", "9223372036854775808"];
    values.extend(nearly.map(|text| text.as_bytes().to_vec()));
    values.extend((0..4).map(|_| ctx.rng.bytes(50)));
    for len in [62, 63, 64, 65, 127, 128, 254, 255, 256, 4_094, 4_095, 4_096, 20_000] {
        values.push(ctx.rng.text(len));
    }
    values.push(ctx.rng.bytes(300));
    values
}
