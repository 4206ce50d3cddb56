//! The differential test: the same random commands go to redis-server and to this server, and every byte of every reply
//! must be the same.
//!
//! A seed becomes a sequence of steps ([`generate`], out of the [`table`] of commands), the steps are played to both
//! servers in pipelined batches over several RESP2 and RESP3 connections ([`replay`]), a difference is shrunk to its
//! shortest script ([`shrink`]) that can be pasted into redis-cli ([`step::script`]). Where a reply need not be the same
//! stands in one list with its reasons ([`exceptions`]). What commands do to keys is compared by [`events`],
//! what happens between several clients by [`lockstep`], and who may do what by [`access`]. Not a comparison: [`crash`]
//! kills the server and looks what is left.
pub mod access;
pub mod connection;
pub mod crash;
pub mod events;
pub mod exceptions;
pub mod generate;
pub mod grammar;
pub mod lockstep;
pub mod ordered;
pub mod replay;
pub mod server;
pub mod shrink;
pub mod step;
pub mod streams;
pub mod table;

use std::fmt;
use std::time::{Duration, Instant};

use replay::{Difference, Replay};
use server::Server;
use step::{Step, script};

/// Most replays for shrinking one difference, and the longest time: a server that hangs makes every replay slow.
const SHRINK_REPLAYS: usize = 1500;
const SHRINK_TIME: Duration = Duration::from_secs(60);

/// A difference with the shortest script that shows it.
#[derive(Debug)]
pub struct Finding {
    /// The seed it came from.
    pub seed: u64,
    /// The script.
    pub steps: Vec<Step>,
    /// What differs at its end.
    pub difference: Difference,
    /// False if the difference did not show again when it was replayed: it depends on time.
    pub reproduced: bool,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}: the servers differ", self.seed)?;
        if !self.reproduced {
            writeln!(f, "(not again when replayed on fresh servers; the last steps before it were:)")?;
        }
        write!(f, "{}", script(&self.steps))?;
        writeln!(f, "=> {}", self.difference.command)?;
        writeln!(f, "   redis: {}", self.difference.redis)?;
        write!(f, "   ours:  {}", self.difference.ours)
    }
}

/// Plays one seed. `None`: no difference.
///
/// # Errors
/// A server cannot be reached or restarted.
pub fn run_seed(servers: &mut [Server; 2], seed: u64, commands: usize) -> std::io::Result<Option<Finding>> {
    let steps = generate::steps(seed, commands);
    let Some(difference) = play(servers, &steps)? else { return Ok(None) };
    let steps = &steps[..difference.after];
    let Some(again) = play(servers, steps)? else {
        let last = steps[steps.len().saturating_sub(20)..].to_vec();
        return Ok(Some(Finding { seed, steps: last, difference, reproduced: false }));
    };
    let mut last = again;
    let deadline = Instant::now() + SHRINK_TIME;
    let steps = shrink::shrink(steps, SHRINK_REPLAYS, &mut |steps| {
        if Instant::now() > deadline || !generate::is_settled(steps) {
            return false;
        }
        match play(servers, steps) {
            Ok(Some(difference)) if difference.after == steps.len() => {
                last = difference;
                true
            }
            _ => false,
        }
    });
    // The last difference seen belongs to the steps that were kept: a candidate that fails is always kept.
    Ok(Some(Finding { seed, steps, difference: last, reproduced: true }))
}

/// Plays steps on both servers from a fresh state. A server that has crashed is a difference, and is started anew.
fn play(servers: &mut [Server; 2], steps: &[Step]) -> std::io::Result<Option<Difference>> {
    let [a, b] = servers;
    a.revive()?;
    b.revive()?;
    let played = Replay::start([a.address, b.address]).and_then(|mut replay| replay.play(steps));
    let state = [a, b].map(|server| server.ended().unwrap_or_else(|| "runs".into()));
    match played {
        Err(error) if state[0] == state[1] => Err(error),
        Err(_) => Ok(Some(Difference {
            after: steps.len(),
            command: "(a server has ended)".into(),
            redis: state[0].clone(),
            ours: state[1].clone(),
        })),
        Ok(difference) => Ok(difference),
    }
}
