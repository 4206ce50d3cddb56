//! What a user may do, told in rules: those that would make it again, not those that have made it.
use super::catalogue::{CATEGORIES, Catalogue};
use super::commands::CommandSet;
use super::selector::{KeyPattern, Selector};
use super::user::{Sanitize, User};

/// All rules of a user, separated by spaces: a line of an ACL file behind `user name`.
pub fn describe(user: &User, catalogue: &Catalogue) -> Vec<u8> {
    let mut rules: Vec<Vec<u8>> = flags(user).into_iter().map(Into::into).collect();
    rules.extend(user.passwords.iter().map(|digest| format!("#{}", digest.hex()).into_bytes()));
    for (at, selector) in user.selectors.iter().enumerate() {
        let told = describe_selector(selector, catalogue);
        rules.push(if at == 0 { told } else { [b"(", told.as_slice(), b")"].concat() });
    }
    rules.join(&b' ')
}

/// The flags of a user, in Redis's order.
pub fn flags(user: &User) -> Vec<&'static str> {
    let mut flags = vec![if user.enabled { "on" } else { "off" }];
    if user.nopass {
        flags.push("nopass");
    }
    match user.sanitize {
        Sanitize::Unsaid => {}
        Sanitize::Yes => flags.push("sanitize-payload"),
        Sanitize::Skip => flags.push("skip-sanitize-payload"),
    }
    flags
}

fn describe_selector(selector: &Selector, catalogue: &Catalogue) -> Vec<u8> {
    let mut parts = vec![selector_keys(selector)];
    if !selector.all_channels {
        parts.push(b"resetchannels".to_vec());
    }
    parts.push(selector_channels(selector));
    parts.push(selector_commands(selector, catalogue).into_bytes());
    parts.retain(|part| !part.is_empty());
    parts.join(&b' ')
}

/// Its key patterns.
pub fn selector_keys(selector: &Selector) -> Vec<u8> {
    if selector.all_keys {
        return b"~*".to_vec();
    }
    let told = |KeyPattern { pattern, read, write }: &KeyPattern| -> Vec<u8> {
        let sign: &[u8] = match (read, write) {
            (true, true) => b"~",
            (true, false) => b"%R~",
            (false, true) => b"%W~",
            (false, false) => b"",
        };
        [sign, pattern].concat()
    };
    selector.keys.iter().map(told).collect::<Vec<_>>().join(&b' ')
}

/// Its channel patterns.
pub fn selector_channels(selector: &Selector) -> Vec<u8> {
    if selector.all_channels {
        return b"&*".to_vec();
    }
    let told = |pattern: &Vec<u8>| [b"&", pattern.as_slice()].concat();
    selector.channels.iter().map(told).collect::<Vec<_>>().join(&b' ')
}

/// Its commands. Rules are applied to a set of their own as they are found, so that in the end single commands make up for
/// whatever the categories have missed.
pub fn selector_commands(selector: &Selector, catalogue: &Catalogue) -> String {
    let wanted = &selector.commands;
    let adds = !wanted.has_future();
    let mut rules = vec![if adds { "-@all".to_string() } else { "+@all".to_string() }];
    let mut made = if adds { CommandSet::nothing() } else { CommandSet::everything() };
    for category in categories(wanted, catalogue, adds) {
        rules.push(format!("{}@{}", if adds { '+' } else { '-' }, CATEGORIES[category]));
        made.change_category(catalogue, category, adds);
    }
    for id in catalogue.walk() {
        let (name, has) = (&catalogue.entry(id).name, wanted.has(id));
        if has != made.has(id) {
            rules.push(format!("{}{name}", if has { '+' } else { '-' }));
            made.change(catalogue, id, has);
        }
        if !has {
            let args = wanted.first_args(id).iter();
            rules.extend(args.map(|arg| format!("+{name}|{}", String::from_utf8_lossy(arg))));
        }
    }
    rules.join(" ")
}

/// The categories that say most of it in few words, best first. One is good if it says more of what is wanted than it says
/// wrong; the best says least wrong and, among equals, most. What it has said is then wanted no more.
fn categories(wanted: &CommandSet, catalogue: &Catalogue, adds: bool) -> Vec<usize> {
    // ANCHOR: best-categories
    let mut left = wanted.clone();
    let mut chosen: Vec<usize> = Vec::new();
    loop {
        let mut best: Option<(usize, usize, usize)> = None;
        for category in (0..CATEGORIES.len()).filter(|category| !chosen.contains(category)) {
            let (right, wrong) = count(&left, catalogue, category, adds);
            let better = best.is_none_or(|(_, most, least)| wrong < least || wrong == least && right > most);
            if right > wrong && better {
                best = Some((category, right, wrong));
            }
        }
        let Some((category, ..)) = best else { return chosen };
        left.change_category(catalogue, category, !adds);
        chosen.push(category);
    }
    // ANCHOR_END: best-categories
}

/// How many commands of a category are as the category would make them, and how many are not.
fn count(commands: &CommandSet, catalogue: &Catalogue, category: usize, adds: bool) -> (usize, usize) {
    let of_redis = |id: &u16| catalogue.entry(*id).is_redis && catalogue.entry(*id).is_in(category);
    let members: Vec<u16> = catalogue.walk().filter(of_redis).collect();
    let right = members.iter().filter(|id| commands.has(**id) == adds).count();
    (right, members.len() - right)
}
