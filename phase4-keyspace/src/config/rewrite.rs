//! `CONFIG REWRITE`: what was changed while the server ran goes to the file it was started with. Comments, order and
//! everything else in the file stay.
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::Config;
use super::table;

/// Writes the file beside the old one, then puts it in its place: whoever reads it sees the old or the new one, whole.
pub fn rewrite(config: &Config, path: &Path) -> io::Result<()> {
    let text = merged(config, &fs::read_to_string(path)?);
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    // On the disk before the name points to it; and then the name itself.
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// The text with the changed parameters' lines replaced where they stand, or added at the end.
fn merged(config: &Config, old: &str) -> String {
    let mut to_write: BTreeSet<&str> = config.changed.clone();
    let mut text = String::new();
    for line in old.lines() {
        let name = line.split_ascii_whitespace().next().unwrap_or_default();
        match config.changed.iter().find(|changed| changed.eq_ignore_ascii_case(name)) {
            // A parameter given twice is written once.
            Some(changed) if to_write.remove(changed) => text.push_str(&line_of(config, changed)),
            Some(_) => {}
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    for name in to_write {
        text.push_str(&line_of(config, name));
    }
    text
}

fn line_of(config: &Config, name: &str) -> String {
    let value = table::find(name).map(|parameter| (parameter.get)(config)).unwrap_or_default();
    let plain =
        !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'\\#".contains(&byte));
    // Several words are several arguments, except in a password.
    if plain || (name != "requirepass" && !value.is_empty() && !value.contains(['"', '\'', '\\'])) {
        return format!("{name} {value}\n");
    }
    format!("{name} \"{}\"\n", value.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_rewritten() {
        let mut config =
            Config { maxclients: 7, timeout: 30, requirepass: "two \"words\"".into(), ..Config::default() };
        let old = "# mine\nport 7000\nMaxClients 5\n\nmaxclients 6 \nhz 10\n";
        assert_eq!(merged(&config, old), old);
        config.changed = BTreeSet::from(["maxclients", "timeout", "requirepass"]);
        let expected =
            "# mine\nport 7000\nmaxclients 7\n\nhz 10\nrequirepass \"two \\\"words\\\"\"\ntimeout 30\n";
        assert_eq!(merged(&config, old), expected);
    }
}
