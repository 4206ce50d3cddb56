//! What can happen to a key: the event, the name under which it is published, and who subscribes to it.
mod names;

use names::NAMES;

/// What happened to a key, or to a whole database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A key that was not there before. Comes before the event that says why.
    New,
    /// A string was stored whole.
    Set,
    /// `APPEND`
    Append,
    /// `SETRANGE`
    SetRange,
    /// `INCR` and its kin.
    IncrBy,
    /// `INCRBYFLOAT`
    IncrByFloat,
    /// `HSET` and its kin.
    HSet,
    /// `HINCRBY`
    HIncrBy,
    /// `HINCRBYFLOAT`
    HIncrByFloat,
    /// `HDEL`
    HDel,
    /// `SADD`
    SAdd,
    /// `SREM`
    SRem,
    /// `SPOP`
    SPop,
    /// `SINTERSTORE`
    SInterStore,
    /// `SUNIONSTORE`
    SUnionStore,
    /// `SDIFFSTORE`
    SDiffStore,
    /// `SETBIT`, `BITFIELD`
    SetBit,
    /// `SORT` with STORE
    SortStore,
    /// `LPUSH`, and LMOVE to the left.
    LPush,
    /// `RPUSH`, and LMOVE to the right.
    RPush,
    /// An element was taken from the left.
    LPop,
    /// An element was taken from the right.
    RPop,
    /// `LINSERT`.
    LInsert,
    /// `LSET`.
    LSet,
    /// `LREM`.
    LRem,
    /// `LTRIM`.
    LTrim,
    /// `ZADD`.
    ZAdd,
    /// `ZINCRBY`, and ZADD with INCR.
    ZIncr,
    /// `ZREM`.
    ZRem,
    /// `ZREMRANGEBYRANK`.
    ZRemRangeByRank,
    /// `ZREMRANGEBYSCORE`.
    ZRemRangeByScore,
    /// `ZREMRANGEBYLEX`.
    ZRemRangeByLex,
    /// `ZPOPMIN`, and ZMPOP with MIN.
    ZPopMin,
    /// `ZPOPMAX`, and ZMPOP with MAX.
    ZPopMax,
    /// `ZRANGESTORE`.
    ZRangeStore,
    /// `ZUNIONSTORE`.
    ZUnionStore,
    /// `ZINTERSTORE`.
    ZInterStore,
    /// `ZDIFFSTORE`.
    ZDiffStore,
    /// `XADD`.
    XAdd,
    /// `XTRIM`, and XADD that trims.
    XTrim,
    /// `XDEL`.
    XDel,
    /// `XSETID`.
    XSetId,
    /// `XGROUP CREATE`.
    XGroupCreate,
    /// `XGROUP SETID`.
    XGroupSetId,
    /// `XGROUP DESTROY`.
    XGroupDestroy,
    /// A consumer that was named for the first time.
    XGroupCreateConsumer,
    /// `XGROUP DELCONSUMER`.
    XGroupDelConsumer,
    /// `XREADGROUP` gave entries to a consumer. Not published.
    XReadGroup,
    /// `XACK`. Not published.
    XAck,
    /// `XCLAIM` and `XAUTOCLAIM`. Not published.
    XClaim,
    /// A command deleted it.
    Del,
    /// It has a deadline now, or another one.
    Expire,
    /// It has no deadline any more.
    Persist,
    /// Its deadline passed.
    Expired,
    /// It made room for others.
    Evicted,
    /// `RENAME`: the old name.
    RenameFrom,
    /// `RENAME`: the new name.
    RenameTo,
    /// `MOVE`: where it was.
    MoveFrom,
    /// `MOVE`: where it is.
    MoveTo,
    /// `COPY`: the copy.
    CopyTo,
    /// `RESTORE`.
    Restore,
    /// A lookup found nothing. It changes nothing, and is noted only where somebody has asked for it.
    KeyMiss,
    /// All keys of a database are gone. It has no key, and is noted for an empty database too.
    Flush,
    /// A database has exchanged its contents with another. It has no key.
    Swap,
}

/// The classes of `notify-keyspace-events`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `g`: any type.
    Generic,
    /// `$`: strings.
    String,
    /// `h`: hashes.
    Hash,
    /// `s`: sets.
    Set,
    /// `l`: lists.
    List,
    /// `z`: sorted sets.
    ZSet,
    /// `t`: streams.
    Stream,
    /// `x`: deadlines that passed.
    Expired,
    /// `e`: keys that made room.
    Evicted,
    /// `n`: new keys.
    New,
    /// `m`: lookups that found nothing.
    Miss,
    /// Not published as an event of a key.
    Database,
    /// Not published at all, nor seen by `WATCH`: it concerns the readers of a stream, not what can be read.
    Readers,
}

impl Event {
    /// As it is published.
    pub const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }

    /// Which subscribers want it.
    pub const fn class(self) -> Class {
        match self {
            Event::New => Class::New,
            Event::Set
            | Event::Append
            | Event::SetRange
            | Event::IncrBy
            | Event::IncrByFloat
            | Event::SetBit => Class::String,
            Event::HSet | Event::HIncrBy | Event::HIncrByFloat | Event::HDel => Class::Hash,
            Event::SAdd
            | Event::SRem
            | Event::SPop
            | Event::SInterStore
            | Event::SUnionStore
            | Event::SDiffStore => Class::Set,
            Event::SortStore
            | Event::LPush
            | Event::RPush
            | Event::LPop
            | Event::RPop
            | Event::LInsert
            | Event::LSet
            | Event::LRem
            | Event::LTrim => Class::List,
            Event::ZAdd
            | Event::ZIncr
            | Event::ZRem
            | Event::ZRemRangeByRank
            | Event::ZRemRangeByScore
            | Event::ZRemRangeByLex
            | Event::ZPopMin
            | Event::ZPopMax
            | Event::ZRangeStore
            | Event::ZUnionStore
            | Event::ZInterStore
            | Event::ZDiffStore => Class::ZSet,
            Event::XAdd
            | Event::XTrim
            | Event::XDel
            | Event::XSetId
            | Event::XGroupCreate
            | Event::XGroupSetId
            | Event::XGroupDestroy
            | Event::XGroupCreateConsumer
            | Event::XGroupDelConsumer => Class::Stream,
            Event::XReadGroup | Event::XAck | Event::XClaim => Class::Readers,
            Event::Expired => Class::Expired,
            Event::Evicted => Class::Evicted,
            Event::KeyMiss => Class::Miss,
            Event::Flush | Event::Swap => Class::Database,
            _ => Class::Generic,
        }
    }

    /// Whether `WATCH` sees it. As in Redis, what only concerns a stream's readers, or the ID that comes next, is not seen.
    pub const fn is_watched(self) -> bool {
        match self {
            Event::XAdd | Event::XTrim | Event::XDel => true,
            Event::New | Event::KeyMiss => false,
            _ => !matches!(self.class(), Class::Stream | Class::Readers),
        }
    }

    /// Whether the server did it by itself: in a command stream it stands as a `DEL` of its own.
    pub const fn by_server(self) -> bool {
        matches!(self, Event::Expired | Event::Evicted)
    }
}
