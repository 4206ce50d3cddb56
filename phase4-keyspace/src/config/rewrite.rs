//! `CONFIG REWRITE`: what was changed while the server ran goes to the file it was started with. Comments, order and
//! everything else in the file stay.
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::table;
use super::{Config, file};

/// What stands for all users among the names of what has changed.
pub const USERS: &str = "user";

/// Writes the file anew: a reader sees the old one or the new one, whole. If it has been deleted, the new one says
/// whatever is not as it would be without a file. `users`: their lines, for the case that they have changed.
///
/// # Errors
/// Those of reading and writing; then the old file stands as it was, and nothing stands beside it. Only if the folder
/// itself cannot be synced has the new file taken its place, and a power cut may bring the old one back.
pub fn rewrite(config: &Config, users: &[Vec<u8>], path: &Path) -> io::Result<()> {
    let text = match fs::read(path) {
        Ok(old) => merged(config, users, &config.changed, &old),
        Err(error) if error.kind() == ErrorKind::NotFound => merged(config, users, &unusual(config), b""),
        Err(error) => return Err(error),
    };
    replace(path, &text)
}

/// Writes a file beside the old one, then puts it in its place.
///
/// # Errors
/// As [`rewrite`].
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let written = write_through(Path::new(&temporary), text).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // The bytes are on the disk; so must be the name that points to them.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

/// The owner may write, all may read, as far as the umask allows.
fn write_through(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

/// The parameters whose value is not the default.
fn unusual(config: &Config) -> BTreeSet<&'static str> {
    let defaults = Config::default();
    let differs = |parameter: &&table::Parameter| (parameter.get)(config) != (parameter.get)(&defaults);
    let named = table::all().filter(differs).map(|parameter| parameter.name);
    named.chain(config.changed.iter().copied()).collect()
}

/// The text with these parameters' lines replaced where they stand, or added at the end.
fn merged(config: &Config, users: &[Vec<u8>], changed: &BTreeSet<&'static str>, old: &[u8]) -> Vec<u8> {
    let mut to_write = changed.clone();
    let mut text = Vec::new();
    for line in old.split_inclusive(|byte| *byte == b'\n') {
        // As the reader takes it: the name may stand in quotes.
        let words = file::words(line.trim_ascii()).unwrap_or_default();
        let name = words.first().map(Vec::as_slice).unwrap_or_default();
        match changed.iter().find(|changed| changed.as_bytes().eq_ignore_ascii_case(name)) {
            // A parameter given twice is written once.
            Some(changed) if to_write.remove(changed) => write_lines(config, users, changed, &mut text),
            Some(_) => {}
            None => {
                text.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                text.push(b'\n');
            }
        }
    }
    for name in to_write {
        write_lines(config, users, name, &mut text);
    }
    text
}

/// A parameter as the reader of files will understand it. A value is one word, except a list of addresses, and the output
/// limits, which have a line for each class.
fn write_lines(config: &Config, users: &[Vec<u8>], name: &str, text: &mut Vec<u8>) {
    if name == USERS {
        for line in users {
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            write_line(&words, text);
        }
        return;
    }
    if name == "client-output-buffer-limit" {
        for class in table::output_classes(&config.output_limits) {
            text.extend_from_slice(format!("{name} {class}\n").as_bytes());
        }
        return;
    }
    let value = table::find(name).map(|parameter| (parameter.get)(config)).unwrap_or_default();
    let mut words = vec![name.as_bytes()];
    match name {
        "bind" => words.extend(value.split(|byte| *byte == b' ')),
        _ => words.push(&value),
    }
    write_line(&words, text);
}

fn write_line(words: &[&[u8]], text: &mut Vec<u8>) {
    for (at, word) in words.iter().enumerate() {
        if at > 0 {
            text.push(b' ');
        }
        write_word(word, text);
    }
    text.push(b'\n');
}

/// A word, in quotes if it could not stand without them: the inverse of [`file::words`], for any bytes.
fn write_word(word: &[u8], text: &mut Vec<u8>) {
    if !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\#".contains(byte)) {
        return text.extend_from_slice(word);
    }
    text.push(b'"');
    for &byte in word {
        match byte {
            b'"' | b'\\' => text.extend_from_slice(&[b'\\', byte]),
            b'\n' => text.extend_from_slice(b"\\n"),
            b'\r' => text.extend_from_slice(b"\\r"),
            b'\t' => text.extend_from_slice(b"\\t"),
            7 => text.extend_from_slice(b"\\a"),
            8 => text.extend_from_slice(b"\\b"),
            b' '..=b'~' => text.push(byte),
            _ => text.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    text.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_rewritten() {
        let mut config =
            Config { maxclients: 7, timeout: 30, requirepass: "two \"words\"".into(), ..Config::default() };
        let old = b"# caf\xe9\nport 7000\nMaxClients 5\n\nmaxclients 6 \nhz 10\n\"timeout\" 6\nopen \"\n";
        assert_eq!(merged(&config, &[], &config.changed, old), old);
        config.changed = BTreeSet::from(["maxclients", "timeout", "requirepass"]);
        let expected = b"# caf\xe9\nport 7000\nmaxclients 7\n\nhz 10\ntimeout 30\nopen \"\n\
            requirepass \"two \\\"words\\\"\"\n";
        assert_eq!(merged(&config, &[], &config.changed, old), expected);
        config.output_limits.normal.hard = 5;
        config.changed = BTreeSet::from(["client-output-buffer-limit", "bind"]);
        config.bind = vec!["127.0.0.1".into(), "-::1".into()];
        let expected = b"bind 127.0.0.1 -::1\nclient-output-buffer-limit normal 5 0 0\n\
            client-output-buffer-limit slave 268435456 67108864 60\n\
            client-output-buffer-limit pubsub 33554432 8388608 60\n";
        assert_eq!(merged(&config, &[], &config.changed, b""), expected);
    }

    #[test]
    fn every_byte_comes_back() {
        let every: Vec<u8> = (0..=255).collect();
        for word in
            [&every[..], b"", b"a\nport 1", b"\xff", b"it's", b"plain", b"# no comment", b"\\x41", b"a b"]
        {
            let mut line = b"name ".to_vec();
            write_word(word, &mut line);
            assert!(!line.contains(&b'\n'), "{}", line.escape_ascii());
            assert_eq!(
                file::words(&line),
                Some(vec![b"name".to_vec(), word.to_vec()]),
                "{}",
                line.escape_ascii()
            );
        }
    }

    #[test]
    fn a_deleted_file_comes_back_and_a_failure_leaves_nothing() {
        let dir = std::env::temp_dir().join(format!("keyspace-rewrite-{}", std::process::id()));
        fs::create_dir_all(dir.join("taken/inside")).expect("made");
        let path = dir.join("new.conf");
        let config = Config { hz: 20, changed: BTreeSet::from(["timeout"]), ..Config::default() };
        rewrite(&config, &[], &path).expect("written");
        assert_eq!(fs::read_to_string(&path).expect("there"), "hz 20\ntimeout 0\n");
        // No file can take the place of a directory.
        assert!(replace(&dir.join("taken"), b"text").is_err());
        let left: Vec<_> =
            fs::read_dir(&dir).expect("there").flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        fs::remove_dir_all(&dir).expect("removed");
    }
}
