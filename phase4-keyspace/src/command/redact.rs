//! What nothing may remember or show of a request: passwords.
use crate::wire::args::Args;

/// What stands in the place of a secret.
const REDACTED: &[u8] = b"(redacted)";

/// The arguments of a request, in order, without its secrets.
pub fn redacted<'a>(name: &str, args: Args<'a>) -> Vec<&'a [u8]> {
    let secret = secrets(name, args);
    args.from(0).enumerate().map(|(at, arg)| if secret.contains(&at) { REDACTED } else { arg }).collect()
}

/// Which arguments are secret; `name` is the command's full name.
fn secrets(name: &str, args: Args<'_>) -> Vec<usize> {
    match name {
        "auth" => (1..args.len()).collect(),
        "acl|setuser" => (2..args.len()).collect(),
        "hello" => of_hello(args),
        "config|set" => {
            let is_secret = |at: &usize| args.is(*at, "requirepass") || args.is(*at, "masterauth");
            (2..args.len()).step_by(2).filter(is_secret).map(|at| at + 1).collect()
        }
        _ => Vec::new(),
    }
}

/// `HELLO 3 AUTH user password SETNAME name`
fn of_hello(args: Args<'_>) -> Vec<usize> {
    let mut at = 2;
    while args.is(at, "setname") {
        at += 2;
    }
    if args.is(at, "auth") { vec![at + 1, at + 2] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::args::OwnedArgs;

    #[test]
    fn passwords_are_not_shown() {
        for (name, line, shown) in [
            ("auth", "AUTH x", "AUTH (redacted)"),
            ("auth", "AUTH x y", "AUTH (redacted) (redacted)"),
            ("hello", "HELLO 3 setname auth auth x y", "HELLO 3 setname auth auth (redacted) (redacted)"),
            ("hello", "HELLO 3 AUTH x y", "HELLO 3 AUTH (redacted) (redacted)"),
            ("acl|setuser", "ACL SETUSER joe >pw", "ACL SETUSER (redacted) (redacted)"),
            ("config|set", "CONFIG SET hz 1 requirepass x", "CONFIG SET hz 1 requirepass (redacted)"),
            ("get", "GET auth", "GET auth"),
        ] {
            let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let args = OwnedArgs::words(&words);
            assert_eq!(redacted(name, args.as_args()).join(&b' '), shown.as_bytes(), "{line}");
        }
    }
}
