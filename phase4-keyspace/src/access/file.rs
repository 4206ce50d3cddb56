//! Users as a file has them: a line `user name rules …` for each. Comments are mistakes, because `ACL SAVE` would lose them.
use super::catalogue::Catalogue;
use super::describe::describe;
use super::rules::{Rules, has_space, merge};
use super::user::User;
use super::users::Users;

/// The lines of all users.
pub fn write(users: &Users, catalogue: &Catalogue) -> Vec<u8> {
    let mut text = Vec::new();
    for user in users.all() {
        text.extend(line(user, catalogue));
        text.push(b'\n');
    }
    text
}

/// The line of one user.
pub fn line(user: &User, catalogue: &Catalogue) -> Vec<u8> {
    [b"user ", user.name.as_slice(), b" ", &describe(user, catalogue)].concat()
}

/// Reads all users of a file. `name` is the file's, for the messages.
///
/// # Errors
/// Every mistake, in Redis's words; then no line counts.
pub fn read(text: &[u8], name: &str, rules: &Rules<'_>) -> Result<Vec<User>, String> {
    let (mut users, mut errors): (Vec<User>, String) = (Vec::new(), String::new());
    for (number, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        let at = format!("{name}:{}", number + 1);
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let (user, rest) = match words.as_slice() {
            [b""] => continue,
            [b"user", user, rest @ ..] => (*user, rest),
            _ => {
                errors.push_str(&format!("{at} should start with user keyword followed by the username. "));
                continue;
            }
        };
        let shown = String::from_utf8_lossy(user);
        if has_space(user) {
            errors.push_str(&format!("'{at}: username '{shown}' contains invalid characters. "));
        } else if users.iter().any(|known| known.name == user) {
            errors.push_str(&format!("WARNING: Duplicate user '{shown}' found on line {}. ", number + 1));
        } else {
            let made = apply_all(user, rest, rules);
            made.1.iter().for_each(|why| errors.push_str(&format!("{at}: {why}")));
            users.push(made.0);
        }
    }
    if errors.is_empty() { Ok(users) } else { Err(errors) }
}

/// The user that the rules make, and what is wrong with them.
fn apply_all(name: &[u8], words: &[&[u8]], rules: &Rules<'_>) -> (User, Vec<String>) {
    let mut user = rules.new_user(name);
    let Ok(merged) = merge(words) else {
        return (user, vec!["Unmatched parenthesis in selector definition.".into()]);
    };
    let refusals = merged.iter().filter_map(|rule| rules.apply(&mut user, rule.trim_ascii()).err());
    let refusals = refusals.map(|error| format!("{}. ", error.text())).collect();
    (user, refusals)
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::sample;
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let catalogue = sample();
        let rules = Rules { catalogue: &catalogue, open_channels: false };
        let text =
            b"user ada on #2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 ~a\xff* &c \
            resetchannels -@all +@read (%R~x resetchannels +get)\r\n\n  user bob off\t\n";
        let mut users = Users::default();
        for user in read(text, "f", &rules).expect("well-formed") {
            users.put(user);
        }
        let written = write(&users, &catalogue);
        let again = read(&written, "f", &rules).expect("well-formed");
        assert_eq!(again.len(), 3);
        again.into_iter().for_each(|user| {
            users.put(user);
        });
        assert_eq!(write(&users, &catalogue), written);
    }

    #[test]
    fn every_mistake_is_told() {
        let catalogue = sample();
        let rules = Rules { catalogue: &catalogue, open_channels: false };
        let told = |text: &str| read(text.as_bytes(), "f", &rules).map(|users| users.len());
        assert_eq!(told(""), Ok(0));
        assert_eq!(
            told("user a on\n# no\nuser a off\nuser b +nope x\nuser\nuser c (+get"),
            Err("f:2 should start with user keyword followed by the username. WARNING: Duplicate user 'a' found on line \
                 3. f:4: Unknown command or category name in ACL. f:4: Syntax error. f:5 should start with user keyword \
                 followed by the username. f:6: Unmatched parenthesis in selector definition."
                .into())
        );
    }
}
