use crate::command::harness::Harness;
use crate::wire::reply::Wire;

/// A stream `s` with entries 1-1, 2-1 and 3-1, and a group `g` that has read nothing.
fn stream() -> Harness {
    let mut h = Harness::new();
    for ms in 1..=3 {
        h.expect(&format!("XADD s {ms}-1 f {ms}"), &format!("$3 {ms}-1"));
    }
    h.expect("XGROUP CREATE s g 0", "+OK");
    h
}

#[test]
fn an_id_is_behind_the_last_one_or_refused() {
    let mut h = Harness::new();
    let small = "-ERR The ID specified in XADD is equal or smaller than the target stream top item";
    h.expect("XADD s NOMKSTREAM * f v", "$-1");
    h.expect("XADD s 0-0 f v", "-ERR The ID specified in XADD must be greater than 0-0");
    h.expect("XADD s 5-* f v", "$3 5-0");
    h.expect("XADD s 5-* f v", "$3 5-1");
    h.expect("XADD s 5-1 f v", small);
    h.expect("XADD s 4 f v", small);
    h.expect("XADD s * f v", "$15 1700000000000-0");
    h.expect("XADD s * f v", "$15 1700000000000-1");
    h.keyspace.set_now(1_600_000_000_000);
    h.expect("XADD s * f v", "$15 1700000000000-2");
    h.expect("XDEL s 1700000000000-2", ":1");
    h.expect("XADD s * f v", "$15 1700000000000-3");
    h.expect("XADD s * f", "-ERR wrong number of arguments for 'xadd' command");
    h.expect("XADD s * f v g", "-ERR wrong number of arguments for 'xadd' command");
    h.expect("XADD s x f v", "-ERR Invalid stream ID specified as stream command argument");
    h.expect("XSETID s 18446744073709551615-18446744073709551615", "+OK");
    h.expect("XADD s * f v", "-ERR The stream has exhausted the last possible ID, unable to add more items");
    h.expect("SET k v", "+OK");
    h.expect("XADD k * f v", "-WRONGTYPE Operation against a key holding the wrong kind of value");
}

#[test]
fn ranges_are_open_where_it_is_said_and_end_where_there_is_nothing_more() {
    let mut h = stream();
    h.expect("XRANGE s 2 2", "*1 *2 $3 2-1 *2 $1 f $1 2");
    h.expect("XRANGE s (1-1 (3-1", "*1 *2 $3 2-1 *2 $1 f $1 2");
    h.expect("XREVRANGE s + - COUNT 1", "*1 *2 $3 3-1 *2 $1 f $1 3");
    h.expect("XRANGE s - + COUNT 0", "*-1");
    h.expect("XRANGE s + -", "*0");
    h.expect("XRANGE none - +", "*0");
    h.expect(
        "XRANGE s (18446744073709551615-18446744073709551615 +",
        "-ERR invalid start ID for the interval",
    );
    h.expect("XRANGE s - (0-0", "-ERR invalid end ID for the interval");
    h.expect("XRANGE s (- +", "-ERR Invalid stream ID specified as stream command argument");
    h.expect("XRANGE s - + COUNT", "-ERR syntax error");
}

#[test]
fn an_empty_stream_stays_and_remembers() {
    let mut h = stream();
    assert_eq!(h.changes("XDEL s 1-1 2-1 3-1 4-1"), "xdel:s 3");
    h.expect("EXISTS s", ":1");
    h.expect("XLEN s", ":0");
    h.expect("XINFO STREAM s", "*20 $6 length :0 $15 radix-tree-keys :0 $16 radix-tree-nodes :1 $17 last-generated-id $3 3-1 $20 max-deleted-entry-id $3 3-1 $13 entries-added :3 $23 recorded-first-entry-id $3 0-0 $6 groups :1 $11 first-entry $-1 $10 last-entry $-1");
    assert_eq!(h.changes("XADD s MAXLEN 1 9-9 a b"), "xadd:s 1");
    assert_eq!(h.changes("XADD s MAXLEN = 1 9-10 a b"), "xadd:s xtrim:s 1");
    assert_eq!(h.changes("XTRIM s MINID 10"), "xtrim:s 1");
}

#[test]
fn a_group_gives_each_entry_to_one_consumer() {
    let mut h = stream();
    let entry = |n: u32| format!("*2 $3 {n}-1 *2 $1 f $1 {n}");
    h.expect("XREADGROUP GROUP g a COUNT 2 STREAMS s >", &format!("*1 *2 $1 s *2 {} {}", entry(1), entry(2)));
    h.expect("XREADGROUP GROUP g b STREAMS s >", &format!("*1 *2 $1 s *1 {}", entry(3)));
    h.expect("XREADGROUP GROUP g a STREAMS s >", "*-1");
    h.expect("XPENDING s g", "*4 :3 $3 1-1 $3 3-1 *2 *2 $1 a $1 2 *2 $1 b $1 1");
    h.expect("XACK s g 1-1 9-9", ":1");
    h.expect("XDEL s 2-1", ":1");
    // What is pending and gone is told as such.
    h.expect("XREADGROUP GROUP g a STREAMS s 0", "*1 *2 $1 s *1 *2 $3 2-1 *-1");
    h.keyspace.set_now(1_700_000_005_000);
    h.expect("XPENDING s g - + 9 b", "*1 *4 $3 3-1 $1 b :5000 :1");
    h.expect("XPENDING s g IDLE 6000 - + 9", "*0");
    h.expect("XAUTOCLAIM s g c 4000 0", &format!("*3 $3 0-0 *1 {} *1 $3 2-1", entry(3)));
    h.expect("XPENDING s g - + 9", "*1 *4 $3 3-1 $1 c :0 :2");
    h.expect("XCLAIM s g a 0 3-1 IDLE 700 RETRYCOUNT 9 JUSTID", "*1 $3 3-1");
    h.expect("XPENDING s g - + 9", "*1 *4 $3 3-1 $1 a :700 :9");
    h.expect("XGROUP DELCONSUMER s g a", ":1");
    h.expect("XPENDING s g", "*4 :0 $-1 $-1 *-1");
    h.wire = Wire::Resp3;
    h.expect("XREAD COUNT 1 STREAMS s none 0 0", &format!("%1 $1 s *1 {}", entry(1)));
}

#[test]
fn what_is_pending_is_its_own_consumers_even_if_the_group_goes_back() {
    let mut h = stream();
    h.expect("XREADGROUP GROUP g a NOACK COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 1");
    h.expect("XACK s g 1-1", ":0");
    h.expect("XREADGROUP GROUP g a COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 2");
    h.expect("XGROUP SETID s g 1-1", "+OK");
    h.expect("XREADGROUP GROUP g b COUNT 1 STREAMS s >", "*1 *2 $1 s *1 *2 $3 2-1 *2 $1 f $1 2");
    h.expect("XPENDING s g", "*4 :1 $3 2-1 $3 2-1 *1 *2 $1 b $1 1");
    h.expect("XREADGROUP GROUP g a STREAMS s 0", "*1 *2 $1 s *0");
    h.expect("XACK s other 2-1", ":0");
}

#[test]
fn readers_are_told_what_they_ask_wrongly() {
    let mut h = stream();
    for (line, error) in [
        ("XREAD STREAMS s", "-ERR wrong number of arguments for 'xread' command"),
        (
            "XREAD COUNT 1 STREAMS s t 0",
            "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
        ),
        ("XREAD BLOCK -1 STREAMS s 0", "-ERR timeout is negative"),
        ("XREAD BLOCK x STREAMS s 0", "-ERR timeout is not an integer or out of range"),
        (
            "XREAD NOACK STREAMS s 0",
            "-ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
        ),
        ("XREADGROUP COUNT 1 NOACK STREAMS s >", "-ERR Missing GROUP option for XREADGROUP"),
        (
            "XREADGROUP GROUP h a STREAMS s >",
            "-NOGROUP No such key 's' or consumer group 'h' in XREADGROUP with GROUP option",
        ),
        ("XGROUP CREATE s g 0", "-BUSYGROUP Consumer Group name already exists"),
        ("XGROUP SETID s h 0", "-NOGROUP No such consumer group 'h' for key name 's'"),
        ("XPENDING s h", "-NOGROUP No such key 's' or consumer group 'h'"),
        ("XPENDING s g - +", "-ERR syntax error"),
        ("XCLAIM s g a x 1-1", "-ERR Invalid min-idle-time argument for XCLAIM"),
        ("XCLAIM s g a 0 1-1 NEVER", "-ERR Unrecognized XCLAIM option 'NEVER'"),
        ("XAUTOCLAIM s g a 0 0 COUNT 0", "-ERR COUNT must be > 0"),
        ("XTRIM s MAXLEN 5 LIMIT 1", "-ERR syntax error, LIMIT cannot be used without the special ~ option"),
        ("XINFO STREAM none", "-ERR no such key"),
    ] {
        h.expect(line, error);
    }
}
