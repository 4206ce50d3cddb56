//! The names under which events are published.
use super::Event;

/// A row for each event, in the order in which they are declared.
pub(super) const NAMES: [(Event, &str); 64] = [
    (Event::New, "new"),
    (Event::Set, "set"),
    (Event::Append, "append"),
    (Event::SetRange, "setrange"),
    (Event::IncrBy, "incrby"),
    (Event::IncrByFloat, "incrbyfloat"),
    (Event::HSet, "hset"),
    (Event::HIncrBy, "hincrby"),
    (Event::HIncrByFloat, "hincrbyfloat"),
    (Event::HDel, "hdel"),
    (Event::SAdd, "sadd"),
    (Event::SRem, "srem"),
    (Event::SPop, "spop"),
    (Event::SInterStore, "sinterstore"),
    (Event::SUnionStore, "sunionstore"),
    (Event::SDiffStore, "sdiffstore"),
    (Event::SetBit, "setbit"),
    (Event::SortStore, "sortstore"),
    (Event::LPush, "lpush"),
    (Event::RPush, "rpush"),
    (Event::LPop, "lpop"),
    (Event::RPop, "rpop"),
    (Event::LInsert, "linsert"),
    (Event::LSet, "lset"),
    (Event::LRem, "lrem"),
    (Event::LTrim, "ltrim"),
    (Event::ZAdd, "zadd"),
    (Event::ZIncr, "zincr"),
    (Event::ZRem, "zrem"),
    (Event::ZRemRangeByRank, "zremrangebyrank"),
    (Event::ZRemRangeByScore, "zremrangebyscore"),
    (Event::ZRemRangeByLex, "zremrangebylex"),
    (Event::ZPopMin, "zpopmin"),
    (Event::ZPopMax, "zpopmax"),
    (Event::ZRangeStore, "zrangestore"),
    (Event::ZUnionStore, "zunionstore"),
    (Event::ZInterStore, "zinterstore"),
    (Event::ZDiffStore, "zdiffstore"),
    (Event::XAdd, "xadd"),
    (Event::XTrim, "xtrim"),
    (Event::XDel, "xdel"),
    (Event::XSetId, "xsetid"),
    (Event::XGroupCreate, "xgroup-create"),
    (Event::XGroupSetId, "xgroup-setid"),
    (Event::XGroupDestroy, "xgroup-destroy"),
    (Event::XGroupCreateConsumer, "xgroup-createconsumer"),
    (Event::XGroupDelConsumer, "xgroup-delconsumer"),
    (Event::XReadGroup, "xreadgroup"),
    (Event::XAck, "xack"),
    (Event::XClaim, "xclaim"),
    (Event::Del, "del"),
    (Event::Expire, "expire"),
    (Event::Persist, "persist"),
    (Event::Expired, "expired"),
    (Event::Evicted, "evicted"),
    (Event::RenameFrom, "rename_from"),
    (Event::RenameTo, "rename_to"),
    (Event::MoveFrom, "move_from"),
    (Event::MoveTo, "move_to"),
    (Event::CopyTo, "copy_to"),
    (Event::Restore, "restore"),
    (Event::KeyMiss, "keymiss"),
    (Event::Flush, "flush"),
    (Event::Swap, "swap"),
];

const _: () = {
    let mut row = 0;
    while row < NAMES.len() {
        assert!(NAMES[row].0 as usize == row, "a row stands at its event's number");
        row += 1;
    }
    assert!(NAMES.len() == Event::Swap as usize + 1, "every event has a row");
};
