//! The options of `SET` and `GETEX`, read where they stand: nothing is copied, nothing allocated.
use crate::error::Error;
use crate::keyspace::Millis;
use crate::text::integer;
use crate::wire::args::Args;

/// When `SET` may store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// No NX, no XX.
    Always,
    /// NX
    IfAbsent,
    /// XX
    IfPresent,
}

/// A time to die and the argument that gives it, unread: options are checked for syntax before any number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry<'a> {
    /// EX: seconds from now.
    Seconds(&'a [u8]),
    /// PX: milliseconds from now.
    Millis(&'a [u8]),
    /// EXAT: seconds since the Unix epoch.
    AtSeconds(&'a [u8]),
    /// PXAT: milliseconds since the Unix epoch.
    AtMillis(&'a [u8]),
}

impl<'a> Expiry<'a> {
    /// The option `word`, which takes `argument`; `None` if it is another word.
    fn named(word: &[u8], argument: &'a [u8]) -> Option<Expiry<'a>> {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        if is("ex") {
            Some(Expiry::Seconds(argument))
        } else if is("px") {
            Some(Expiry::Millis(argument))
        } else if is("exat") {
            Some(Expiry::AtSeconds(argument))
        } else if is("pxat") {
            Some(Expiry::AtMillis(argument))
        } else {
            None
        }
    }

    /// When that is. It must be a positive time that 64 bits hold in milliseconds; `command` is named in the refusal.
    /// An absolute time in the past is none of the errors.
    pub fn deadline(self, now: Millis, command: &'static str) -> Result<Millis, Error> {
        let (argument, unit, base) = match self {
            Expiry::Seconds(argument) => (argument, 1000, now),
            Expiry::Millis(argument) => (argument, 1, now),
            Expiry::AtSeconds(argument) => (argument, 1000, 0),
            Expiry::AtMillis(argument) => (argument, 1, 0),
        };
        let time = integer::parse(argument).ok_or(Error::NotInteger)?;
        if time <= 0 {
            return Err(Error::InvalidExpire(command));
        }
        time.checked_mul(unit).and_then(|ms| ms.checked_add(base)).ok_or(Error::InvalidExpire(command))
    }
}

/// Takes one of the four expiry options at `at`, or refuses it: another kind of expiry may not stand beside it. The same kind
/// may; the last one counts.
fn take_expiry<'a>(
    args: Args<'a>,
    at: usize,
    given: Option<Expiry<'a>>,
    excluded: bool,
) -> Result<Option<Expiry<'a>>, Error> {
    let argument = args.at(at + 1).ok_or(Error::Syntax)?;
    let expiry = Expiry::named(args.get(at), argument).ok_or(Error::Syntax)?;
    let clashes = given.is_some_and(|g| std::mem::discriminant(&g) != std::mem::discriminant(&expiry));
    if clashes || excluded { Err(Error::Syntax) } else { Ok(Some(expiry)) }
}

/// What `SET key value` is followed by.
pub struct SetOptions<'a> {
    /// NX, XX
    pub condition: Condition,
    /// GET: the reply is the old value.
    pub get: bool,
    /// KEEPTTL: the deadline stays.
    pub keep_ttl: bool,
    /// EX, PX, EXAT, PXAT
    pub expiry: Option<Expiry<'a>>,
}

impl<'a> SetOptions<'a> {
    /// Reads the arguments from the third on.
    pub fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut options =
            SetOptions { condition: Condition::Always, get: false, keep_ttl: false, expiry: None };
        let mut at = 3;
        while at < args.len() {
            if args.is(at, "nx") && options.condition != Condition::IfPresent {
                options.condition = Condition::IfAbsent;
            } else if args.is(at, "xx") && options.condition != Condition::IfAbsent {
                options.condition = Condition::IfPresent;
            } else if args.is(at, "get") {
                options.get = true;
            } else if args.is(at, "keepttl") && options.expiry.is_none() {
                options.keep_ttl = true;
            } else {
                options.expiry = take_expiry(args, at, options.expiry, options.keep_ttl)?;
                at += 1;
            }
            at += 1;
        }
        Ok(options)
    }
}

/// What `GETEX key` is followed by.
pub struct GetexOptions<'a> {
    /// PERSIST: the deadline goes.
    pub persist: bool,
    /// EX, PX, EXAT, PXAT
    pub expiry: Option<Expiry<'a>>,
}

impl<'a> GetexOptions<'a> {
    /// Reads the arguments from the second on.
    pub fn parse(args: Args<'a>) -> Result<Self, Error> {
        let mut options = GetexOptions { persist: false, expiry: None };
        let mut at = 2;
        while at < args.len() {
            if args.is(at, "persist") && options.expiry.is_none() {
                options.persist = true;
            } else {
                options.expiry = take_expiry(args, at, options.expiry, options.persist)?;
                at += 1;
            }
            at += 1;
        }
        Ok(options)
    }
}
