//! Where a reply need not be Redis's byte for byte: the one list, each entry with its reason. An error reply is never
//! excepted: if either server answers with an error, both must, in the same words.
use std::collections::BTreeMap;

use super::connection::Reply;
use super::step::Request;
use kit::resp::Value;

/// What is compared instead of the bytes.
#[derive(Clone, Copy)]
pub enum Rule {
    /// The members, in any order.
    Unordered,
    /// Pairs of members, in any order.
    Pairs,
    /// The step of a walk: its elements, in any order, if both servers were done in one step.
    Step,
    /// The step of a walk from a cursor that means something to one server only: that it is one.
    AnyStep,
    /// Only that both are an integer, or both a string, …
    SameKind,
    /// Two integers that are both at least 0 may differ by as much; negative ones are exact.
    Within(i64),
    /// Redis's reply is the first of these, this server's the second.
    Pair(&'static [u8], &'static [u8]),
    /// Every member of this server's list, as the function leaves it, is a member of Redis's.
    Subset(fn(&Value) -> Value),
    /// As `Subset` of names, but for `client|setinfo`, which Redis has since 7.2; and of those that begin with one of these,
    /// Redis lists no other than this server.
    Families(&'static [&'static str]),
    /// What these functions leave of the replies.
    Projected(fn(&Value) -> Value),
    /// Names with values, in any order: where both servers list a name, the values agree; this server lists no name
    /// that Redis does not have. The named ones differ between two processes.
    CommonNames(&'static [&'static str]),
}

/// One entry.
pub struct Exception {
    /// The command, for a container with the subcommand after a space (` -`: without further arguments).
    pub command: &'static str,
    /// How its replies are compared.
    pub rule: Rule,
    /// Why.
    pub reason: &'static str,
}

const fn except(command: &'static str, rule: Rule, reason: &'static str) -> Exception {
    Exception { command, rule, reason }
}

const CLOCKS: &str = "what is left depends on when each server looked at its clock; the skew of two processes on a busy \
    machine stays below two seconds, while lifetimes here are hours or years";
const HASHED: &str = "the order of a large collection is that of a hash table with a random hash key";
const INCRBYFLOAT: &str = "a whole number that INCRBYFLOAT has made stays text in Redis until it is set anew; here every \
    short whole number is told as an integer";
const TABLE: &str = "a teaching server has fewer commands than Redis";
const COMMAND_FIELDS: &str = "name, arity, flags and key positions are compared; ACL categories, tips and key \
    specifications describe features that are not here";
const PROCESS: &str = "addresses, ids, ages and buffer sizes belong to the process";

const STREAM_INFO: &str = "times depend on when each server looked at its clock, and there is no radix tree here whose nodes \
    could be counted";

/// All exceptions.
pub const EXCEPTIONS: &[Exception] = &[
    except("KEYS", Rule::Unordered, "the order is that of a hash table with a random hash key"),
    except(
        "SCAN",
        Rule::Unordered,
        "as KEYS; a complete iteration is compared, as a set, its cursors are not",
    ),
    except("PUBSUB CHANNELS", Rule::Unordered, "the order is that of a hash table"),
    except("PUBSUB SHARDCHANNELS", Rule::Unordered, "the order is that of a hash table"),
    except("PUBSUB HELP", Rule::SameKind, "Redis's help is Redis's own text"),
    except("HGETALL", Rule::Pairs, HASHED),
    except("HKEYS", Rule::Unordered, HASHED),
    except("HVALS", Rule::Unordered, HASHED),
    except("SMEMBERS", Rule::Unordered, HASHED),
    except("SINTER", Rule::Unordered, HASHED),
    except("SUNION", Rule::Unordered, HASHED),
    except("SDIFF", Rule::Unordered, HASHED),
    except("HSCAN", Rule::Step, HASHED),
    except("SSCAN", Rule::Step, HASHED),
    except("HRANDFIELD", Rule::SameKind, "the fields are random"),
    except("SRANDMEMBER", Rule::SameKind, "the members are random"),
    except("SPOP", Rule::SameKind, "the members are random; the rest of the set is deleted next"),
    except("MEMORY USAGE", Rule::SameKind, "each server has its own structures"),
    except("RANDOMKEY", Rule::SameKind, "the key is random"),
    except("ZRANDMEMBER", Rule::SameKind, "the members are random"),
    except("ZSCAN", Rule::Step, HASHED),
    except("TIME", Rule::SameKind, "the clock moves between two servers' answers"),
    except("TTL", Rule::Within(2), CLOCKS),
    except("PTTL", Rule::Within(2000), CLOCKS),
    except("EXPIRETIME", Rule::Within(2), CLOCKS),
    except("PEXPIRETIME", Rule::Within(2000), CLOCKS),
    except(
        "OBJECT IDLETIME",
        Rule::SameKind,
        "all keys that hold the same small integer share one clock in Redis",
    ),
    except("OBJECT ENCODING", Rule::Pair(b"$6\r\nembstr\r\n", b"$3\r\nint\r\n"), INCRBYFLOAT),
    except("OBJECT REFCOUNT", Rule::Pair(b":1\r\n", b":2147483647\r\n"), INCRBYFLOAT),
    except(
        "DEBUG OBJECT",
        Rule::Projected(debug_object),
        "an address in memory, and the size in an RDB file",
    ),
    except("XINFO STREAM", Rule::Projected(stream_info), STREAM_INFO),
    except("XINFO CONSUMERS", Rule::Projected(stream_info), STREAM_INFO),
    except("XPENDING", Rule::Projected(stream_info), STREAM_INFO),
    except("CLIENT ID", Rule::SameKind, "Redis gives ids to its own internal clients too"),
    except("CLIENT LIST", Rule::Projected(client_list), PROCESS),
    except("CLIENT INFO", Rule::Projected(client_list), PROCESS),
    except("HELLO", Rule::Projected(hello), "the connection's id and the server's own version"),
    except(
        "INFO",
        Rule::Projected(info),
        "most fields describe the process; those that count events are compared",
    ),
    except("COMMAND COUNT", Rule::SameKind, TABLE),
    except("COMMAND -", Rule::Subset(command_info), TABLE),
    except("COMMAND LIST", Rule::Families(&["config|", "object|", "command|"]), TABLE),
    except("COMMAND INFO", Rule::Projected(command_info), COMMAND_FIELDS),
    except("COMMAND INFO -", Rule::Subset(command_info), COMMAND_FIELDS),
    except("COMMAND DOCS", Rule::SameKind, "Redis's documentation is Redis's own text"),
    except("COMMAND DOCS -", Rule::Projected(kind_only), TABLE),
    except("CONFIG GET", Rule::CommonNames(&["port", "dir", "bind", "maxclients"]), TABLE),
];

/// The rule for a request's replies, if there is one: of the entries that fit, the one with the most words.
pub fn rule_for(request: &Request) -> Option<Rule> {
    let words: Vec<Vec<u8>> = (0..).map(|at| request.word(at)).take_while(|word| !word.is_empty()).collect();
    let fits = |exception: &&Exception| {
        let alone = exception.command.ends_with(" -");
        let names: Vec<&str> = exception.command.trim_end_matches(" -").split(' ').collect();
        words.len() >= names.len()
            && words.iter().zip(&names).all(|(word, name)| word == name.as_bytes())
            && (!alone || words.len() == names.len())
    };
    let walk = ["HSCAN", "SSCAN", "ZSCAN"].iter().any(|walk| request.is(walk, None));
    if walk && words.get(2).is_some_and(|cursor| cursor != b"0") {
        return Some(Rule::AnyStep);
    }
    let best = EXCEPTIONS.iter().filter(fits).max_by_key(|exception| exception.command.len());
    best.map(|exception| exception.rule)
}

impl Rule {
    /// Whether the two replies, which differ in their bytes, agree under this rule.
    pub fn allows(self, redis: &Reply, ours: &Reply) -> bool {
        if let Rule::Pair(theirs, mine) = self {
            return redis.raw == theirs && ours.raw == mine;
        }
        self.allows_values(&redis.value, &ours.value)
    }

    /// The same for replies inside another one.
    pub fn allows_values(self, redis: &Value, ours: &Value) -> bool {
        if matches!(redis, Value::Error(_)) || matches!(ours, Value::Error(_)) {
            return redis == ours;
        }
        match self {
            Rule::Unordered => sorted(redis) == sorted(ours),
            Rule::Pairs => pairs(redis) == pairs(ours),
            Rule::Step => match (redis.members(), ours.members()) {
                (Some([a, _]), Some([b, _])) if a.text() == Some(b"0") && b.text() == Some(b"0") => {
                    sorted(redis) == sorted(ours)
                }
                _ => Rule::AnyStep.allows_values(redis, ours),
            },
            Rule::AnyStep => match (redis.members(), ours.members()) {
                (Some([_, a]), Some([_, b])) => a.kind() == b.kind(),
                _ => false,
            },
            Rule::SameKind => {
                let count = |value: &Value| value.members().map(<[Value]>::len);
                redis.kind() == ours.kind() && (redis.kind() == b'%' || count(redis) == count(ours))
            }
            Rule::Within(tolerance) => match (redis, ours) {
                (Value::Integer(a), Value::Integer(b)) if *a >= 0 && *b >= 0 => {
                    a.abs_diff(*b) <= tolerance as u64
                }
                _ => redis == ours,
            },
            Rule::Pair(..) => redis.kind() == ours.kind(),
            Rule::Subset(project) => is_subset(&project(redis), &project(ours)),
            Rule::Families(families) => {
                let in_one = |name: &&Value| {
                    let text = name.text().unwrap_or_default();
                    families.iter().any(|family| text.starts_with(family.as_bytes()))
                };
                let (theirs, mine) =
                    (redis.members().unwrap_or_default(), ours.members().unwrap_or_default());
                let known: Vec<Value> =
                    mine.iter().filter(|name| name.text() != Some(b"client|setinfo")).cloned().collect();
                is_subset(redis, &Value::Aggregate(ours.kind(), known))
                    && theirs.iter().filter(in_one).all(|name| mine.contains(name))
            }
            Rule::Projected(project) => project(redis) == project(ours),
            Rule::CommonNames(differing) => agree_where_common(redis, ours, differing),
        }
    }
}

/// With the members of arrays and sets in order; a SCAN reply's second member is such a list itself.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Aggregate(kind, members) => {
            let mut members: Vec<Value> = members.iter().map(sorted).collect();
            members.sort();
            Value::Aggregate(*kind, members)
        }
        other => other.clone(),
    }
}

/// The kind, and the pairs in order.
fn pairs(value: &Value) -> Option<(u8, Vec<&[Value]>)> {
    let mut pairs: Vec<&[Value]> = value.members()?.chunks(2).collect();
    pairs.sort();
    Some((value.kind(), pairs))
}

fn is_subset(redis: &Value, ours: &Value) -> bool {
    let (Some(theirs), Some(mine)) = (redis.members(), ours.members()) else { return false };
    !mine.is_empty() && mine.len() <= theirs.len() && mine.iter().all(|member| theirs.contains(member))
}

fn agree_where_common(redis: &Value, ours: &Value, differing: &[&str]) -> bool {
    let pairs = |value: &Value| -> Option<BTreeMap<Value, Value>> {
        Some(value.members()?.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect())
    };
    let (Some(theirs), Some(mine)) = (pairs(redis), pairs(ours)) else { return false };
    redis.kind() == ours.kind()
        && mine.iter().all(|(name, value)| {
            let may_differ = name.text().is_some_and(|text| differing.iter().any(|d| d.as_bytes() == text));
            theirs.get(name).is_some_and(|their| may_differ || their == value)
        })
}

/// `encoding:` out of the line; the rest is addresses and sizes.
fn debug_object(value: &Value) -> Value {
    let text = String::from_utf8_lossy(value.text().unwrap_or_default()).into_owned();
    let encoding = text.split(' ').find(|field| field.starts_with("encoding:")).unwrap_or("none");
    // As OBJECT ENCODING: what INCRBYFLOAT has made.
    let encoding = if encoding == "encoding:embstr" { "encoding:int" } else { encoding };
    Value::Simple(format!("{} {encoding}", value.kind() as char).into_bytes())
}

/// Without times, and without the figures of a radix tree.
fn stream_info(value: &Value) -> Value {
    const OF_NO_USE: [&[u8]; 4] = [b"radix-tree-keys", b"radix-tree-nodes", b"idle", b"seen-time"];
    /// Later than 2001, in milliseconds.
    const TIME: i64 = 1_000_000_000_000;
    let Value::Aggregate(kind, members) = value else { return value.clone() };
    // ID, consumer, idle time, how often.
    let pending =
        matches!(&members[..], [Value::Bulk(_), Value::Bulk(_), Value::Integer(_), Value::Integer(_)]);
    let strip = |(at, member): (usize, &Value)| match member {
        Value::Integer(time) if *time > TIME => Value::Integer(0),
        Value::Integer(_) if pending && at == 2 => Value::Integer(0),
        Value::Integer(_)
            if at > 0 && members[at - 1].text().is_some_and(|name| OF_NO_USE.contains(&name)) =>
        {
            Value::Integer(0)
        }
        member => stream_info(member),
    };
    Value::Aggregate(*kind, members.iter().enumerate().map(strip).collect())
}

/// Of every client the fields that the client itself decides.
fn client_list(value: &Value) -> Value {
    let text = String::from_utf8_lossy(value.text().unwrap_or_default()).into_owned();
    let kept = |field: &&str| {
        ["name=", "flags=", "db=", "sub=", "psub=", "ssub=", "user=", "resp="]
            .iter()
            .any(|name| field.starts_with(name))
    };
    let line = |line: &str| line.split(' ').filter(kept).collect::<Vec<_>>().join(" ");
    let lines = text.lines().map(line).collect::<Vec<_>>().join("\n");
    Value::Other(value.kind(), lines.into_bytes())
}

fn kind_only(value: &Value) -> Value {
    Value::Other(value.kind(), Vec::new())
}

fn hello(value: &Value) -> Value {
    let Value::Aggregate(kind, members) = value else { return value.clone() };
    let mut members = members.clone();
    for at in (0..members.len().saturating_sub(1)).step_by(2) {
        if matches!(members[at].text(), Some(b"id" | b"version")) {
            members[at + 1] = Value::Nil(0);
        }
    }
    Value::Aggregate(*kind, members)
}

/// The counters of events, and the keyspace with its average lifetime left out.
fn info(value: &Value) -> Value {
    let text = String::from_utf8_lossy(value.text().unwrap_or_default()).into_owned();
    let counted = [
        "expired_keys:",
        "keyspace_hits:",
        "keyspace_misses:",
        "total_error_replies:",
        "redis_mode:",
        "pubsub",
        "db",
    ];
    let kept = text
        .lines()
        .filter(|line| counted.iter().any(|name| line.starts_with(name)))
        .map(|line| line.split(",avg_ttl").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n");
    Value::Other(value.kind(), kept.into_bytes())
}

fn command_info(value: &Value) -> Value {
    let Value::Aggregate(kind, commands) = value else { return value.clone() };
    let shorten = |command: &Value| match command {
        Value::Aggregate(kind, fields) => {
            Value::Aggregate(*kind, fields.iter().take(6).map(sorted).collect())
        }
        other => other.clone(),
    };
    Value::Aggregate(*kind, commands.iter().map(shorten).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::Bulk(text.as_bytes().to_vec())
    }

    #[test]
    fn errors_are_never_excepted() {
        let error = Value::Error(b"ERR no".to_vec());
        for exception in EXCEPTIONS {
            assert!(!exception.rule.allows_values(&error, &Value::Integer(1)), "{}", exception.command);
            assert!(!exception.rule.allows_values(&bulk("x"), &error), "{}", exception.command);
            assert!(exception.reason.len() > 10, "{} has no reason", exception.command);
        }
    }

    #[test]
    fn rules_refuse_what_they_do_not_cover() {
        let within = Rule::Within(2);
        assert!(within.allows_values(&Value::Integer(100), &Value::Integer(102)));
        assert!(!within.allows_values(&Value::Integer(100), &Value::Integer(103)));
        assert!(!within.allows_values(&Value::Integer(-1), &Value::Integer(-2)));
        assert!(!within.allows_values(&Value::Integer(0), &Value::Integer(-1)));
        let list = |names: &[&str]| Value::Aggregate(b'*', names.iter().map(|n| bulk(n)).collect());
        assert!(Rule::Unordered.allows_values(&list(&["a", "b"]), &list(&["b", "a"])));
        assert!(!Rule::Unordered.allows_values(&list(&["a", "b"]), &list(&["b", "b"])));
        assert!(Rule::Subset(sorted).allows_values(&list(&["a", "b"]), &list(&["b"])));
        assert!(!Rule::Subset(sorted).allows_values(&list(&["a", "b"]), &list(&["c"])));
        let families = Rule::Families(&["a|"]);
        assert!(families.allows_values(&list(&["b", "a|x", "c|x"]), &list(&["a|x", "b"])));
        assert!(!families.allows_values(&list(&["b", "a|x"]), &list(&["b"])));
        assert!(!families.allows_values(&list(&["b"]), &list(&["b", "c"])));
        assert!(!Rule::SameKind.allows_values(&bulk("a"), &Value::Nil(b'$')));
        let names = Rule::CommonNames(&["port"]);
        assert!(names.allows_values(&list(&["port", "1", "timeout", "0"]), &list(&["port", "2"])));
        assert!(!names.allows_values(&list(&["timeout", "0"]), &list(&["timeout", "1"])));
        assert!(!names.allows_values(&list(&["timeout", "0"]), &list(&["ours", "1"])));
    }
}
