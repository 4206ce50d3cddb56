//! One message to everybody who listens to a channel.
use std::mem;

use super::{Deliver, Kind, Message};
use crate::state::State;
use crate::state::subscriptions::Space;
use crate::text::glob;

// ANCHOR: publish
/// Sends a message to a channel's listeners and, unless it is a shard's, to those whose pattern fits its name. How many
/// messages that were: a client that listens in two ways gets two.
pub fn publish(
    state: &mut State,
    deliver: &mut Deliver<'_>,
    space: Space,
    channel: &[u8],
    payload: &[u8],
) -> usize {
    // Nothing subscribes or leaves while messages are written: a client that is cut off leaves when its connection closes.
    let pubsub = mem::take(&mut state.pubsub);
    let kind: &[u8] = if space == Space::Shard { b"smessage" } else { b"message" };
    let mut message = Message::new(|reply| {
        reply.push(3);
        reply.bulk(kind);
        reply.bulk(channel);
        reply.bulk(payload);
    });
    let listeners = pubsub.listeners(space, channel);
    for conn in listeners {
        deliver.send(state, *conn, Kind::Push, &mut message);
    }
    let mut count = listeners.len();
    if space == Space::Channel {
        for (pattern, listeners) in pubsub.all(Space::Pattern) {
            if !glob::matches(pattern, channel) {
                continue;
            }
            let mut message = Message::new(|reply| {
                reply.push(4);
                reply.bulk(b"pmessage");
                reply.bulk(pattern);
                reply.bulk(channel);
                reply.bulk(payload);
            });
            for conn in listeners {
                deliver.send(state, *conn, Kind::Push, &mut message);
            }
            count += listeners.len();
        }
    }
    state.pubsub = pubsub;
    count
}
// ANCHOR_END: publish
