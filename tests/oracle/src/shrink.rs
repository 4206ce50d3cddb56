//! Delta debugging: from a long sequence that shows a difference to the shortest script that still does.
use super::step::{Piece, Request, Step};

/// Shrinks `steps`, for which `fails` is true, to a sequence from which no step can be left out and no argument
/// shortened. `fails` plays its steps on fresh servers; it is asked at most `budget` times.
pub fn shrink(steps: &[Step], budget: usize, fails: &mut dyn FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut left = budget;
    let mut ask = |steps: &[Step]| {
        left = left.saturating_sub(1);
        left > 0 && !steps.is_empty() && fails(steps)
    };
    let steps = shortest_tail(steps, &mut ask);
    let steps = without_needless(steps, &mut ask);
    let steps = on_one_connection(steps, &mut ask);
    let steps = with_short_arguments(steps, &mut ask);
    without_needless(steps, &mut ask)
}

/// Most differences need only the last few steps, and a guess at that saves many long replays.
fn shortest_tail(steps: &[Step], fails: &mut dyn FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut length = 10;
    while length < steps.len() {
        let tail = &steps[steps.len() - length..];
        if fails(tail) {
            return tail.to_vec();
        }
        length *= 4;
    }
    steps.to_vec()
}

/// Leaves out ever smaller pieces, as long as the rest still fails.
fn without_needless(mut steps: Vec<Step>, fails: &mut dyn FnMut(&[Step]) -> bool) -> Vec<Step> {
    let mut size = steps.len().div_ceil(2);
    while size >= 1 {
        let mut at = 0;
        let mut removed = false;
        while at < steps.len() {
            let end = (at + size).min(steps.len());
            let rest = [&steps[..at], &steps[end..]].concat();
            if fails(&rest) {
                steps = rest;
                removed = true;
            } else {
                at = end;
            }
        }
        if size == 1 && !removed {
            break;
        }
        size = if size == 1 { 1 } else { size.div_ceil(2) };
    }
    steps
}

fn on_one_connection(steps: Vec<Step>, fails: &mut dyn FnMut(&[Step]) -> bool) -> Vec<Step> {
    let alone: Vec<Step> = steps.iter().map(|step| Step { connection: 0, ..step.clone() }).collect();
    if fails(&alone) { alone } else { steps }
}

/// Leaves out or halves arguments, one after the other.
fn with_short_arguments(mut steps: Vec<Step>, fails: &mut dyn FnMut(&[Step]) -> bool) -> Vec<Step> {
    for at in 0..steps.len() {
        let mut arg = 1;
        while let Some(shorter) = shorter_versions(&steps[at].request, arg) {
            let accepted = shorter.into_iter().find_map(|request| {
                let mut candidate = steps.clone();
                candidate[at].request = request;
                fails(&candidate).then_some(candidate)
            });
            match accepted {
                Some(candidate) => steps = candidate,
                None => arg += 1,
            }
        }
    }
    steps
}

/// The request without argument `arg` and with half of it; `None` past the last one.
fn shorter_versions(request: &Request, arg: usize) -> Option<Vec<Request>> {
    let Request::Command(pieces) = request else { return None };
    // Half of a setting or of a time would be another setting, and might outlast the replay.
    if ["CONFIG", "CLIENT", "DEBUG"].iter().any(|name| request.is(name, None)) {
        return None;
    }
    let piece = pieces.get(arg)?;
    let mut without = pieces.clone();
    without.remove(arg);
    let mut versions = vec![Request::Command(without)];
    if let Piece::Bytes(bytes) = piece
        && bytes.len() > 1
    {
        let mut half = pieces.clone();
        half[arg] = Piece::Bytes(bytes[..bytes.len() / 2].to_vec());
        versions.push(Request::Command(half));
    }
    Some(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(connection: usize, args: &[&[u8]]) -> Step {
        Step { connection, batch: 0, request: Request::command(args) }
    }

    /// A server that goes wrong when APPEND follows SETRANGE on the same key, whatever else happens.
    fn fails(steps: &[Step]) -> bool {
        let position = |name| steps.iter().position(|step| step.request.is(name, None));
        match (position("SETRANGE"), position("APPEND")) {
            (Some(first), Some(second)) => first < second && !steps[second].request.word(1).is_empty(),
            _ => false,
        }
    }

    #[test]
    fn two_needed_steps_are_found_among_thousands() {
        let mut steps: Vec<Step> =
            (0..5000).map(|n: usize| step(n % 3, &[b"SET", b"key", b"value"])).collect();
        steps[17] = step(1, &[b"SETRANGE", b"key", b"1", b"xxxxxxxxxxxxxxxx"]);
        steps[4321] = step(2, &[b"APPEND", b"key", b"yyyyyyyyyyyyyyyyyyyy"]);
        let mut asked = 0;
        let short = shrink(&steps, 2000, &mut |steps| {
            asked += 1;
            fails(steps)
        });
        assert_eq!(
            short,
            [step(0, &[b"SETRANGE"]), step(0, &[b"APPEND", b"y"])].to_vec(),
            "after {asked} replays"
        );
    }

    #[test]
    fn the_budget_bounds_the_replays() {
        let steps: Vec<Step> =
            (0..1000).map(|_| step(0, &[b"SETRANGE"])).chain([step(0, &[b"APPEND", b"k"])]).collect();
        let mut asked = 0;
        let short = shrink(&steps, 5, &mut |steps| {
            asked += 1;
            fails(steps)
        });
        assert!(asked < 5 && fails(&short));
    }
}
