//! Who listens to which channel.
//!
//! Subscribing, leaving and finding a channel's listeners take the same time however many there are.
use std::collections::HashMap;
use std::rc::Rc;

use phase3_eventloop::slab::ConnId;

use super::clients::Clients;
use super::subscriptions::{Space, Subscriptions};

/// All subscriptions of all clients, by name.
#[derive(Default)]
pub struct PubSub {
    spaces: [HashMap<Rc<[u8]>, Subscribers>; 3],
}

/// The clients that listen to one channel, or by one pattern.
#[derive(Default)]
struct Subscribers {
    list: Vec<ConnId>,
    /// Where each stands in the list: one that leaves is replaced by the last.
    places: HashMap<ConnId, usize>,
}

impl Subscribers {
    fn add(&mut self, conn: ConnId) {
        self.places.insert(conn, self.list.len());
        self.list.push(conn);
    }

    fn remove(&mut self, conn: ConnId) {
        let Some(place) = self.places.remove(&conn) else { return };
        self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(*moved, place);
        }
    }
}

impl PubSub {
    /// Has a client listen; `false` if it did so already.
    pub fn subscribe(&mut self, clients: &mut Clients, conn: ConnId, space: Space, name: &[u8]) -> bool {
        let Some(client) = clients.get(conn) else { return false };
        let known = self.spaces[space as usize].get_key_value(name).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| name.into());
        let is_new = client.subscriptions.get_or_insert_default().names_mut(space).insert(name.clone());
        if is_new {
            self.spaces[space as usize].entry(name).or_default().add(conn);
        }
        is_new
    }

    /// Has a client listen no more; `false` if it did not.
    pub fn unsubscribe(&mut self, clients: &mut Clients, conn: ConnId, space: Space, name: &[u8]) -> bool {
        let Some(client) = clients.get(conn) else { return false };
        let Some(subscriptions) = &mut client.subscriptions else { return false };
        let listened = subscriptions.names_mut(space).remove(name);
        if subscriptions.is_empty() {
            client.subscriptions = None;
        }
        if listened {
            self.leave(conn, space, name);
        }
        listened
    }

    /// Forgets everything that a client, which may be gone, listened to.
    pub fn forget(&mut self, conn: ConnId, subscriptions: &Subscriptions) {
        for space in [Space::Channel, Space::Pattern, Space::Shard] {
            for name in subscriptions.names(space) {
                self.leave(conn, space, name);
            }
        }
    }

    fn leave(&mut self, conn: ConnId, space: Space, name: &[u8]) {
        let Some(subscribers) = self.spaces[space as usize].get_mut(name) else { return };
        subscribers.remove(conn);
        if subscribers.list.is_empty() {
            self.spaces[space as usize].remove(name);
        }
    }

    /// The clients that listen to a name.
    pub fn listeners(&self, space: Space, name: &[u8]) -> &[ConnId] {
        self.spaces[space as usize].get(name).map_or(&[], |subscribers| &subscribers.list)
    }

    /// All names that have listeners, with them.
    pub fn all(&self, space: Space) -> impl Iterator<Item = (&[u8], &[ConnId])> {
        self.spaces[space as usize].iter().map(|(name, subscribers)| (&name[..], &subscribers.list[..]))
    }

    /// How many names have listeners.
    pub fn count(&self, space: Space) -> usize {
        self.spaces[space as usize].len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_leaves_leaves_no_gap() {
        let mut subscribers = Subscribers::default();
        let conns: Vec<ConnId> = (0..5).map(|index| ConnId::new(index, 1)).collect();
        conns.iter().for_each(|conn| subscribers.add(*conn));
        for gone in [1, 4, 0, 3, 2] {
            subscribers.remove(conns[gone]);
            subscribers.remove(conns[gone]);
            assert!(!subscribers.list.contains(&conns[gone]));
            assert!(subscribers.places.iter().all(|(conn, place)| subscribers.list[*place] == *conn));
            assert_eq!(subscribers.places.len(), subscribers.list.len());
        }
    }
}
