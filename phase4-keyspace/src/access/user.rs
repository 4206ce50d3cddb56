//! One user.
use super::commands::CommandSet;
use super::password::Digest;
use super::selector::{Denial, Reason, Request, Selector};

/// Whether serialized values that the user sends are looked through (`RESTORE`). Here they always are; the flag is kept
/// because Redis shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sanitize {
    /// Nothing was said.
    Unsaid,
    /// `sanitize-payload`
    Yes,
    /// `skip-sanitize-payload`
    Skip,
}

/// A user: how it is recognised, and what it may do.
#[derive(Clone, Debug)]
pub struct User {
    /// Its name: any bytes but white space and NUL.
    pub name: Vec<u8>,
    /// Whether it may log in (`on`). Who is logged in already stays.
    pub enabled: bool,
    /// Any password is right; then it has none of its own.
    pub nopass: bool,
    /// See [`Sanitize`].
    pub sanitize: Sanitize,
    /// Each of these lets it in.
    pub passwords: Vec<Digest>,
    /// What it may do. The first is always there.
    pub selectors: Vec<Selector>,
}

impl User {
    /// One that is switched off and has no password.
    pub fn new(name: &[u8], selector: Selector) -> User {
        User {
            name: name.into(),
            enabled: false,
            nopass: false,
            sanitize: Sanitize::Unsaid,
            passwords: Vec::new(),
            selectors: vec![selector],
        }
    }

    /// The user `default` of a server that was told nothing about users: it may do everything, and needs no password.
    pub fn unlimited() -> User {
        let commands = CommandSet::everything();
        let selector = Selector { commands, all_keys: true, all_channels: true, ..Selector::default() };
        User { enabled: true, nopass: true, ..User::new(b"default", selector) }
    }

    /// Why a request may not run; `None`: it may. One selector has to permit all of it. Of the reasons of several, the last
    /// counts: that of the selector that came furthest.
    pub fn denies(&self, request: &Request<'_>) -> Option<Denial> {
        let mut furthest = Denial { reason: Reason::Command, at: 0 };
        for selector in &self.selectors {
            furthest = furthest.max(selector.denies(request)?);
        }
        Some(furthest)
    }

    /// Whether it may do everything: its requests need not be looked at.
    pub fn is_unlimited(&self) -> bool {
        self.selectors.iter().any(Selector::is_unlimited)
    }

    /// Whether a channel, or a pattern, may be listened to.
    pub fn reaches_channel(&self, name: &[u8], is_pattern: bool) -> bool {
        self.selectors.iter().any(|selector| selector.reaches_channel(name, is_pattern))
    }

    /// Whether a request may run and one selector that permits it lets the values of all keys be read.
    pub fn reads_everything(&self, request: &Request<'_>) -> bool {
        let may = |selector: &Selector| selector.reads_everything() && selector.denies(request).is_none();
        self.selectors.iter().any(may)
    }

    /// Whether a password, given as its digest, lets the user in.
    pub fn accepts(&self, password: &Digest) -> bool {
        self.enabled && (self.nopass || self.passwords.iter().any(|known| known.same(password)))
    }
}
