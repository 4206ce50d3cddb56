//! `LATENCY`: when commands were slow, and how long each takes.
use std::fmt::Write;

use crate::command::{Command, Group, ServerContext, ServerFn, help, lookup};
use crate::error::{Error, c_string};
use crate::state::histogram::Histogram;
use crate::state::slow::Samples;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// The row.
pub static COMMANDS: &[Command] = &[Command::server("latency", -2, "", help_lines)
    .doc(Group::Server, "2.8.13", "Tells when commands were slow, and how long each takes.")
    .subcommands(&[
        row("doctor", 2, doctor, "2.8.13", "Says in words what was slow.").tips(TIPS),
        row("graph", 3, graph, "2.8.13", "Draws an event's samples.").tips(TIPS),
        Command::server("help", 2, "loading stale", help_lines).doc(
            Group::Server,
            "2.8.13",
            "Lists the subcommands.",
        ),
        row("histogram", -2, histogram, "7.0.0", "Tells how long commands took.").tips(TIPS),
        row("history", 3, history, "2.8.13", "Returns an event's samples.").tips(TIPS),
        row("latest", 2, latest, "2.8.13", "Returns the newest sample of each event.").tips(TIPS),
        row("reset", -2, reset, "2.8.13", "Forgets samples.")
            .tips("request_policy:all_nodes response_policy:all_succeeded"),
    ])];

const TIPS: &str = "nondeterministic_output request_policy:all_nodes response_policy:special";

const fn row(
    name: &'static str,
    arity: i32,
    run: ServerFn,
    since: &'static str,
    summary: &'static str,
) -> Command {
    Command::admin(name, arity, run).doc(Group::Server, since, summary)
}

/// The samples of an event, by its name in any case.
fn samples<'a>(context: &'a ServerContext<'_>, event: &[u8]) -> Option<(&'static str, &'a Samples)> {
    let mut events = context.state.latency.events.iter();
    events.find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(event)).map(|(name, it)| (*name, it))
}

fn latest(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let events = &context.state.latency.events;
    reply.array(events.len());
    for (name, samples) in events {
        let (time, millis) = samples.samples.back().copied().unwrap_or_default();
        reply.array(4);
        reply.bulk(name.as_bytes());
        reply.integer(time);
        reply.integer(millis as i64);
        reply.integer(samples.longest as i64);
    }
    Ok(())
}

fn history(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let samples = samples(context, args.get(2)).map(|(_, samples)| &samples.samples);
    reply.array(samples.map_or(0, |samples| samples.len()));
    for (time, millis) in samples.into_iter().flatten() {
        reply.array(2);
        reply.integer(*time);
        reply.integer(*millis as i64);
    }
    Ok(())
}

fn reset(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let latency = &mut context.state.latency;
    let count = match args.len() {
        2 => std::mem::take(&mut latency.events).len(),
        _ => args.from(2).filter(|event| latency.forget(event)).count(),
    };
    reply.integer(count as i64);
    Ok(())
}

/// How many lines a graph is high.
const HEIGHT: u64 = 4;

/// A column of `#` on `|` for each sample, as high as it is long beside the longest.
fn graph(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let event = args.get(2);
    let Some((name, Samples { samples, longest })) = samples(context, event) else {
        let text = [b"ERR No samples available for event '", c_string(event, usize::MAX), b"'"].concat();
        return Err(Error::bytes(text));
    };
    let (high, low) = (samples.iter().map(|it| it.1).max(), samples.iter().map(|it| it.1).min());
    let (high, low) = (high.unwrap_or(0), low.unwrap_or(0));
    let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {longest} ms)\n");
    text.push_str(&"-".repeat(80));
    text.push('\n');
    for line in (1..=HEIGHT).rev() {
        for (_, millis) in samples.iter().rev().take(80).rev() {
            let top = (millis * HEIGHT).div_ceil(high.max(1)).max(1);
            text.push(match top.cmp(&line) {
                std::cmp::Ordering::Greater => '|',
                std::cmp::Ordering::Equal => '#',
                std::cmp::Ordering::Less => ' ',
            });
        }
        text.push('\n');
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

fn doctor(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let threshold = context.state.config.watching.latency_monitor_threshold;
    let events = &context.state.latency.events;
    let mut text = String::new();
    if threshold == 0 {
        text.push_str(
            "Nothing is watched: latency-monitor-threshold is 0. CONFIG SET it to the milliseconds that are too long for \
             you.\n",
        );
    } else if events.is_empty() {
        text = format!("No command has taken {threshold} ms or longer since the samples were reset.\n");
    }
    for (name, Samples { samples, longest }) in events {
        let sum: u64 = samples.iter().map(|it| it.1).sum();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{name}: {} seconds with commands of {threshold} ms or longer, {} ms in the mean, {longest} ms at most.",
            samples.len(),
            sum / samples.len().max(1) as u64
        );
    }
    if !events.is_empty() {
        text.push_str(
            "SLOWLOG GET names the requests. Commands that walk through all of something (KEYS, SMEMBERS, SORT, LRANGE 0 -1) \
             are the usual ones: SCAN and its kin do the same in pieces. A fast-command that was slow waited for memory or \
             for the processor: look for swapping, and for other programs.\n",
        );
    }
    reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// `LATENCY HISTOGRAM [command …]`: how many calls took at most how many microseconds. A container stands for its subcommands.
fn histogram(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let wanted = |name: &str| {
        let container = name.split('|').next().unwrap_or(name).as_bytes();
        args.len() == 2
            || args
                .from(2)
                .any(|arg| arg.eq_ignore_ascii_case(name.as_bytes()) || arg.eq_ignore_ascii_case(container))
    };
    let all = (0..lookup::table().len()).map(|id| lookup::table().full_name(id as u16));
    let kept = context.state.stats.histograms.iter();
    let told: Vec<(&str, &Histogram)> = all
        .zip(kept)
        .filter_map(|(name, kept)| Some((name, kept.as_deref()?)))
        .filter(|(name, _)| wanted(name))
        .collect();
    reply.map(told.len());
    for (name, histogram) in told {
        let steps = histogram.steps();
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"calls");
        reply.integer(histogram.total() as i64);
        reply.bulk(b"histogram_usec");
        reply.map(steps.len());
        for (micros, count) in steps {
            reply.integer(micros as i64);
            reply.integer(count as i64);
        }
    }
    Ok(())
}

fn help_lines(_: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    help(
        reply,
        "LATENCY",
        &[
            "DOCTOR",
            "    Say in words what was slow.",
            "GRAPH <event>",
            "    Draw an event's samples.",
            "HISTOGRAM [<command> ...]",
            "    Tell how many calls took at most how many microseconds.",
            "HISTORY <event>",
            "    Return an event's samples: time, milliseconds.",
            "LATEST",
            "    Return the newest sample of each event: time, milliseconds, the longest ever.",
            "RESET [<event> ...]",
            "    Forget these events, or all.",
        ],
    );
    Ok(())
}
