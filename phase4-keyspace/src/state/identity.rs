//! Who a client is, and what becomes of it when that changes.
use phase3_eventloop::outbox::Outbox;
use phase3_eventloop::slab::ConnId;

use super::State;
use super::clients::Client;
use super::subscriptions::Space;
use crate::access::{User, UserId};

impl State {
    /// The client is this user from here on.
    pub fn log_in(&mut self, conn: ConnId, user: UserId) {
        let limited = !self.users.get(user).is_unlimited();
        if let Some(client) = self.clients.get(conn) {
            (client.user, client.limited, client.authenticated) = (user, limited, true);
        }
    }

    /// The client is whoever a new client is: the default user, logged in if no password is asked for.
    pub fn log_out(&mut self, conn: ConnId) {
        self.log_in(conn, UserId::DEFAULT);
        let authenticated = !self.users.asks_password();
        if let Some(client) = self.clients.get(conn) {
            client.authenticated = authenticated;
        }
    }

    /// What a user may do has changed: its clients learn of it, and those that listen to what they may not are closed. `me` is
    /// the client whose command did it.
    pub fn user_changed(&mut self, id: UserId, me: Option<ConnId>, outbox: &mut Outbox) {
        let user = self.users.get(id);
        let limited = !user.is_unlimited();
        for client in self.clients.iter_mut().filter(|client| client.user == id) {
            client.limited = limited;
            if listens_too_far(client, user) {
                close(client, me, outbox);
            }
        }
    }

    /// A user is gone: so are its clients.
    pub fn close_clients_of(&mut self, id: UserId, me: ConnId, outbox: &mut Outbox) {
        let limited = !self.users.default_user().is_unlimited();
        for client in self.clients.iter_mut().filter(|client| client.user == id) {
            (client.user, client.limited, client.authenticated) = (UserId::DEFAULT, limited, false);
            close(client, Some(me), outbox);
        }
    }
}

/// Closes a client; the one whose command runs still gets its reply.
fn close(client: &mut Client, me: Option<ConnId>, outbox: &mut Outbox) {
    if me == Some(client.conn) {
        client.closing = true;
    } else {
        client.killed = true;
        outbox.abandon(client.conn);
    }
}

/// Whether a client listens to a channel, or by a pattern, that its user may not listen to.
fn listens_too_far(client: &Client, user: &User) -> bool {
    let Some(subscriptions) = &client.subscriptions else { return false };
    [Space::Channel, Space::Pattern, Space::Shard].into_iter().any(|space| {
        let mut names = subscriptions.names(space).iter();
        names.any(|name| !user.reaches_channel(name, space == Space::Pattern))
    })
}
