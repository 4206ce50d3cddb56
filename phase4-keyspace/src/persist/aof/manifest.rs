//! The manifest: which files make up the log, in which order. A line each:
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.4.incr.aof seq 4 type i
//! file appendonly.aof.1.base.rdb seq 1 type h
//! ```
//!
//! `b` is read first, then each `i` in the order of the lines; `h` is history: replaced, and not yet deleted.
use crate::persist::rdb::Fault;
use crate::text::integer;
use crate::wire::inline;

/// Longer lines are refused, as in Redis.
const LONGEST_LINE: usize = 1024;

/// A file of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// Its number among those of its kind.
    pub number: u64,
}

/// The files of a log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    /// What is read first.
    pub base: Option<Part>,
    /// What is read then, in this order.
    pub increments: Vec<Part>,
    /// What is to be deleted.
    pub history: Vec<Part>,
    /// The last number that a base had.
    last_base: u64,
    /// The same of increments.
    last_increment: u64,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &[u8]) -> Result<Manifest, Fault> {
        let mut manifest = Manifest::default();
        let mut at = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let fault = |what: String| Fault { at, what };
            if line.len() > LONGEST_LINE {
                return Err(fault(format!("a line of {} bytes", line.len())));
            }
            let line = line.strip_suffix(b"\n").ok_or_else(|| fault("the last line does not end".into()))?;
            if !line.starts_with(b"#") {
                manifest.line(line).map_err(fault)?;
            }
            at += line.len() as u64 + 1;
        }
        if manifest.files().next().is_none() {
            return Err(Fault { at, what: "it names no file".into() });
        }
        Ok(manifest)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let (mut text, mut spans) = (Vec::new(), Vec::new());
        inline::split(line, &mut text, &mut spans).map_err(|_| "unbalanced quotes")?;
        let words: Vec<&[u8]> = spans.iter().map(|it| &text[it.start as usize..it.end as usize]).collect();
        if words.is_empty() || !words.len().is_multiple_of(2) {
            return Err("a line is made of names and values".into());
        }
        let value = |name: &str| {
            let pair = words.chunks(2).find(|pair| pair[0].eq_ignore_ascii_case(name.as_bytes()));
            pair.map(|pair| pair[1]).ok_or_else(|| format!("{name} is missing"))
        };
        let name = String::from_utf8(value("file")?.to_vec()).map_err(|_| "the file's name is not UTF-8")?;
        if name.is_empty() || name.contains(['/', '\0']) || name == "." || name == ".." {
            return Err(format!("{name:?} names no file of the folder"));
        }
        let number = integer::parse(value("seq")?).and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number > 0).ok_or("seq is no number above 0")?;
        let part = Part { name, number };
        match value("type")? {
            b"b" if self.base.is_some() => return Err("a second base".into()),
            b"b" => {
                self.last_base = number;
                self.base = Some(part);
            }
            b"i" if number <= self.last_increment => return Err("an increment out of order".into()),
            b"i" => {
                self.last_increment = number;
                self.increments.push(part);
            }
            b"h" => self.history.push(part),
            other => return Err(format!("there is no type {}", other.escape_ascii())),
        }
        Ok(())
    }

    /// As it stands in the file.
    pub fn to_text(&self) -> String {
        let line =
            |part: &Part, kind| format!("file {} seq {} type {kind}\n", quoted(&part.name), part.number);
        let base = self.base.iter().map(|part| line(part, 'b'));
        let history = self.history.iter().map(|part| line(part, 'h'));
        base.chain(history).chain(self.increments.iter().map(|part| line(part, 'i'))).collect()
    }

    /// The files to read, in order.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = &Part> {
        self.base.iter().chain(&self.increments)
    }

    /// Adds an increment behind the others.
    pub fn add_increment(&mut self, stem: &str) -> Part {
        self.last_increment += 1;
        let number = self.last_increment;
        let part = Part { name: format!("{stem}.{number}.incr.aof"), number };
        self.increments.push(part.clone());
        part
    }

    /// Puts a new base in the place of all files but the last `keep` increments, which become history.
    pub fn replace_base(&mut self, stem: &str, snapshot: bool, keep: usize) -> Part {
        self.last_base += 1;
        let number = self.last_base;
        let suffix = if snapshot { "rdb" } else { "aof" };
        let part = Part { name: format!("{stem}.{number}.base.{suffix}"), number };
        let replaced = self.increments.len().saturating_sub(keep);
        self.history.extend(self.base.replace(part.clone()));
        self.history.extend(self.increments.drain(..replaced));
        part
    }

    /// A log of one file that older versions have written.
    pub fn of_single(name: &str) -> Manifest {
        let part = Part { name: name.into(), number: 1 };
        Manifest { base: Some(part), last_base: 1, ..Manifest::default() }
    }
}

/// A name as [`inline::split`] reads it back.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"'\\#".contains(&byte);
    if name.bytes().all(plain) {
        return name.into();
    }
    let mut text = String::from("\"");
    for byte in name.bytes() {
        match byte {
            b'"' | b'\\' => text.extend(['\\', byte.into()]),
            b' '..=b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        Manifest::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn files_are_named_and_numbered_as_by_redis() {
        let mut manifest = Manifest::default();
        manifest.replace_base("appendonly.aof", true, 0);
        manifest.add_increment("appendonly.aof");
        manifest.add_increment("appendonly.aof");
        manifest.replace_base("appendonly.aof", false, 1);
        let text = "file appendonly.aof.2.base.aof seq 2 type b\nfile appendonly.aof.1.base.rdb seq 1 type h\n\
                    file appendonly.aof.1.incr.aof seq 1 type h\nfile appendonly.aof.2.incr.aof seq 2 type i\n";
        assert_eq!(manifest.to_text(), text);
        assert_eq!(Manifest::parse(text.as_bytes()), Ok(manifest.clone()));
        assert_eq!(manifest.add_increment("x").name, "x.3.incr.aof");
        let names: Vec<&str> = manifest.files().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["appendonly.aof.2.base.aof", "appendonly.aof.2.incr.aof", "x.3.incr.aof"]);
    }

    #[test]
    fn any_name_is_read_back() {
        for name in ["a b", "ä#\"\\", "#"] {
            let manifest = Manifest::of_single(name);
            assert_eq!(Manifest::parse(manifest.to_text().as_bytes()), Ok(manifest));
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_offset() {
        let good = "# comment\nFILE a seq 1 TYPE b startoffset 5\n";
        assert_eq!(Manifest::parse(good.as_bytes()).unwrap().base.unwrap().name, "a");
        for (text, expected) in [
            ("", "at offset 0: it names no file"),
            ("#\n", "at offset 2: it names no file"),
            ("file a seq 1 type b", "at offset 0: the last line does not end"),
            ("file a seq 1 type b\nfile b seq 2 type b\n", "at offset 20: a second base"),
            ("file a seq 2 type i\nfile b seq 2 type i\n", "at offset 20: an increment out of order"),
            ("file a/b seq 1 type b\n", "at offset 0: \"a/b\" names no file of the folder"),
            ("file a seq 0 type b\n", "at offset 0: seq is no number above 0"),
            ("file a seq 1 type x\n", "at offset 0: there is no type x"),
            ("file a seq 1 type\n", "at offset 0: a line is made of names and values"),
            ("file \"a seq 1 type b\n", "at offset 0: unbalanced quotes"),
            ("seq 1 type b\n", "at offset 0: file is missing"),
            ("\n", "at offset 0: a line is made of names and values"),
        ] {
            assert_eq!(fault(text), expected, "{text:?}");
        }
        assert_eq!(fault(&"x".repeat(2000)), "at offset 0: a line of 2000 bytes");
    }

    #[test]
    fn no_damage_is_a_crash() {
        let text = b"file appendonly.aof.2.base.rdb seq 2 type b\nfile \"a\\x41\" seq 4 type i\n".to_vec();
        for at in 0..text.len() {
            let _ = Manifest::parse(&text[..at]);
            for bit in 0..8 {
                let mut damaged = text.clone();
                damaged[at] ^= 1 << bit;
                if let Ok(manifest) = Manifest::parse(&damaged) {
                    assert_eq!(
                        Manifest::parse(manifest.to_text().as_bytes()).unwrap().files().count(),
                        manifest.files().count()
                    );
                }
            }
        }
    }
}
