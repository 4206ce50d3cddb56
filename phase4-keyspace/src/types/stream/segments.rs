//! Memory of the chunks that are full: laid one behind another into segments, in the order in which they fill.
//!
//! A log is written at its end and forgotten from its beginning, so the chunks of a segment go together, and the segment
//! with the last of them. Nothing is moved and no hole is filled: entries that are removed here and there give no memory
//! back before all of their segment are gone. A segment has 64 KiB, pages of its own, so that giving it back is one short
//! call to the kernel; a stream that is still short has shorter ones.
use crate::memory::pieces::shed;

/// Bytes of a segment.
const SEGMENT: usize = 64 * 1024;
/// A longer chunk is a segment by itself.
const LONG: usize = SEGMENT / 4;
/// The shortest segment.
const SHORTEST: usize = 4096;

/// Where a chunk is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Place {
    segment: u32,
    at: u32,
    len: u32,
}

#[derive(Clone, Default, Debug)]
struct Segment {
    bytes: Vec<u8>,
    /// Chunks in it that are in use.
    chunks: u32,
}

/// All segments of a stream.
#[derive(Clone, Default, Debug)]
pub struct Segments {
    all: Vec<Segment>,
    /// Numbers that are not in use.
    vacant: Vec<u32>,
    /// The one that is being filled.
    newest: Option<u32>,
    bytes: usize,
    discarded: Vec<Vec<u8>>,
}

impl Segments {
    /// A chunk's bytes.
    #[inline]
    pub fn get(&self, place: Place) -> &[u8] {
        &self.all[place.segment as usize].bytes[place.at as usize..][..place.len as usize]
    }

    /// A chunk's bytes.
    pub fn get_mut(&mut self, place: Place) -> &mut [u8] {
        &mut self.all[place.segment as usize].bytes[place.at as usize..][..place.len as usize]
    }

    /// Takes the bytes of a chunk. What is returned beside the place is to be filled next: the same memory where that can
    /// be.
    pub fn add(&mut self, mut chunk: Vec<u8>) -> (Place, Vec<u8>) {
        let len = chunk.len();
        if len > LONG {
            chunk.shrink_to_fit();
            let segment = self.insert(chunk);
            return (Place { segment, at: 0, len: len as u32 }, Vec::new());
        }
        let room = |segment: &Segment| segment.bytes.capacity() - segment.bytes.len();
        let segment = match self.newest.filter(|newest| room(&self.all[*newest as usize]) >= len) {
            Some(newest) => newest,
            None => {
                let room = (self.bytes / 4).clamp(SHORTEST.max(len), SEGMENT);
                let fresh = self.insert(Vec::with_capacity(room));
                self.all[fresh as usize].chunks = 0;
                self.newest = Some(fresh);
                fresh
            }
        };
        let Segment { bytes, chunks } = &mut self.all[segment as usize];
        let at = bytes.len() as u32;
        bytes.extend_from_slice(&chunk);
        *chunks += 1;
        chunk.clear();
        (Place { segment, at, len: len as u32 }, chunk)
    }

    /// A segment with one chunk.
    fn insert(&mut self, bytes: Vec<u8>) -> u32 {
        self.bytes += bytes.capacity();
        let segment = Segment { bytes, chunks: 1 };
        match self.vacant.pop() {
            Some(number) => {
                self.all[number as usize] = segment;
                number
            }
            None => {
                self.all.push(segment);
                (self.all.len() - 1) as u32
            }
        }
    }

    /// Gives up a chunk, and its segment if that was the last.
    pub fn remove(&mut self, place: Place) {
        let segment = &mut self.all[place.segment as usize];
        segment.chunks -= 1;
        if segment.chunks > 0 {
            return;
        }
        let bytes = std::mem::take(&mut segment.bytes);
        self.bytes -= bytes.capacity();
        self.vacant.push(place.segment);
        if self.newest == Some(place.segment) {
            self.newest = None;
        }
        if bytes.capacity() >= SEGMENT {
            self.discarded.push(bytes);
        }
        if self.vacant.len() == self.all.len() {
            (self.all, self.vacant) = (Vec::new(), Vec::new());
        }
    }

    /// A segment that is not wanted any more.
    pub fn take_discarded(&mut self) -> Option<Vec<u8>> {
        self.discarded.pop()
    }

    /// Bytes of memory in use.
    pub fn bytes(&self) -> usize {
        self.bytes + self.all.capacity() * size_of::<Segment>() + self.vacant.capacity() * size_of::<u32>()
    }

    /// Frees a piece of what is no longer wanted; whether anything is left.
    pub fn free_some(&mut self) -> bool {
        let Some(mut last) = self.all.pop() else { return false };
        if shed(&mut last.bytes) {
            self.all.push(last);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn chunks_keep_their_bytes_and_segments_go_with_their_last() {
        let (mut random, mut segments) = (Random(7), Segments::default());
        let mut live: Vec<(Place, Vec<u8>)> = Vec::new();
        for n in 0..4000_usize {
            let len =
                if random.below(50) == 0 { LONG + random.below(100_000) } else { 1 + random.below(5000) };
            let chunk = vec![n as u8; len];
            let (place, next) = segments.add(chunk.clone());
            assert!(next.is_empty());
            live.push((place, chunk));
            while live.len() > 200 {
                // Mostly from the front, as a log is trimmed.
                let at = if random.below(8) == 0 { random.below(live.len()) } else { 0 };
                segments.remove(live.remove(at).0);
            }
            while segments.take_discarded().is_some() {}
            assert!(live.iter().all(|(place, chunk)| segments.get(*place) == chunk));
        }
        assert!(segments.all.len() < 400, "{} segments", segments.all.len());
        live.drain(..).for_each(|(place, _)| segments.remove(place));
        assert_eq!((segments.bytes(), segments.all.len()), (0, 0));
    }

    #[test]
    fn a_short_stream_has_a_short_segment_and_freeing_is_bounded() {
        let mut segments = Segments::default();
        segments.add(vec![1; 3000]);
        assert!(segments.bytes() < 4400, "{} bytes", segments.bytes());
        segments.add(vec![1; 2 << 20]);
        (0..100).for_each(|_| _ = segments.add(vec![2; 4000]));
        let mut steps = 0;
        while segments.free_some() {
            steps += 1;
        }
        assert!(steps > 10, "{steps} steps");
    }
}
