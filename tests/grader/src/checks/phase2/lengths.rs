//! The length word: zero, the maximum, beyond it, and lies.

use super::FRAMED;
use crate::check::{Check, Context, Explain as _, Kind, Need, Outcome};
use crate::checks::phase1::BELOW;
use crate::context::not_run;
use crate::procfs;
use crate::wire::MAX_PAYLOAD;

const SIGNED: &str = "the length is signed or overflows";
const NO_CAP: &str = "no maximum length is enforced";
const ALLOCATES: &str = "memory is allocated by the header's word";
const OFF_BY_ONE: &str = "off by one at the maximum length";
const ZERO: &str = "a frame of length zero is not answered";

pub(in crate::checks) const CHECKS: &[Check] = &[
    Check {
        name: "zero-length",
        phases: FRAMED,
        catalogue: &[23],
        title: "an empty frame gets an empty frame",
        lesson: "Length 0 is a valid message: 00 00 00 00, and nothing after it. It is easily mistaken for \"nothing \
                 read yet\" or for the end of the stream, because so many functions return 0 for those.",
        chapter: "docs/src/phase2/length-prefix.md",
        points: 2,
        topic: "framing",
        blocked_by: &["round-trip"],
        after: &["exact-frame"],
        hints: [
            "What does your server do with a length of 0?",
            "Do not read a body of 0 bytes: read() with a length of 0 returns 0, which looks like the end of stream.",
            "A decoder over a buffer has no special case: 4 + 0 bytes are there, so the frame is whole.",
        ],
        bugs: &[ZERO],
        run: zero_length,
        ..Check::PLAIN
    },
    Check {
        name: "hostile-length",
        phases: FRAMED,
        catalogue: &[20],
        title: "lengths near 2³¹ and 2³² close that connection and nothing else",
        lesson: "A length from the network is a claim by a stranger. As a signed number 0x80000000 is negative and passes \
                 a test for \"too large\"; 0xfffffffc plus 4 is 0 in 32 bits. Compare before you compute.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 3,
        topic: "framing",
        blocked_by: &["round-trip"],
        after: &["head-of-line", "mass-close"],
        hints: [
            "Which type holds your length, and what is 4 + length in that type?",
            "Compare the length with the maximum first, as an unsigned number, before adding to it.",
            "uint32_t len = …; if (len > MAX) close; only then 4 + (size_t) len.",
        ],
        bugs: &[SIGNED, NO_CAP],
        run: hostile_length,
        ..Check::PLAIN
    },
    Check {
        name: "no-allocation",
        phases: FRAMED,
        catalogue: &[21],
        title: "a claimed length costs no memory before the bytes arrive",
        lesson: "Four bytes are cheap to send. If each makes the server reserve 2 GB, a few clients with patience take \
                 all its memory. Memory may grow with what has arrived, never with what was announced.",
        chapter: "docs/src/phase2/hostile-lengths.md",
        points: 3,
        topic: "framing",
        blocked_by: &["hostile-length"],
        hints: [
            "When do you allocate the payload's buffer, and how large?",
            "Refuse what is above the maximum; below it, let the buffer grow as bytes come in.",
            "vec![0; len] and malloc(len) + memset on the header's word are the bug; reserve by what was read.",
        ],
        bugs: &[ALLOCATES],
        needs: &[Need::Proc],
        run: no_allocation,
        ..Check::PLAIN
    },
    Check {
        name: "maximum",
        phases: FRAMED,
        catalogue: &[22],
        title: "32 MiB pass, one byte more does not",
        lesson: "A limit is a number that is still allowed. Whether `<` or `<=` stands there shows only at the limit \
                 itself, so it is tested there: one below, exactly, one above.",
        chapter: "docs/src/phase2/length-prefix.md",
        points: 2,
        topic: "framing",
        blocked_by: &["hostile-length"],
        after: &["sizes", "short-writes", "head-of-line", "trailing-bytes", "split-anywhere"],
        hints: [
            "Is the maximum itself allowed?",
            "The limit is for the payload: the four bytes of the header do not count.",
            "if length > MAX { close } with MAX = 32 << 20.",
        ],
        bugs: &[OFF_BY_ONE, NO_CAP, BELOW],
        run: maximum,
        ..Check::PLAIN
    },
];

fn zero_length(ctx: &mut Context) -> Outcome {
    let empty = ctx.wire.encode(b"");
    let normal = ctx.message(9);
    let mut client = ctx.connect()?;
    client.step("an empty frame");
    client.send(&empty)?;
    client.expect(&empty).likely(ZERO)?;
    client.step("a normal frame after it");
    client.send(&normal)?;
    client.expect(&normal).likely(ZERO)?;
    client.step("empty and normal frames, one at a time");
    for frame in [&empty, &normal, &empty, &empty, &normal] {
        client.send(frame)?;
        client.expect(frame).likely(ZERO)?;
    }
    Ok(())
}

fn hostile_length(ctx: &mut Context) -> Outcome {
    for word in [0x7fff_ffff_u32, 0x8000_0000, 0xffff_fffc, 0xffff_ffff] {
        let tail = ctx.rng.text(12);
        let bytes = [&word.to_le_bytes()[..], &tail].concat();
        let mut client = ctx.connect()?;
        client.step(format!("a length of {word} (0x{word:08x}) and a few bytes"));
        client.send(&bytes)?;
        client
            .expect_closed()
            // Whoever refuses the largest positive number has a limit; what it lets through then is a question of sign.
            .likely_when(&[Kind::NotClosed], if word == 0x7fff_ffff { NO_CAP } else { SIGNED })
            .likely_when(&[Kind::ExtraBytes], SIGNED)
            .likely_death(SIGNED)?;
        drop(client);
        ctx.ping()
            .likely_death(SIGNED)
            .note(format!("before that, another client claimed a length of 0x{word:08x}"))?;
    }
    Ok(())
}

fn no_allocation(ctx: &mut Context) -> Outcome {
    const MIB: u64 = 1 << 20;
    ctx.ping()?;
    let target = ctx.target()?;
    let peak = |key: &str| procfs::status_number(target.pid(), key).map(|kib| kib * 1_024);
    let unreadable = || not_run("the server's memory cannot be read from /proc");
    let (space, resident) = (peak("VmPeak").ok_or_else(unreadable)?, peak("VmHWM").ok_or_else(unreadable)?);
    // One above the maximum, one just below it: for both, four bytes are all that is ever sent.
    for word in [2_000_000_000_u32, MAX_PAYLOAD as u32] {
        let mut client = ctx.connect()?;
        client.step(format!("a header that claims {word} bytes, and nothing else"));
        client.send(&word.to_le_bytes())?;
        client.wait_read()?;
        let _ = target.wait_idle(std::time::Duration::from_secs(2));
        let grown = peak("VmHWM").unwrap_or(resident).saturating_sub(resident);
        let reserved = peak("VmPeak").unwrap_or(space).saturating_sub(space);
        if grown > 16 * MIB || reserved > 1_000 * MIB {
            let text = format!(
                "a claim of {word} bytes made the server take {} MiB of memory and reserve {} MiB of address space",
                grown / MIB,
                reserved / MIB
            );
            return Err(client.failure(Kind::Resource, text).likely(ALLOCATES).into());
        }
        if target.ended().is_some() {
            return Err(client
                .failure(Kind::ServerDied, "the server ended on a claimed length")
                .likely_death(ALLOCATES)
                .into());
        }
    }
    Ok(())
}

fn maximum(ctx: &mut Context) -> Outcome {
    let payload = ctx.rng.bytes(MAX_PAYLOAD + 1);
    for len in [MAX_PAYLOAD - 1, MAX_PAYLOAD] {
        let message = ctx.wire.encode(&payload[..len]);
        let mut client = ctx.connect()?;
        client.step(format!("a payload of {len} bytes, {} below the maximum", MAX_PAYLOAD - len));
        if let Err(verdict) = client.exchange(&message, &message) {
            drop(client);
            // Is it a question of a few bytes, or is the limit somewhere else altogether?
            let below = ctx.wire.encode(&payload[..MAX_PAYLOAD - 64]);
            let near = ctx.connect().is_ok_and(|mut client| client.exchange(&below, &below).is_ok());
            let outcome: Outcome = Err(verdict);
            return outcome
                .likely_when(&[Kind::EarlyEof, Kind::Reset], if near { OFF_BY_ONE } else { BELOW });
        }
    }
    let word = MAX_PAYLOAD as u32 + 1;
    let mut client = ctx.connect()?;
    client.step(format!("a length of {word}, one above the maximum"));
    client.send(&word.to_le_bytes())?;
    let Err(verdict) = client.expect_closed() else { return Ok(()) };
    drop(client);
    // Is it this one byte, or is there no limit at all?
    let mut client = ctx.connect()?;
    client.send(&(2 * word).to_le_bytes())?;
    let bug = if client.expect_closed().is_ok() { OFF_BY_ONE } else { NO_CAP };
    let outcome: Outcome = Err(verdict);
    outcome.likely(bug)
}
