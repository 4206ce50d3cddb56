//! Entries handed to a consumer: new ones, and once more those that it has.
use crate::command::stream::{bulk_id, entry};
use crate::keyspace::stream::{ConsumerId, Id, Pending};
use crate::keyspace::{Millis, Stream};
use crate::wire::reply::Reply;

/// Appends the entries that the group has not been given, `count` at most (0: all), and gives them to a consumer.
pub fn give(
    stream: &mut Stream,
    (name, consumer): (&[u8], ConsumerId),
    (count, noack): (u64, bool),
    now: Millis,
    reply: &mut Reply<'_>,
) {
    let Some((tally, group)) = stream.tally_and_group(name) else { return };
    let from = group.last.next().unwrap_or_default();
    reply.counted_array(|reply| {
        let mut given = 0;
        tally.log.range(from, Id::MAX, |id, fields| {
            if id > group.last {
                group.read = tally.read_with(group, id);
                group.last = id;
            }
            entry(reply, id, fields);
            if !noack {
                // It may be someone's already: XGROUP SETID can send a group back.
                group.set_pending(Pending { id, delivered: now, count: 1, consumer });
            }
            given += 1;
            given != count
        });
        given as usize
    });
}

/// Appends the entries behind an ID that a consumer has been given before, `count` at most (0: all), as given once more.
pub fn remind(
    stream: &mut Stream,
    (name, consumer): (&[u8], ConsumerId),
    (since, count): (Id, u64),
    now: Millis,
    reply: &mut Reply<'_>,
) {
    let Some((tally, group)) = stream.tally_and_group(name) else { return };
    let most = if count == 0 { usize::MAX } else { count as usize };
    let from = since.next().unwrap_or_default();
    let ids: Vec<Id> = group.consumer(consumer).pending_from(from).take(most).collect();
    reply.array(ids.len());
    for id in ids {
        if tally.log.get(id, |fields| entry(reply, id, fields)) {
            if let Some(pending) = group.pending(id) {
                group.set_pending(Pending {
                    delivered: now,
                    count: pending.count.wrapping_add(1),
                    ..pending
                });
            }
        } else {
            // It is pending, and gone.
            reply.array(2);
            bulk_id(reply, id);
            reply.nil_array();
        }
    }
}
