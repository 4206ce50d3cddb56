//! A server that does not answer the first message: does it wait for something, or speak another language?

use crate::check::{Context, Failure, Outcome};
use crate::client::Client;
use crate::wire::{Wire, frame};

pub const GREETING: &str = "the server speaks before it is spoken to";
pub const NEWLINE: &str = "waits for a newline";
pub const WAITS: &str = "waits for more bytes than were sent";
pub const AT_THE_END: &str = "answers only once the client has sent its FIN";
pub const FRAMES: &str = "frames are expected where plain bytes are sent";
pub const OTHER_PROTOCOL: &str = "another protocol is spoken";

/// Tries one thing after another, each with a fresh server, until something comes.
pub fn name(ctx: &mut Context, failure: &Failure) -> Option<&'static str> {
    let came = failure.came.as_ref().map(|came| came.text()).unwrap_or_default();
    if says_another_protocol(&came) {
        return Some(OTHER_PROTOCOL);
    }
    if !came.is_empty() {
        return None;
    }
    let message = ctx.message(20);
    if let Some(came) = answer(ctx, |client| client.send(&[&message[..], b"\n"].concat())) {
        return Some(if says_another_protocol(&came) { OTHER_PROTOCOL } else { NEWLINE });
    }
    if ctx.wire == Wire::Raw && is_answered(ctx, |client| client.send(&frame(&message))) {
        return Some(FRAMES);
    }
    if is_answered(ctx, |client| client.send(&message.repeat(5_000))) {
        return Some(WAITS);
    }
    is_answered(ctx, |client| client.send(&message).and_then(|()| client.finish())).then_some(AT_THE_END)
}

/// The first words of servers that speak something else.
fn says_another_protocol(came: &str) -> bool {
    ["HTTP/", "<!DOCTYPE", "<html", "-ERR", "+OK", "$-1", "SSH-", "220 "]
        .iter()
        .any(|word| came.starts_with(word))
}

fn is_answered(ctx: &mut Context, send: impl FnOnce(&mut Client) -> Outcome) -> bool {
    answer(ctx, send).is_some()
}

fn answer(ctx: &mut Context, send: impl FnOnce(&mut Client) -> Outcome) -> Option<String> {
    let mut client = ctx.fresh().and_then(|()| ctx.connect()).ok()?;
    // Answers may come, and the connection end, while it is still sent to.
    let _ = send(&mut client);
    let came = client.read_some().ok().filter(|came| !came.is_empty())?;
    Some(String::from_utf8_lossy(&came).into_owned())
}
