//! Sorted sets through their commands.
use crate::command::harness::Harness;
use crate::wire::reply::Wire;

#[test]
fn zadd_takes_its_options() {
    let mut h = Harness::new();
    h.expect("ZADD z XX 1 a", ":0");
    h.expect("EXISTS z", ":0");
    h.expect("ZADD z 1 a 2 b 2.5 c", ":3");
    h.expect("ZADD z CH 3 a 4 d", ":2");
    h.expect("ZADD z NX 9 a 9 e", ":1");
    h.expect("ZADD z GT CH 2 a", ":0");
    h.expect("ZADD z LT CH 2 a", ":1");
    h.expect("ZADD z INCR 0.5 a", "$3 2.5");
    h.expect("ZADD z NX INCR 1 a", "$-1");
    h.expect("ZADD z XX INCR 1 none", "$-1");
    h.expect("ZINCRBY z -inf b", "$4 -inf");
    h.expect("ZADD z INCR inf b", "-ERR resulting score is not a number (NaN)");
    h.expect("ZSCORE z b", "$4 -inf");
    for (line, error) in [
        ("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"),
        ("ZADD z NX GT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z GT LT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair"),
        ("ZADD z 1 a 2", "-ERR syntax error"),
        ("ZADD z NX CH XX", "-ERR syntax error"),
        ("ZADD z 1 a nan b", "-ERR value is not a valid float"),
        ("ZINCRBY z x a", "-ERR value is not a valid float"),
    ] {
        h.expect(line, error);
    }
    h.expect("ZCARD z", ":5");
}

#[test]
fn scores_are_written_as_redis_writes_them() {
    let mut h = Harness::new();
    h.expect("ZADD z 0.1 a -0 b 1e20 c inf d 0x10 e 123456789012 f", ":6");
    h.expect(
        "ZMSCORE z a b c d e f g",
        "*7 $19 0.10000000000000001 $1 0 $5 1e+20 $3 inf $2 16 $12 123456789012 $-1",
    );
    h.wire = Wire::Resp3;
    h.expect("ZSCORE z a", ",0.10000000000000001");
    h.expect("ZRANGE z 0 0 WITHSCORES", "*1 *2 $1 b ,0");
    h.expect("ZPOPMIN z", "*2 $1 b ,0");
    h.expect("ZPOPMAX z 1", "*1 *2 $1 d ,inf");
    h.expect("ZSCORE z none", "_");
}

#[test]
fn framed_pairs_have_doubles() {
    let mut h = Harness::new();
    h.expect("ZADD z 0.5 a", ":1");
    h.wire = Wire::Framed;
    let double = [&[4][..], &0.5f64.to_le_bytes()].concat();
    let pair = [&[5, 2, 0, 0, 0, 2, 1, 0, 0, 0, b'a'][..], &double].concat();
    assert_eq!(h.run(&[b"ZSCORE", b"z", b"a"]), double);
    assert_eq!(h.run(&[b"ZRANGE", b"z", b"0", b"-1", b"WITHSCORES"]), [&[5, 1, 0, 0, 0][..], &pair].concat());
    assert_eq!(h.run(&[b"ZPOPMIN", b"z", b"1"]), [&[5, 1, 0, 0, 0][..], &pair].concat());
    assert_eq!(h.run(&[b"ZSCORE", b"z", b"a"]), [0]);
}

#[test]
fn ranges_of_every_kind() {
    let mut h = Harness::new();
    h.expect("ZADD z 1 a 2 b 3 c 4 d 5 e", ":5");
    for (line, reply) in [
        ("ZRANGE z 1 2", "*2 $1 b $1 c"),
        ("ZRANGE z 1 2 REV", "*2 $1 d $1 c"),
        ("ZRANGE z -1 9223372036854775807", "*1 $1 e"),
        ("ZRANGE z (1 3 BYSCORE", "*2 $1 b $1 c"),
        ("ZRANGE z 3 (1 BYSCORE REV WITHSCORES", "*4 $1 c $1 3 $1 b $1 2"),
        ("ZRANGE z -inf +inf BYSCORE LIMIT 1 2", "*2 $1 b $1 c"),
        ("ZRANGE z inf -inf BYSCORE REV LIMIT 1 -1", "*4 $1 d $1 c $1 b $1 a"),
        ("ZRANGE z -inf +inf BYSCORE LIMIT -1 2", "*0"),
        ("ZRANGE z 5 1 BYSCORE", "*0"),
        ("ZREVRANGE z 0 1", "*2 $1 e $1 d"),
        ("ZRANGEBYSCORE z 4 9 WITHSCORES", "*4 $1 d $1 4 $1 e $1 5"),
        ("ZREVRANGEBYSCORE z 2 0", "*2 $1 b $1 a"),
        ("ZCOUNT z (1 (5", ":3"),
        ("ZRANK z c", ":2"),
        ("ZREVRANK z a", ":4"),
        ("ZRANK z x", "$-1"),
        (
            "ZRANGE z 0 1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        (
            "ZRANGE z - + BYLEX WITHSCORES",
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ),
        ("ZRANGE z a b", "-ERR value is not an integer or out of range"),
        ("ZRANGE z a b BYSCORE", "-ERR min or max is not a float"),
        ("ZRANGE z a b BYLEX", "-ERR min or max not valid string range item"),
        ("ZREVRANGE z 0 1 REV", "-ERR syntax error"),
    ] {
        h.expect(line, reply);
    }
    h.expect("ZADD n 0 a 0 b 0 c", ":3");
    h.expect("ZRANGE n [b + BYLEX", "*2 $1 b $1 c");
    h.expect("ZREVRANGEBYLEX n + - LIMIT 0 1", "*1 $1 c");
    h.expect("ZLEXCOUNT n - (c", ":2");
    h.expect("ZRANGESTORE s z 2 9", ":3");
    h.expect("ZRANGESTORE z z 9 9", ":0");
    h.expect("EXISTS z", ":0");
}

#[test]
fn members_are_removed_and_taken() {
    let mut h = Harness::new();
    h.expect("ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g", ":7");
    h.expect("ZREM z a x", ":1");
    h.expect("ZREMRANGEBYRANK z -1 -1", ":1");
    h.expect("ZREMRANGEBYSCORE z (2 3", ":1");
    h.expect("ZPOPMIN z", "*2 $1 b $1 2");
    h.expect("ZPOPMAX z 0", "*0");
    h.expect("ZMPOP 2 y z MAX COUNT 2", "*2 $1 z *2 *2 $1 f $1 6 *2 $1 e $1 5");
    h.expect("ZPOPMAX z 4611686018427387904", "*2 $1 d $1 4");
    h.expect("EXISTS z", ":0");
    h.expect("ZPOPMIN z 1 2", "-ERR syntax error");
    h.expect("ZPOPMIN z -1", "-ERR value is out of range, must be positive");
}

#[test]
fn sets_are_combined() {
    let mut h = Harness::new();
    h.expect("ZADD a 1 x 2 y", ":2");
    h.expect("ZADD b 10 y 20 z", ":2");
    h.expect("SADD s x z", ":2");
    h.expect("ZUNION 2 a b WITHSCORES", "*6 $1 x $1 1 $1 y $2 12 $1 z $2 20");
    h.expect("ZINTER 2 a b AGGREGATE MAX WEIGHTS 3 1 WITHSCORES", "*2 $1 y $2 10");
    h.expect("ZDIFF 3 b a none WITHSCORES", "*2 $1 z $2 20");
    h.expect("ZUNIONSTORE d 3 a b s WEIGHTS 1 1 5", ":3");
    h.expect("ZRANGE d 0 -1 WITHSCORES", "*6 $1 x $1 6 $1 y $2 12 $1 z $2 25");
    h.expect("ZINTERCARD 2 d b LIMIT 1", ":1");
    h.expect("ZINTERSTORE d 2 a none", ":0");
    h.expect("EXISTS d", ":0");
    h.expect("SET k x", "+OK");
    for (line, error) in [
        ("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command"),
        ("ZUNIONSTORE d -1 a", "-ERR at least 1 input key is needed for 'zunionstore' command"),
        ("ZUNION 9223372036854775807 a", "-ERR syntax error"),
        ("ZUNION x a", "-ERR value is not an integer or out of range"),
        ("ZUNION 2 a b WEIGHTS 1 x", "-ERR weight value is not a float"),
        ("ZUNION 2 a b AGGREGATE AVG", "-ERR syntax error"),
        ("ZDIFF 2 a b WEIGHTS 1 1", "-ERR syntax error"),
        ("ZINTERCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative"),
        ("ZUNION 2 a k JUNK", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
    ] {
        h.expect(line, error);
    }
}

#[test]
fn members_come_by_chance_and_in_steps() {
    let mut h = Harness::new();
    h.expect("ZRANDMEMBER z", "$-1");
    h.expect("ZRANDMEMBER z 5", "*0");
    h.expect("ZADD z 1 only", ":1");
    h.expect("ZRANDMEMBER z", "$4 only");
    h.expect("ZRANDMEMBER z -3", "*3 $4 only $4 only $4 only");
    h.expect("ZRANDMEMBER z 9223372036854775807", "*1 $4 only");
    h.expect("ZRANDMEMBER z 1 WITHSCORES", "*2 $4 only $1 1");
    for count in ["-4611686018427387904", "-9223372036854775807 WITHSCORES", "4611686018427387904 WITHSCORES"]
    {
        h.expect(&format!("ZRANDMEMBER z {count}"), "-ERR value is out of range");
    }
    h.expect("ZSCAN z 0 MATCH o*", "*2 $1 0 *2 $4 only $1 1");
    h.expect("ZSCAN none 0", "*2 $1 0 *0");
    h.expect("ZSCAN z 0 TYPE zset", "-ERR syntax error");
    for n in 0..1000 {
        h.expect(&format!("ZADD big {n} member:{n}"), ":1");
    }
    for (count, distinct) in [(10, 10), (500, 500), (5000, 1000)] {
        let out = h.run(&[b"ZRANDMEMBER", b"big", count.to_string().as_bytes()]);
        let text = String::from_utf8_lossy(&out).into_owned();
        let names: std::collections::BTreeSet<&str> =
            text.lines().filter(|line| line.starts_with('m')).collect();
        assert_eq!(names.len(), distinct);
    }
}

#[test]
fn another_type_is_refused_whole() {
    let mut h = Harness::new();
    h.expect("SET s x", "+OK");
    for line in [
        "ZADD s 1 a",
        "ZINCRBY s 1 a",
        "ZREM s a",
        "ZSCORE s a",
        "ZMSCORE s a",
        "ZCARD s",
        "ZCOUNT s 0 1",
        "ZLEXCOUNT s - +",
        "ZRANK s a",
        "ZREVRANK s a",
        "ZRANGE s 0 1",
        "ZRANGESTORE d s 0 1",
        "ZREMRANGEBYRANK s 0 1",
        "ZPOPMIN s",
        "ZMPOP 1 s MIN",
        "ZRANDMEMBER s",
        "ZSCAN s 0",
        "ZDIFF 1 s",
        "ZINTERSTORE d 1 s",
    ] {
        h.expect(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }
    h.expect("GET s", "$1 x");
}
