//! What is changed: users come, change and go, one by one or by a file.
use std::path::Path;

use crate::access::file;
use crate::access::rules::{has_space, merge};
use crate::access::{User, Users};
use crate::command::ServerContext;
use crate::command::catalogue::{catalogue, rules};
use crate::config::Config;
use crate::config::rewrite::{USERS, replace};
use crate::error::{Error, c_string};
use crate::log;
use crate::state::State;
use crate::wire::args::Args;
use crate::wire::reply::Reply;

/// `ACL SETUSER name rule …`: all rules hold, or none.
pub fn setuser(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let name = args.get(2);
    if has_space(name) {
        return Err(Error::other("ERR Usernames can't contain spaces or null characters"));
    }
    let words: Vec<&[u8]> = args.from(3).collect();
    let quoted = |before: &[u8], word: &[u8], after: &[u8]| {
        Error::bytes([before, c_string(word, usize::MAX), after].concat())
    };
    let merged = merge(&words)
        .map_err(|at| quoted(b"ERR Unmatched parenthesis in acl selector starting at '", words[at], b"'."))?;
    let rules = rules(&context.state.config);
    let known = context.state.users.find(name).map(|id| context.state.users.get(id).clone());
    let mut user = known.unwrap_or_else(|| rules.new_user(name));
    for rule in &merged {
        rules.apply(&mut user, rule).map_err(|error| {
            let why = format!("': {}", error.text());
            quoted(b"ERR Error in ACL SETUSER modifier '", rule, why.as_bytes())
        })?;
    }
    let id = context.state.users.put(user);
    note_change(&mut context.state.config);
    context.state.user_changed(id, Some(context.conn), context.deliver.outbox);
    reply.ok();
    Ok(())
}

/// `ACL DELUSER name …`: those there are. Their connections are closed.
pub fn deluser(context: &mut ServerContext<'_>, args: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if args.from(2).any(|name| name == b"default") {
        return Err(Error::other("ERR The 'default' user cannot be removed"));
    }
    let mut count = 0;
    for name in args.from(2) {
        if let Some(id) = context.state.users.remove(name) {
            context.state.close_clients_of(id, context.conn, context.deliver.outbox);
            count += 1;
        }
    }
    if count > 0 {
        note_change(&mut context.state.config);
    }
    reply.integer(count);
    Ok(())
}

/// `CONFIG REWRITE` writes the users, unless a file of their own does.
fn note_change(config: &mut Config) {
    if config.aclfile.as_os_str().is_empty() {
        config.changed.insert(USERS);
    }
}

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL \
    SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store \
    users in the Redis configuration.";

/// `ACL LOAD`: all users as the file has them, or none changed. As in Redis, whoever is not the default user is closed, since
/// nothing says that a user of the same name is the same one.
pub fn load(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    if context.state.config.aclfile.as_os_str().is_empty() {
        return Err(Error::other(NO_FILE));
    }
    let users = read_file(&context.state.config).map_err(|errors| {
        log::warning(format_args!("ACL LOAD: {errors}"));
        Error::other(format!("ERR {errors}"))
    })?;
    let state = &mut *context.state;
    let gone: Vec<Vec<u8>> = state.users.all().map(|user| user.name.clone()).collect();
    for name in gone {
        if let Some(id) = state.users.remove(&name) {
            state.close_clients_of(id, context.conn, context.deliver.outbox);
        }
    }
    replace_all(&mut state.users, users);
    state.user_changed(crate::access::UserId::DEFAULT, None, context.deliver.outbox);
    reply.ok();
    Ok(())
}

/// `ACL SAVE`
pub fn save(context: &mut ServerContext<'_>, _: Args<'_>, reply: &mut Reply<'_>) -> Result<(), Error> {
    let file = &context.state.config.aclfile;
    if file.as_os_str().is_empty() {
        return Err(Error::other(NO_FILE));
    }
    replace(file, &file::write(&context.state.users, catalogue())).map_err(|error| {
        log::warning(format_args!("ACL SAVE to {}: {error}", file.display()));
        Error::other(
            "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
        )
    })?;
    reply.ok();
    Ok(())
}

/// The users of the ACL file.
fn read_file(config: &Config) -> Result<Vec<User>, String> {
    let (path, name): (&Path, _) = (&config.aclfile, config.aclfile.display().to_string());
    let text = std::fs::read(path).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" (os error").next().unwrap_or_default();
        format!("Error loading ACLs, opening file '{name}': {why}")
    })?;
    file::read(&text, &name, &rules(config)).map_err(|errors| {
        format!(
            "{errors}WARNING: ACL errors detected, no change to the previously active ACL rules was performed"
        )
    })
}

/// Puts these users in. A file that says nothing of the default user means the one that may do everything.
fn replace_all(users: &mut Users, new: Vec<User>) {
    users.put(User::unlimited());
    for user in new {
        users.put(user);
    }
}

/// At the start: the users of the configuration's `user` lines, or those of the ACL file.
///
/// # Errors
/// Says which rule of which user is wrong, or what is wrong with the file.
pub fn load_at_start(state: &mut State) -> anyhow::Result<()> {
    let config = &state.config;
    if !config.aclfile.as_os_str().is_empty() {
        anyhow::ensure!(
            config.users.is_empty(),
            "users stand both in the configuration and in aclfile {}: take one of the two",
            config.aclfile.display()
        );
        let users = read_file(config).map_err(|errors| anyhow::anyhow!("aclfile: {errors}"))?;
        replace_all(&mut state.users, users);
        return Ok(());
    }
    let rules = rules(config);
    for line in &config.users {
        let (name, words) = (line[0].as_slice(), line[1..].iter().map(Vec::as_slice).collect::<Vec<_>>());
        let shown = String::from_utf8_lossy(name);
        anyhow::ensure!(!has_space(name), "user {shown}: a name has no spaces");
        let merged =
            merge(&words).map_err(|_| anyhow::anyhow!("user {shown}: a parenthesis is not closed"))?;
        let mut user = rules.new_user(name);
        for rule in &merged {
            rules.apply(&mut user, rule).map_err(|error| {
                anyhow::anyhow!("user {shown}, rule '{}': {}", String::from_utf8_lossy(rule), error.text())
            })?;
        }
        if !user.enabled {
            log::notice(format_args!("user {shown} cannot log in: nothing says `on`"));
        }
        state.users.put(user);
    }
    Ok(())
}
