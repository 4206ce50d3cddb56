//! What is to be written: the requests of a tick, as clients would send them.
//!
//! A unit that did one thing is one request; one that did several is wrapped in `MULTI` and `EXEC`, so that a reader takes
//! all of it or nothing. `SELECT` stands where the database changes, and on request `#TS:seconds` where the second does.
use crate::text::integer::Decimal;

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// Requests on their way to the file.
#[derive(Default, Debug)]
pub struct Log {
    buffer: Vec<u8>,
    /// The database of the last request; none is known where a file begins.
    selected: Option<usize>,
    /// Where the first request of the unit begins.
    unit: Option<usize>,
    /// How many requests the unit has.
    requests: usize,
    /// The second of the last `#TS`.
    stamped: u64,
}

impl Log {
    /// What is to be written.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Bytes of memory behind it.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// It has been written.
    pub fn clear(&mut self) {
        self.buffer.clear();
        // One huge tick leaves no huge buffer.
        self.buffer.shrink_to(1 << 20);
    }

    /// So many bytes of it have been written and cannot be taken back.
    pub fn drop_front(&mut self, count: usize) {
        self.buffer.drain(..count);
    }

    /// A new file begins: its reader knows nothing of what stood before.
    pub fn begin_file(&mut self) {
        (self.selected, self.stamped) = (None, 0);
    }

    /// Notes the time in front of the next unit, once a second.
    pub fn stamp(&mut self, seconds: u64) {
        if self.stamped != seconds && self.unit.is_none() {
            self.stamped = seconds;
            self.buffer.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes());
        }
    }

    /// Appends a request to the unit, to be run in a database.
    pub fn request<'a>(&mut self, db: usize, words: impl ExactSizeIterator<Item = &'a [u8]>) {
        self.unit.get_or_insert(self.buffer.len());
        self.requests += 1;
        if self.selected != Some(db) {
            self.selected = Some(db);
            let number = Decimal::unsigned(db as u64);
            append(&mut self.buffer, [b"SELECT", number.as_bytes()].into_iter());
        }
        append(&mut self.buffer, words);
    }

    /// Ends the unit. `whole`: its requests are of use only together.
    pub fn end_unit(&mut self, whole: bool) {
        if let (Some(begin), true) = (self.unit, whole && self.requests > 1) {
            self.buffer.splice(begin..begin, MULTI.iter().copied());
            self.buffer.extend_from_slice(EXEC);
        }
        (self.unit, self.requests) = (None, 0);
    }
}

/// A request in RESP.
pub fn append<'a>(out: &mut Vec<u8>, words: impl ExactSizeIterator<Item = &'a [u8]>) {
    header(out, b'*', words.len());
    for word in words {
        header(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

fn header(out: &mut Vec<u8>, mark: u8, number: usize) {
    if number < 10 {
        return out.extend_from_slice(&[mark, b'0' + number as u8, b'\r', b'\n']);
    }
    out.push(mark);
    out.extend_from_slice(Decimal::unsigned(number as u64).as_bytes());
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(log: &mut Log, db: usize, line: &str) {
        log.request(db, line.split(' ').map(str::as_bytes).collect::<Vec<_>>().into_iter());
    }

    fn taken(log: &mut Log) -> String {
        let text = String::from_utf8(log.bytes().to_vec()).unwrap();
        log.clear();
        text
    }

    #[test]
    fn a_unit_of_several_requests_is_a_transaction() {
        let mut log = Log::default();
        put(&mut log, 0, "DEL a");
        log.end_unit(true);
        assert_eq!(taken(&mut log), "*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*2\r\n$3\r\nDEL\r\n$1\r\na\r\n");
        put(&mut log, 0, "DEL a");
        put(&mut log, 11, "GETDEL 0123456789");
        log.end_unit(true);
        let inside = "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*2\r\n$6\r\nSELECT\r\n$2\r\n11\r\n*2\r\n$6\r\nGETDEL\r\n$10\r\n0123456789\r\n";
        assert_eq!(taken(&mut log), format!("*1\r\n$5\r\nMULTI\r\n{inside}*1\r\n$4\r\nEXEC\r\n"));
        put(&mut log, 11, "DEL a");
        put(&mut log, 11, "DEL b");
        log.end_unit(false);
        assert_eq!(taken(&mut log), "*2\r\n$3\r\nDEL\r\n$1\r\na\r\n*2\r\n$3\r\nDEL\r\n$1\r\nb\r\n");
        log.begin_file();
        put(&mut log, 11, "DEL a");
        log.end_unit(true);
        assert!(taken(&mut log).starts_with("*2\r\n$6\r\nSELECT"));
    }

    #[test]
    fn the_time_stands_once_a_second_and_never_inside_a_unit() {
        let mut log = Log::default();
        for second in [7, 7, 8] {
            log.stamp(second);
            put(&mut log, 0, "DEL a");
            log.stamp(9);
            put(&mut log, 0, "DEL b");
            log.end_unit(true);
        }
        let text = taken(&mut log);
        let stamps: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
        assert_eq!(stamps, ["#TS:7", "#TS:8"]);
        assert!(text.contains("#TS:8\r\n*1\r\n$5\r\nMULTI"), "{text}");
    }
}
