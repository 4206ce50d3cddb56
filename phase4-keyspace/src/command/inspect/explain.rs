//! `keyspace-server --explain FILE`: bytes with their meaning beside them, as the tool `frame` prints a frame.
use std::fs;
use std::io;
use std::path::Path;

use phase2_framing::hexdump;

use crate::keyspace::Rules;
use crate::persist::aof::parse::{Parsed, parse};
use crate::persist::rdb::reader::Reader;
use crate::persist::rdb::{Fault, object, opcode};

/// What it is about to say, in lines.
struct Page<'a> {
    bytes: &'a [u8],
    text: String,
}

impl Page<'_> {
    fn field(&mut self, from: u64, to: u64, meaning: &str) {
        let bytes = &self.bytes[from as usize..to as usize];
        hexdump::field(bytes, from as usize, meaning, &mut self.text);
    }
}

/// A file in lines: a snapshot, requests, or the one and then the other; a manifest is text already.
///
/// # Errors
/// The file cannot be read. What makes no sense is said in the last line.
pub fn explain(path: &Path) -> io::Result<String> {
    let bytes = fs::read(path)?;
    let mut page = Page { bytes: &bytes, text: String::new() };
    let mut at = 0;
    let mut result = Ok(());
    if bytes.starts_with(b"REDIS") || bytes.starts_with(b"VALKEY") {
        let mut reader = Reader::new(&bytes[..], bytes.len() as u64, true);
        result = snapshot(&mut reader, &mut page);
        at = reader.offset();
    }
    if let Err(fault) = result.and_then(|()| requests(&mut page, at as usize)) {
        page.text.push_str(&format!("{fault}\n"));
    }
    Ok(page.text)
}

fn snapshot(reader: &mut Reader<&[u8]>, page: &mut Page<'_>) -> Result<(), Fault> {
    let rules = Rules::default();
    let magic = reader.array::<9>()?;
    page.field(0, 9, &format!("a snapshot: {}", magic.escape_ascii()));
    loop {
        let at = reader.offset();
        let meaning = match reader.byte()? {
            opcode::EOF => break page.field(at, at + 1, "the end"),
            opcode::SELECT_DB => format!("database {}", reader.length()?),
            opcode::RESIZE_DB => {
                format!("{} keys, {} of them with a deadline", reader.length()?, reader.length()?)
            }
            opcode::SLOT_INFO => format!(
                "slot {}: {} keys, {} deadlines",
                reader.length()?,
                reader.length()?,
                reader.length()?
            ),
            opcode::AUX => format!("{} = {}", shown(&reader.string()?), shown(&reader.string()?)),
            opcode::EXPIRE_MS => format!("the next key dies at {} ms", i64::from_le_bytes(reader.array()?)),
            opcode::EXPIRE => format!("the next key dies at {} s", i32::from_le_bytes(reader.array()?)),
            opcode::IDLE => format!("the next key is idle since {} s", reader.length()?),
            opcode::FREQ => format!("the next key's use counter: {}", reader.byte()?),
            opcode::MODULE_AUX | opcode::FUNCTION | opcode::FUNCTION2 => {
                "a module's or a function's, unknown here".into()
            }
            form => {
                entry(reader, page, at, form, &rules)?;
                continue;
            }
        };
        page.field(at, reader.offset(), &meaning);
    }
    let at = reader.offset();
    let computed = reader.crc();
    let said = u64::from_le_bytes(reader.array()?);
    let verdict = if said == 0 {
        "none"
    } else if said == computed {
        "right"
    } else {
        "WRONG"
    };
    page.field(at, at + 8, &format!("checksum: {verdict}"));
    Ok(())
}

fn entry(
    reader: &mut Reader<&[u8]>,
    page: &mut Page<'_>,
    at: u64,
    form: u8,
    rules: &Rules,
) -> Result<(), Fault> {
    page.field(at, at + 1, &format!("type {form}"));
    let at = reader.offset();
    let key = reader.string()?;
    page.field(at, reader.offset(), &format!("key {}", shown(&key)));
    let at = reader.offset();
    let object = object::object(reader, form, rules)?;
    let meaning = match object.as_ref().map(|object| object.as_value()) {
        Some(value) => format!("its value, a {}", value.kind().name()),
        None => "an empty value".into(),
    };
    page.field(at, reader.offset(), &meaning);
    Ok(())
}

fn requests(page: &mut Page<'_>, mut at: usize) -> Result<(), Fault> {
    let mut spans = Vec::new();
    while at < page.bytes.len() {
        spans.clear();
        let parsed = parse(page.bytes, at, &mut spans);
        let parsed = parsed.map_err(|(at, what)| Fault { at: at as u64, what: what.into() })?;
        let end = match parsed {
            Parsed::Part => {
                page.field(at as u64, page.bytes.len() as u64, "the front of a request: the file ends here");
                return Ok(());
            }
            Parsed::Comment(end) => {
                let text = page.bytes[at..end].trim_ascii();
                page.field(at as u64, end as u64, &format!("comment {}", text.escape_ascii()));
                end
            }
            Parsed::Request(end) => {
                let words =
                    spans.iter().map(|span| shown(&page.bytes[span.start as usize..span.end as usize]));
                let words: Vec<String> = words.take(8).collect();
                page.field(at as u64, end as u64, &words.join(" "));
                end
            }
        };
        at = end;
    }
    Ok(())
}

/// Text that fits into a line.
fn shown(text: &[u8]) -> String {
    let short = &text[..text.len().min(40)];
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{}{dots}", short.escape_ascii())
}
