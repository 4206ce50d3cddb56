//! `notify-keyspace-events`: which changes to keys are told to subscribers.
use crate::keyspace::Class;

/// Classes of events, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct EventClasses(u16);

/// A letter for each class, in the order in which Redis shows them; the last three stand behind `A`, too.
const LETTERS: &[u8] = b"g$lshzxetdnKEm";
/// `A`: the first ten.
const ALL: u16 = (1 << 10) - 1;
/// `n` is shown only where `A` is not.
const NEW: u16 = 1 << 10;
/// `m`, which `A` does not stand for.
const MISS: u16 = 1 << 13;

impl EventClasses {
    /// Reads letters; `None` if one of them is no class.
    pub fn parse(letters: &[u8]) -> Option<EventClasses> {
        letters.iter().try_fold(EventClasses::default(), |classes, letter| {
            let bits = match letter {
                b'A' => ALL,
                letter => 1 << LETTERS.iter().position(|known| known == letter)?,
            };
            Some(EventClasses(classes.0 | bits))
        })
    }

    /// Whether anything is told at all.
    pub fn any(self) -> bool {
        (self.by_key() || self.by_event()) && self.0 & (ALL | NEW | MISS) != 0
    }

    /// `K`: under the key's name.
    pub fn by_key(self) -> bool {
        self.has(b'K')
    }

    /// `E`: under the event's name.
    pub fn by_event(self) -> bool {
        self.has(b'E')
    }

    /// `m`: lookups that find nothing.
    pub fn misses(self) -> bool {
        self.has(b'm') && self.any()
    }

    /// Whether events of a class are told.
    pub fn wants(self, class: Class) -> bool {
        self.has(match class {
            Class::Generic => b'g',
            Class::String => b'$',
            Class::List => b'l',
            Class::Set => b's',
            Class::Hash => b'h',
            Class::ZSet => b'z',
            Class::Stream => b't',
            Class::Expired => b'x',
            Class::Evicted => b'e',
            Class::New => b'n',
            Class::Miss => b'm',
            Class::Database | Class::Readers => return false,
        })
    }

    fn has(self, letter: u8) -> bool {
        LETTERS.iter().position(|known| *known == letter).is_some_and(|bit| self.0 & 1 << bit != 0)
    }

    /// The letters, in Redis's order.
    pub fn letters(self) -> String {
        let all = self.0 & ALL == ALL;
        let shown = if all { self.0 & !ALL & !NEW } else { self.0 };
        let each = LETTERS.iter().enumerate().filter(|(bit, _)| shown & 1 << bit != 0);
        all.then_some('A').into_iter().chain(each.map(|(_, letter)| char::from(*letter))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_shown_as_redis_shows_them() {
        // What redis-server 7.0.15 answers to CONFIG GET.
        for (given, shown) in [
            ("", ""),
            ("KEA", "AKE"),
            ("Kg", "gK"),
            ("KE$lshzxe", "$lshzxeKE"),
            ("KEAm", "AKEm"),
            ("KExn", "xnKE"),
            ("KEAn", "AKE"),
            ("KEtd", "tdKE"),
            ("gA", "A"),
            ("mnAKE", "AKEm"),
            ("dtexzhsl$g", "A"),
            ("xx", "x"),
        ] {
            assert_eq!(
                EventClasses::parse(given.as_bytes()).map(EventClasses::letters).as_deref(),
                Some(shown),
                "{given}"
            );
        }
        for given in ["q", "K E", "KEa", "é"] {
            assert_eq!(EventClasses::parse(given.as_bytes()), None, "{given}");
        }
    }
}
