//! A file into the databases.
use std::io::Read;

use super::object::object;
use super::reader::Reader;
use super::{Fault, LAST_VERSION, opcode};
use crate::keyspace::{History, Keyspace, Millis, Rules};

/// The first version that has a checksum behind its end.
const WITH_CHECKSUM: u16 = 5;

/// What came of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Loaded {
    /// Keys that were stored.
    pub keys: u64,
    /// Keys whose deadline had passed.
    pub expired: u64,
    /// Keys of collections without elements.
    pub empty: u64,
    /// How many bytes it took: a log may stand behind it.
    pub size: u64,
}

/// What was said about the next key.
#[derive(Default)]
struct Next {
    deadline: Option<Millis>,
    history: Option<History>,
}

/// Stores what a file of `size` bytes holds, beside what is there. The keyspace has the time. Some of it is stored when a
/// fault is found behind it.
///
/// # Errors
/// What is wrong with the file, and where.
pub fn load<R: Read>(source: R, size: u64, keyspace: &mut Keyspace, checksum: bool) -> Result<Loaded, Fault> {
    let mut reader = Reader::new(source, size, checksum);
    let version = version(&mut reader)?;
    let rules = keyspace.db(0).rules().clone();
    let (mut loaded, mut db, mut next) = (Loaded::default(), 0, Next::default());
    loop {
        let at = reader.offset();
        let refuse = |what: &str| Err(Fault { at, what: what.into() });
        match reader.byte()? {
            opcode::EOF => break,
            opcode::SELECT_DB => {
                let index = reader.length()?;
                if index >= keyspace.databases() as u64 {
                    return refuse(&format!("database {index} of {} (databases)", keyspace.databases()));
                }
                db = index as usize;
            }
            opcode::RESIZE_DB => _ = (reader.length()?, reader.length()?),
            opcode::SLOT_INFO => _ = (reader.length()?, reader.length()?, reader.length()?),
            opcode::AUX => _ = (reader.string()?, reader.string()?),
            opcode::EXPIRE_MS => next.deadline = Some(Millis::from_le_bytes(reader.array()?)),
            opcode::EXPIRE => next.deadline = Some(Millis::from(i32::from_le_bytes(reader.array()?)) * 1000),
            opcode::IDLE => next.history = Some(History::Idle(reader.length()?)),
            opcode::FREQ => next.history = Some(History::Frequency(reader.byte()?)),
            opcode::MODULE_AUX => return refuse("what a module keeps, and this server has no modules"),
            opcode::FUNCTION | opcode::FUNCTION2 => return refuse("a function, and this server has none"),
            form => entry(&mut reader, form, (keyspace, db), &rules, std::mem::take(&mut next), &mut loaded)?,
        }
    }
    if version >= WITH_CHECKSUM {
        end(&mut reader, checksum)?;
    }
    loaded.size = reader.offset();
    Ok(loaded)
}

fn version<R: Read>(reader: &mut Reader<R>) -> Result<u16, Fault> {
    let magic = reader.array::<9>()?;
    if &magic == b"VALKEY080" {
        return Ok(LAST_VERSION);
    }
    let digits = magic.strip_prefix(b"REDIS").and_then(|digits| std::str::from_utf8(digits).ok());
    match digits.map(str::parse) {
        Some(Ok(version @ 1..=LAST_VERSION)) => Ok(version),
        Some(Ok(version)) => {
            Err(Fault { at: 5, what: format!("version {version} of the format is not known") })
        }
        _ => Err(Fault { at: 0, what: "this is no RDB file".into() }),
    }
}

fn entry<R: Read>(
    reader: &mut Reader<R>,
    form: u8,
    (keyspace, db): (&mut Keyspace, usize),
    rules: &Rules,
    next: Next,
    loaded: &mut Loaded,
) -> Result<(), Fault> {
    let at = reader.offset() - 1;
    if super::object::is_unknown(form) {
        return Err(Fault { at, what: super::object::unknown(form) });
    }
    let key = reader.string()?;
    let Some(object) = object(reader, form, rules)? else {
        loaded.empty += 1;
        return Ok(());
    };
    if next.deadline.is_some_and(|deadline| keyspace.is_past(deadline)) {
        loaded.expired += 1;
        return Ok(());
    }
    let key = keyspace.hasher.key(&key);
    if !keyspace.db_mut(db).load(key, object, next.deadline, next.history) {
        return Err(Fault { at, what: format!("key '{}' for the second time", key.bytes.escape_ascii()) });
    }
    loaded.keys += 1;
    Ok(())
}

/// The checksum behind the end; 0 says that there is none.
fn end<R: Read>(reader: &mut Reader<R>, checksum: bool) -> Result<(), Fault> {
    let (at, computed) = (reader.offset(), reader.crc());
    let said = u64::from_le_bytes(reader.array()?);
    if checksum && said != 0 && said != computed {
        let what = format!("the checksum is {said:016x}, but that of the bytes before is {computed:016x}");
        return Err(Fault { at, what });
    }
    Ok(())
}
