//! All users.
use std::collections::BTreeMap;

use super::log::Log;
use super::password::Digest;
use super::user::User;

/// Names a user as long as it exists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct UserId(u32);

impl UserId {
    /// The user that every client begins as. It cannot be deleted.
    pub const DEFAULT: UserId = UserId(0);
}

/// Every user there is, and the log of those who were refused.
pub struct Users {
    users: BTreeMap<UserId, User>,
    names: BTreeMap<Vec<u8>, UserId>,
    last: UserId,
    /// Who was refused.
    pub log: Log,
}

impl Default for Users {
    /// The default user alone, as it is without any configuration.
    fn default() -> Users {
        Users {
            users: BTreeMap::from([(UserId::DEFAULT, User::unlimited())]),
            names: BTreeMap::from([(b"default".to_vec(), UserId::DEFAULT)]),
            last: UserId::DEFAULT,
            log: Log::default(),
        }
    }
}

impl Users {
    /// The user; the default one if it has been deleted.
    pub fn get(&self, id: UserId) -> &User {
        self.users.get(&id).unwrap_or_else(|| self.default_user())
    }

    /// The user that clients begin as.
    pub fn default_user(&self) -> &User {
        self.users.get(&UserId::DEFAULT).expect("the default user is never removed")
    }

    /// The user of this name.
    pub fn find(&self, name: &[u8]) -> Option<UserId> {
        self.names.get(name).copied()
    }

    /// Whether a client has to say who it is before it may do anything.
    pub fn asks_password(&self) -> bool {
        let user = self.default_user();
        !user.nopass || !user.enabled
    }

    /// The user with this name and password.
    pub fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<UserId> {
        // Before the name is looked up: the time taken does not tell which names there are.
        let password = Digest::of(password);
        let id = self.find(name)?;
        self.get(id).accepts(&password).then_some(id)
    }

    /// All users in the order of their names.
    pub fn all(&self) -> impl ExactSizeIterator<Item = &User> {
        self.names.values().map(|id| self.get(*id))
    }

    /// Adds a user, or puts it in the place of the one of the same name.
    pub fn put(&mut self, user: User) -> UserId {
        let id = self.find(&user.name).unwrap_or_else(|| {
            self.last.0 += 1;
            self.names.insert(user.name.clone(), self.last);
            self.last
        });
        self.users.insert(id, user);
        id
    }

    /// Removes a user that is not the default one. Its clients are the caller's business.
    pub fn remove(&mut self, name: &[u8]) -> Option<UserId> {
        let id = self.find(name).filter(|id| *id != UserId::DEFAULT)?;
        self.names.remove(name);
        self.users.remove(&id);
        Some(id)
    }

    /// `requirepass`: the one password of the default user; empty: none is needed.
    pub fn set_default_password(&mut self, password: &[u8]) {
        let user = self.users.get_mut(&UserId::DEFAULT).expect("the default user is never removed");
        user.nopass = password.is_empty();
        user.passwords = if user.nopass { Vec::new() } else { vec![Digest::of(password)] };
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::sample;
    use super::super::rules::Rules;
    use super::*;

    #[test]
    fn users_log_in_with_a_password_of_theirs() {
        let catalogue = sample();
        let rules = Rules { catalogue: &catalogue, open_channels: false };
        let mut users = Users::default();
        let mut user = rules.new_user(b"ada");
        for rule in [&b">one"[..], b">two", b"on"] {
            assert_eq!(rules.apply(&mut user, rule), Ok(()));
        }
        let id = users.put(user.clone());
        assert_eq!(users.authenticate(b"ada", b"two"), Some(id));
        for (name, password) in [(&b"ada"[..], &b"three"[..]), (b"ada", b""), (b"bob", b"one"), (b"", b"")] {
            assert_eq!(users.authenticate(name, password), None);
        }
        assert_eq!(users.authenticate(b"default", b"anything"), Some(UserId::DEFAULT));
        user.enabled = false;
        assert_eq!(users.put(user), id);
        assert_eq!(users.authenticate(b"ada", b"two"), None);
        assert_eq!(
            (users.remove(b"ada"), users.remove(b"ada"), users.remove(b"default")),
            (Some(id), None, None)
        );
        assert_eq!(users.get(id).name, b"default");
    }

    #[test]
    fn the_one_password_is_the_default_users() {
        let mut users = Users::default();
        assert!(!users.asks_password());
        users.set_default_password(b"secret");
        assert!(users.asks_password());
        assert_eq!(users.authenticate(b"default", b"secret"), Some(UserId::DEFAULT));
        assert_eq!(users.authenticate(b"default", b"guess"), None);
        users.set_default_password(b"");
        assert!(!users.asks_password());
    }
}
