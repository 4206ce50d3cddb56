//! Rules: one word of `ACL SETUSER`, of a `user` line or of an ACL file, applied to a user.
use super::catalogue::{Catalogue, category};
use super::commands::CommandSet;
use super::password::Digest;
use super::selector::{KeyPattern, Selector};
use super::user::{Sanitize, User};
use crate::config::file::words;
use crate::error::c_string;

/// What is wrong with a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RuleError {
    /// It names a command or category that Redis does not have.
    Unknown,
    /// It is no rule.
    Syntax,
    /// A key pattern behind `~*`.
    AfterAllKeys,
    /// A channel pattern behind `&*`.
    AfterAllChannels,
    /// It takes away a password that is not there.
    NoSuchPassword,
    /// A digest that is none.
    NoDigest,
    /// `+config|get|x`
    FirstArgOfSubcommand,
}

impl RuleError {
    /// In Redis's words.
    pub fn text(self) -> &'static str {
        match self {
            RuleError::Unknown => "Unknown command or category name in ACL",
            RuleError::Syntax => "Syntax error",
            RuleError::AfterAllKeys => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. Try \
                 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::AfterAllChannels => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. \
                 Try 'resetchannels' to start with an empty list of channels"
            }
            RuleError::NoSuchPassword => "The password you are trying to remove from the user does not exist",
            RuleError::NoDigest => {
                "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
            }
            RuleError::FirstArgOfSubcommand => "Allowing first-arg of a subcommand is not supported",
        }
    }
}

/// What rules depend on besides themselves.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The commands they can name.
    pub catalogue: &'a Catalogue,
    /// `acl-pubsub-default allchannels`: a new selector reaches every channel.
    pub open_channels: bool,
}

impl Rules<'_> {
    /// A user as `ACL SETUSER name` makes it: switched off, without a password, permitted nothing.
    pub fn new_user(&self, name: &[u8]) -> User {
        User::new(name, self.new_selector())
    }

    fn new_selector(&self) -> Selector {
        Selector { all_channels: self.open_channels, ..Selector::default() }
    }

    /// Applies one rule. If it is refused, the user may have changed in part: apply rules to a copy.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn apply(&self, user: &mut User, rule: &[u8]) -> Result<(), RuleError> {
        match c_string(rule, usize::MAX).to_ascii_lowercase().as_slice() {
            // Nothing to do: an empty argument is no mistake.
            _ if rule.is_empty() => {}
            b"on" => user.enabled = true,
            b"off" => user.enabled = false,
            b"nopass" => {
                user.nopass = true;
                user.passwords.clear();
            }
            b"resetpass" => {
                user.nopass = false;
                user.passwords.clear();
            }
            b"sanitize-payload" => user.sanitize = Sanitize::Yes,
            b"skip-sanitize-payload" => user.sanitize = Sanitize::Skip,
            b"clearselectors" => user.selectors.truncate(1),
            b"reset" => {
                *user = User { sanitize: Sanitize::Yes, ..self.new_user(&user.name) };
            }
            _ => match rule {
                [b'>' | b'#', ..] => add_password(user, digest(rule)?),
                [b'<' | b'!', ..] => remove_password(user, &digest(rule)?)?,
                [b'(', inside @ .., b')'] => {
                    let mut selector = self.new_selector();
                    // Quotes that do not fit together hold no words.
                    for word in words(inside).unwrap_or_default() {
                        self.apply_to_selector(&mut selector, &word)?;
                    }
                    user.selectors.push(selector);
                }
                _ => self.apply_to_selector(&mut user.selectors[0], rule)?,
            },
        }
        Ok(())
    }

    fn apply_to_selector(&self, selector: &mut Selector, rule: &[u8]) -> Result<(), RuleError> {
        match c_string(rule, usize::MAX).to_ascii_lowercase().as_slice() {
            word @ (b"allkeys" | b"~*" | b"resetkeys") => {
                selector.all_keys = word != b"resetkeys";
                selector.keys.clear();
            }
            word @ (b"allchannels" | b"&*" | b"resetchannels") => {
                selector.all_channels = word != b"resetchannels";
                selector.channels.clear();
            }
            b"allcommands" | b"+@all" => selector.commands = CommandSet::everything(),
            b"nocommands" | b"-@all" => selector.commands = CommandSet::nothing(),
            [sign @ (b'+' | b'-'), b'@', name @ ..] => {
                let category = category(name).ok_or(RuleError::Unknown)?;
                selector.commands.change_category(self.catalogue, category, *sign == b'+');
            }
            [b'-', name @ ..] => {
                let id = self.catalogue.find(name).ok_or(RuleError::Unknown)?;
                selector.commands.change(self.catalogue, id, false);
            }
            [b'+', ..] => self.permit(selector, c_string(&rule[1..], usize::MAX))?,
            _ => match rule {
                [b'~' | b'%', ..] => add_keys(selector, rule)?,
                [b'&', pattern @ ..] => add_channels(selector, pattern)?,
                _ => return Err(RuleError::Syntax),
            },
        }
        Ok(())
    }

    /// `+get`, `+config|get`, and the first argument of a command that has no subcommands: `+select|0`.
    fn permit(&self, selector: &mut Selector, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|byte| *byte == b'|') else {
            let id = self.catalogue.find(name).ok_or(RuleError::Unknown)?;
            selector.commands.change(self.catalogue, id, true);
            return Ok(());
        };
        let (container, arg) = (&name[..bar], &name[bar + 1..]);
        let id = self.catalogue.find(container).ok_or(RuleError::Unknown)?;
        let entry = self.catalogue.entry(id);
        if entry.parent.is_some() {
            return Err(RuleError::FirstArgOfSubcommand);
        }
        if arg.is_empty() {
            return Err(RuleError::Syntax);
        }
        if entry.subcommands.is_empty() {
            selector.commands.add_first_arg(id, arg);
        } else {
            let id = self.catalogue.find(name).ok_or(RuleError::Unknown)?;
            selector.commands.change(self.catalogue, id, true);
        }
        Ok(())
    }
}

/// The digest that a rule about a password means: of what follows `>` or `<`, or what follows `#` or `!` itself.
fn digest(rule: &[u8]) -> Result<Digest, RuleError> {
    let (kind, text) = (rule[0], &rule[1..]);
    match kind {
        b'>' | b'<' => Ok(Digest::of(text)),
        _ => Digest::parse(text).ok_or(RuleError::NoDigest),
    }
}

fn add_password(user: &mut User, digest: Digest) {
    if !user.passwords.iter().any(|known| known.same(&digest)) {
        user.passwords.push(digest);
    }
    user.nopass = false;
}

fn remove_password(user: &mut User, digest: &Digest) -> Result<(), RuleError> {
    let at = user.passwords.iter().position(|known| known.same(digest));
    user.passwords.remove(at.ok_or(RuleError::NoSuchPassword)?);
    Ok(())
}

/// `~pattern`, `%R~pattern`, `%W~pattern`, `%RW~pattern`.
fn add_keys(selector: &mut Selector, rule: &[u8]) -> Result<(), RuleError> {
    if selector.all_keys {
        return Err(RuleError::AfterAllKeys);
    }
    let (read, write, pattern) = match rule.strip_prefix(b"~") {
        Some(pattern) => (true, true, pattern),
        None => access(&rule[1..])?,
    };
    if has_space(pattern) {
        return Err(RuleError::Syntax);
    }
    match selector.keys.iter_mut().find(|known| known.pattern == pattern) {
        Some(known) => {
            known.read |= read;
            known.write |= write;
        }
        None => selector.keys.push(KeyPattern { pattern: pattern.into(), read, write }),
    }
    Ok(())
}

/// What stands behind `%`: `R` and `W`, each at most once, then `~` and the pattern. As in Redis, `~` may be missing where nothing follows.
fn access(text: &[u8]) -> Result<(bool, bool, &[u8]), RuleError> {
    let (mut read, mut write) = (false, false);
    for (at, letter) in text.iter().enumerate() {
        match letter {
            b'R' | b'r' if !read => read = true,
            b'W' | b'w' if !write => write = true,
            b'~' if read || write => return Ok((read, write, &text[at + 1..])),
            _ => return Err(RuleError::Syntax),
        }
    }
    if read || write { Ok((read, write, b"")) } else { Err(RuleError::Syntax) }
}

fn add_channels(selector: &mut Selector, pattern: &[u8]) -> Result<(), RuleError> {
    if selector.all_channels {
        return Err(RuleError::AfterAllChannels);
    }
    if has_space(pattern) {
        return Err(RuleError::Syntax);
    }
    if !selector.channels.iter().any(|known| known == pattern) {
        selector.channels.push(pattern.into());
    }
    Ok(())
}

/// What would make a line of rules ambiguous: C's white space and NUL.
pub fn has_space(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 11))
}

/// A selector may be spread over several arguments: those from one that begins with `(` to one that ends with `)` become one.
///
/// # Errors
/// The index of an argument that opens a parenthesis which is never closed.
pub fn merge(args: &[&[u8]]) -> Result<Vec<Vec<u8>>, usize> {
    let mut merged = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (at, arg) in args.iter().enumerate() {
        let closes = arg.last() == Some(&b')');
        if arg.first() == Some(&b'(') && !closes {
            open = Some((at, arg.to_vec()));
        } else if let Some((began, mut text)) = open.take() {
            text.push(b' ');
            text.extend_from_slice(c_string(arg, usize::MAX));
            if closes {
                merged.push(text);
            } else {
                open = Some((began, text));
            }
        } else {
            merged.push(arg.to_vec());
        }
    }
    match open {
        Some((began, _)) => Err(began),
        None => Ok(merged),
    }
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
