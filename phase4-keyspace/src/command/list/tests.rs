//! Lists through their commands.
use crate::command::harness::Harness;

#[test]
fn elements_are_pushed_read_and_set() {
    let mut h = Harness::new();
    h.expect("LPUSHX l a", ":0");
    h.expect("EXISTS l", ":0");
    h.expect("RPUSH l a b 3", ":3");
    h.expect("LPUSH l z y", ":5");
    h.expect("RPUSHX l last", ":6");
    h.expect("LRANGE l 0 -1", "*6 $1 y $1 z $1 a $1 b $1 3 $4 last");
    h.expect("LRANGE l -2 100", "*2 $1 3 $4 last");
    for nothing in ["3 2", "6 9", "0 -7", "9223372036854775807 -1", "0 -9223372036854775808"] {
        h.expect(&format!("LRANGE l {nothing}"), "*0");
    }
    h.expect("LRANGE l -9223372036854775808 0", "*1 $1 y");
    h.expect("LINDEX l -1", "$4 last");
    h.expect("LINDEX l 6", "$-1");
    h.expect("LINDEX l -9223372036854775808", "$-1");
    h.expect("LINDEX none x", "$-1");
    h.expect("LSET l -6 Y", "+OK");
    h.expect("LSET l 6 Y", "-ERR index out of range");
    h.expect("LSET l x Y", "-ERR value is not an integer or out of range");
    h.expect("LSET none x Y", "-ERR no such key");
    h.expect("LINDEX l 0", "$1 Y");
    h.expect("LLEN l", ":6");
    h.expect("TYPE l", "+list");
    h.expect("OBJECT ENCODING l", "$9 quicklist");
}

#[test]
fn elements_are_taken_from_the_ends() {
    let mut h = Harness::new();
    h.expect("RPUSH l a b c d e f", ":6");
    h.expect("LPOP l", "$1 a");
    h.expect("RPOP l 2", "*2 $1 f $1 e");
    h.expect("LPOP l 0", "*0");
    h.expect("LPOP l -1", "-ERR value is out of range, must be positive");
    h.expect("LPOP l 4611686018427387904", "*3 $1 b $1 c $1 d");
    h.expect("EXISTS l", ":0");
    h.expect("LPOP l", "$-1");
    h.expect("LPOP l 1", "*-1");
    h.expect("LPOP l 1 2", "-ERR wrong number of arguments for 'lpop' command");
    h.expect("RPUSH m a b c", ":3");
    h.expect("LMPOP 2 l m RIGHT COUNT 2", "*2 $1 m *2 $1 c $1 b");
    h.expect("LMPOP 1 l LEFT", "*-1");
    for (line, error) in [
        ("LMPOP 0 m LEFT", "-ERR numkeys should be greater than 0"),
        ("LMPOP 9223372036854775807 m LEFT", "-ERR syntax error"),
        ("LMPOP 1 m UP", "-ERR syntax error"),
        ("LMPOP 1 m LEFT COUNT 0", "-ERR count should be greater than 0"),
        ("LMPOP 1 m LEFT COUNT 1 COUNT 1", "-ERR syntax error"),
    ] {
        h.expect(line, error);
    }
}

#[test]
fn the_middle_is_changed() {
    let mut h = Harness::new();
    h.expect("LINSERT l BEFORE a b", ":0");
    h.expect("RPUSH l a b a c a", ":5");
    h.expect("LINSERT l AFTER b x", ":6");
    h.expect("LINSERT l BEFORE a w", ":7");
    h.expect("LINSERT l BEFORE none w", ":-1");
    h.expect("LINSERT l AT a w", "-ERR syntax error");
    h.expect("LRANGE l 0 -1", "*7 $1 w $1 a $1 b $1 x $1 a $1 c $1 a");
    h.expect("LREM l -2 a", ":2");
    h.expect("LRANGE l 0 -1", "*5 $1 w $1 a $1 b $1 x $1 c");
    h.expect("LTRIM l 1 -2", "+OK");
    h.expect("LRANGE l 0 -1", "*3 $1 a $1 b $1 x");
    h.expect("LTRIM l 5 9", "+OK");
    h.expect("EXISTS l", ":0");
}

#[test]
fn positions_are_found_from_both_sides() {
    let mut h = Harness::new();
    h.expect("RPUSH l a b c a 7 a", ":6");
    h.expect("LPOS l a", ":0");
    h.expect("LPOS l 7", ":4");
    h.expect("LPOS l a RANK 2", ":3");
    h.expect("LPOS l a RANK -1", ":5");
    h.expect("LPOS l a COUNT 0 RANK -2", "*2 :3 :0");
    h.expect("LPOS l a COUNT 2", "*2 :0 :3");
    h.expect("LPOS l a COUNT 0 MAXLEN 4", "*2 :0 :3");
    h.expect("LPOS l x", "$-1");
    h.expect("LPOS l x COUNT 1", "*0");
    h.expect("LPOS l a RANK -9223372036854775808 COUNT 1", "*3 :5 :3 :0");
    h.expect("LPOS l a COUNT -1", "-ERR COUNT can't be negative");
    h.expect("LPOS l a MAXLEN x", "-ERR MAXLEN can't be negative");
    h.expect("LPOS l a RANK", "-ERR syntax error");
}

#[test]
fn elements_go_from_list_to_list() {
    let mut h = Harness::new();
    h.expect("RPUSH l a b c", ":3");
    h.expect("LMOVE l m LEFT RIGHT", "$1 a");
    h.expect("RPOPLPUSH l m", "$1 c");
    h.expect("LRANGE m 0 -1", "*2 $1 c $1 a");
    h.expect("LMOVE m m LEFT LEFT", "$1 c");
    h.expect("LMOVE m m LEFT RIGHT", "$1 c");
    h.expect("LRANGE m 0 -1", "*2 $1 a $1 c");
    h.expect("LMOVE l l RIGHT LEFT", "$1 b");
    h.expect("LLEN l", ":1");
    h.expect("LMOVE none m LEFT LEFT", "$-1");
    h.expect("LMOVE l m UP LEFT", "-ERR syntax error");
    h.expect("SET s x", "+OK");
    h.expect("LMOVE l s LEFT LEFT", "-WRONGTYPE Operation against a key holding the wrong kind of value");
    h.expect("LLEN l", ":1");
}

#[test]
fn another_type_is_refused_whole() {
    let mut h = Harness::new();
    h.expect("SET s x", "+OK");
    for line in [
        "LPUSH s a",
        "RPUSHX s a",
        "LLEN s",
        "LINDEX s 0",
        "LRANGE s 0 1",
        "LSET s 0 a",
        "LINSERT s BEFORE a b",
        "LREM s 0 a",
        "LTRIM s 0 1",
        "LPOS s a",
        "LPOP s",
        "RPOP s 2",
        "LMPOP 1 s LEFT",
        "RPOPLPUSH s t",
    ] {
        h.expect(line, "-WRONGTYPE Operation against a key holding the wrong kind of value");
    }
    h.expect("GET s", "$1 x");
}
