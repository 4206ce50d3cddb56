//! Elements too long for a chunk, each in memory of its own, by number.
use crate::memory::pieces::shed;

/// Longer elements are not freed at once.
const SMALL: usize = 64 * 1024;

/// Long elements.
#[derive(Clone, Default, Debug)]
pub struct Far {
    elements: Vec<Vec<u8>>,
    /// Numbers that are not in use.
    vacant: Vec<u32>,
    bytes: usize,
    discarded: Vec<Vec<u8>>,
}

impl Far {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.elements.len() == self.vacant.len()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.bytes + self.elements.capacity() * size_of::<Vec<u8>>() + self.vacant.capacity() * 4
    }

    /// The element of this number.
    pub fn get(&self, index: u32) -> &[u8] {
        &self.elements[index as usize]
    }

    /// Stores an element. Its number.
    pub fn insert(&mut self, element: &[u8]) -> u32 {
        self.bytes += element.len();
        let element = element.to_vec();
        match self.vacant.pop() {
            Some(index) => {
                self.elements[index as usize] = element;
                index
            }
            None => {
                self.elements.push(element);
                (self.elements.len() - 1) as u32
            }
        }
    }

    /// Frees an element.
    pub fn remove(&mut self, index: u32) {
        let element = std::mem::take(&mut self.elements[index as usize]);
        self.bytes -= element.len();
        self.vacant.push(index);
        if element.len() > SMALL {
            self.discarded.push(element);
        }
        if self.is_empty() {
            (self.elements, self.vacant) = (Vec::new(), Vec::new());
        }
    }

    /// A long element that is not wanted any more, to be freed piece by piece.
    pub fn take_discarded(&mut self) -> Option<Vec<u8>> {
        self.discarded.pop()
    }

    /// Frees a piece; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        let Some(mut last) = self.elements.pop() else { return false };
        self.vacant = Vec::new();
        if shed(&mut last) {
            self.elements.push(last);
        }
        true
    }
}
