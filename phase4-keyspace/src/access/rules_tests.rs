use super::super::catalogue::sample;
use super::super::describe::{describe, selector_keys};
use super::*;

/// The user that these rules make, or the first refusal.
fn made(rules: &[&str]) -> Result<String, RuleError> {
    let catalogue = sample();
    let context = Rules { catalogue: &catalogue, open_channels: false };
    let mut user = context.new_user(b"u");
    for rule in rules {
        context.apply(&mut user, rule.as_bytes())?;
    }
    Ok(String::from_utf8(describe(&user, &catalogue)).expect("text"))
}

#[test]
fn rules_add_up() {
    for (rules, told) in [
        (&[][..], "off resetchannels -@all"),
        (&["on", "nopass", "~*", "&*", "+@all"], "on nopass ~* &* +@all"),
        (&["ON", "AllKeys", "ALLCOMMANDS", "allChannels"], "on ~* &* +@all"),
        (&["+@read"], "off resetchannels -@all +@read"),
        (&["+@all", "-@admin"], "off resetchannels +@all -@admin"),
        (&["+get", "+GET", "-get"], "off resetchannels -@all"),
        (&["+config"], "off resetchannels -@all +config"),
        (&["+config", "-config|set"], "off resetchannels -@all +config -config|set"),
        (&["+config|get"], "off resetchannels -@all +config|get"),
        (&["+select|0", "+select|1", "+select|0"], "off resetchannels -@all +select|0 +select|1"),
        (&["+select|0", "+select"], "off resetchannels -@all +select"),
        (&["+select|0", "-select"], "off resetchannels -@all"),
        (&["~a*", "~a*", "%R~b", "%w~b", "%rW~c", "%W~d"], "off ~a* ~b ~c %W~d resetchannels -@all"),
        (&["~a", "&c", "&c", "&d*"], "off ~a resetchannels &c &d* -@all"),
        (&["~*", "resetkeys", "~x"], "off ~x resetchannels -@all"),
        (&["~a", "~*"], "off ~* resetchannels -@all"),
        (
            &["(+get ~k)", "(%R~x\t&c)"],
            "off resetchannels -@all (~k resetchannels -@all +get) (%R~x resetchannels &c -@all)",
        ),
        (&["()", "( ~\"a\" )"], "off resetchannels -@all (resetchannels -@all) (~a resetchannels -@all)"),
        (&["(+get 'x)"], "off resetchannels -@all (resetchannels -@all)"),
        (&["(+get)", "clearselectors"], "off resetchannels -@all"),
        (&["on", "nopass", "+@all", "~*", "(+get)", "reset"], "off sanitize-payload resetchannels -@all"),
        (&["skip-sanitize-payload"], "off skip-sanitize-payload resetchannels -@all"),
        (&["", "on", ""], "on resetchannels -@all"),
        (&["~", "&"], "off ~ resetchannels & -@all"),
        (&["%R"], "off %R~ resetchannels -@all"),
    ] {
        assert_eq!(made(rules).as_deref(), Ok(told), "{rules:?}");
    }
}

#[test]
fn passwords_come_and_go() {
    let digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let (hash, unhash) = (format!("#{digest}"), format!("!{digest}"));
    let told = format!("off #{digest} resetchannels -@all");
    for rules in [&[">x"][..], &[">x", ">x"], &[&hash], &["nopass", &hash, ">x"], &[">y", &hash, "<y"]] {
        assert_eq!(made(rules).as_ref(), Ok(&told), "{rules:?}");
    }
    for rules in [&[">x", "<x"][..], &[">x", &unhash], &["nopass", "resetpass"], &[">x", "resetpass"]] {
        assert_eq!(made(rules).as_deref(), Ok("off resetchannels -@all"), "{rules:?}");
    }
    assert_eq!(made(&[">x", "nopass"]).as_deref(), Ok("off nopass resetchannels -@all"));
}

#[test]
fn malformed_rules_of_every_kind_are_refused() {
    use RuleError::*;
    let short = &format!("#{}", "a".repeat(63));
    let long = &format!("!{}", "a".repeat(65));
    let upper = &format!("#{}", "A".repeat(64));
    for (rule, error) in [
        ("x", Syntax),
        ("~a b", Syntax),
        ("~a\tb", Syntax),
        ("~a\0b", Syntax),
        ("&a\nb", Syntax),
        ("&a\x0bb", Syntax),
        ("%~x", Syntax),
        ("%", Syntax),
        ("%x~y", Syntax),
        ("%RR~y", Syntax),
        ("%RWR~y", Syntax),
        ("+get|", Syntax),
        ("+config|", Syntax),
        ("(+get", Syntax),
        ("+get)", Unknown),
        (")", Syntax),
        ("(", Syntax),
        ("((+get))", Syntax),
        ("(on)", Syntax),
        ("(>x)", Syntax),
        ("(~a ~*x y)", Syntax),
        ("@all", Syntax),
        ("|", Syntax),
        ("+", Unknown),
        ("-", Unknown),
        ("+@", Unknown),
        ("-@", Unknown),
        ("+@nope", Unknown),
        ("+nope", Unknown),
        ("-nope", Unknown),
        ("+|", Unknown),
        ("+nope|x", Unknown),
        ("+config|nope", Unknown),
        ("-select|0", Unknown),
        ("+config|get|x", FirstArgOfSubcommand),
        ("(+config|get|x)", FirstArgOfSubcommand),
        ("(+nope)", Unknown),
        ("<x", NoSuchPassword),
        ("#", NoDigest),
        ("!zz", NoDigest),
        (short, NoDigest),
        (long, NoDigest),
        (upper, NoDigest),
    ] {
        assert_eq!(made(&[rule]), Err(error), "{rule:?}");
    }
    assert_eq!(made(&["~*", "~x"]), Err(AfterAllKeys));
    assert_eq!(made(&["allkeys", "%R~x"]), Err(AfterAllKeys));
    assert_eq!(made(&["&*", "&x"]), Err(AfterAllChannels));
    let texts =
        [Unknown, Syntax, AfterAllKeys, AfterAllChannels, NoSuchPassword, NoDigest, FirstArgOfSubcommand];
    assert!(texts.iter().all(|error| !error.text().is_empty()));
}

#[test]
fn a_selector_may_be_spread_over_arguments() {
    let merged = |text: &str| {
        let args: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        merge(&args).map(|merged| {
            merged.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>()
        })
    };
    assert_eq!(merged("on (+get ~a) off"), Ok(vec!["on".into(), "(+get ~a)".into(), "off".into()]));
    assert_eq!(merged("( +get )"), Ok(vec!["( +get )".into()]));
    assert_eq!(merged("(a) (b c d) e)"), Ok(vec!["(a)".into(), "(b c d)".into(), "e)".into()]));
    assert_eq!(merged("on (a b"), Err(1));
    assert_eq!(merged("(a (b c)"), Ok(vec!["(b c)".into()]), "as in Redis, the second one begins anew");
    assert_eq!(merged("( "), Err(0));
}

#[test]
fn new_selectors_reach_the_channels_that_the_configuration_says() {
    let catalogue = sample();
    let context = Rules { catalogue: &catalogue, open_channels: true };
    let mut user = context.new_user(b"u");
    assert!(context.apply(&mut user, b"(+get)").is_ok());
    assert_eq!(describe(&user, &catalogue), b"off &* -@all (&* -@all +get)");
    assert_eq!(selector_keys(&user.selectors[0]), b"");
}
