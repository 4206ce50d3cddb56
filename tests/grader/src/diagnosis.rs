//! Diagnoses that hold whatever a check was asking: how a server ended, a step that is not written yet, a command that is
//! not known. A check knows what its own stimulus does to a server; what is here needs no stimulus to be understood.

use std::borrow::Cow;

use crate::failure::{Death, Failure, Kind};
use crate::target::{Ended, Output};

/// A diagnosis and why it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct General {
    /// What stands on the check's line.
    pub name: &'static str,
    /// The lesson, in place of the check's own.
    pub why: &'static str,
}

/// The default action of SIGPIPE.
pub const SIGPIPE: General = General {
    name: "SIGPIPE kills the server",
    why: "Writing to a connection that the peer has closed raises SIGPIPE, whose default action ends the process. Ignore the \
          signal (signal(SIGPIPE, SIG_IGN)) or send with MSG_NOSIGNAL, and handle EPIPE as the end of that one connection.",
};

const FAULT: General = General {
    name: "a memory fault ends the server",
    why: "The kernel ended the server because it touched memory that isn't its own: an index beyond a buffer, a pointer to \
          something freed, a stack that grew too deep. `gcc -g -fsanitize=address` or valgrind names the line.",
};

const ABORT: General = General {
    name: "the server aborts itself",
    why: "abort(3) was called: by a failed assertion, by the allocator on finding its memory damaged, or by a runtime on an \
          error that nothing caught. The server's last lines usually say which.",
};

const SIGNAL: General = General {
    name: "a signal ends the server",
    why: "A signal that the server neither ignores nor handles ended it, and with it the service for every client.",
};

const PANIC: General = General {
    name: "a panic ends the server",
    why: "A panic is for mistakes in the program, not for what a client does. Return an error up to the place that owns the \
          connection, close that one connection, and go on with the others.",
};

const UNCAUGHT: General = General {
    name: "an error that nothing catches ends the server",
    why: "A client may reset its connection or send nonsense at any moment, and the call that meets it raises an error. Catch \
          it where the connection is served, and let it end that one connection.",
};

const EXIT: General = General {
    name: "the server ends itself",
    why: "A server's main loop ends when it is told to stop, and for no client's sake. Look for a way out of the loop: a \
          return, a break, an exit() after an error of one connection.",
};

const NO_START: General = General {
    name: "the server ends before it listens",
    why: "No client has done anything yet, so it is about what the server needs to start: its arguments, a port that is free, a \
          file. Its last lines usually say which. Start the same command by hand, with a port of your own.",
};

/// A stopped server that goes on finds its wait interrupted: `signal(7)`, the calls that are never restarted.
const INTERRUPTED: General = General {
    name: "EINTR from the readiness call is fatal",
    why: "poll() and epoll_wait() return -1 with EINTR when a signal arrives, and after SIGSTOP and SIGCONT too: \"ask \
          again\", not \"it failed\". Timers, debuggers, window changes and children send signals, so sooner or later every \
          server meets it.",
};

/// Of whatever kind the check is.
pub const SLOW: General = General {
    name: "the server was still at work when the check's time was up",
    why: "Nothing was wrong up to then, but it took longer than forty seconds. Work that grows with the square of what has \
          arrived is the usual reason: a buffer that is copied as a whole for each piece that is added or taken off.",
};

const CLIENT_SIGPIPE: General = General {
    name: "SIGPIPE kills the client",
    why: "Writing to a connection that the server has closed raises SIGPIPE, whose default action ends the process without a \
          word. Ignore the signal (signal(SIGPIPE, SIG_IGN)) or send with MSG_NOSIGNAL, and report EPIPE in one line.",
};

const CLIENT_CRASH: General = General {
    name: "the client crashes",
    why: "The kernel ended the client by a signal: an index beyond a buffer, a pointer to something freed, a failed assertion. \
          `gcc -g -fsanitize=address` or valgrind names the line.",
};

/// A body that the handout left open.
pub const UNWRITTEN_WHY: &str = "The step's body is still a todo!(), which ends the thread that reaches it. `cargo next` names the \
                             file and the line, and the phase's TASKS.md holds the task.";

const UNKNOWN_WHY: &str = "The server answered that it does not know this command, or did not answer it at all, so nothing \
                           can be said about what the command does.";

/// Every diagnosis here that has one name.
pub const ALL: [General; 12] = [
    INTERRUPTED,
    SIGPIPE,
    FAULT,
    ABORT,
    SIGNAL,
    PANIC,
    UNCAUGHT,
    EXIT,
    NO_START,
    SLOW,
    CLIENT_SIGPIPE,
    CLIENT_CRASH,
];

/// Whether a failure may bear this name in any check.
#[must_use]
pub fn is_general(name: &str) -> bool {
    ALL.iter().any(|general| general.name == name)
        || name.starts_with("step ") && name.ends_with(" is not written")
        || name.starts_with("the command ") && name.ends_with(" is not known")
}

/// The name for a command that the server does not know.
#[must_use]
pub fn unknown_command(command: &str) -> String {
    format!("the command {command} is not known")
}

/// Completes a failure by what needs no knowledge of the check: an unwritten step before all else, then the way in which
/// the server ended, unless the check has a better word for it.
pub fn complete(failure: &mut Failure, lines: &[String]) {
    if let Some(step) = unwritten_step(lines) {
        failure.bug = Some(format!("step {step} is not written").into());
        failure.why = Some(UNWRITTEN_WHY);
        return;
    }
    if failure.bug.as_deref().is_some_and(|bug| bug.starts_with("the command ")) {
        failure.why = Some(UNKNOWN_WHY);
    }
    if failure.kind == Kind::TimeUp {
        failure.bug = Some(SLOW.name.into());
        failure.why = Some(SLOW.why);
    }
    let Some(death) = &failure.death else { return };
    if failure.kind != Kind::ServerDied {
        return;
    }
    let general = of_death(death, lines);
    // A check that stops the server for a moment, or has it write to a client that has left, may guess at what it is about; how
    // the server ended says it better. Which interrupted call was fatal, a check that interrupts one knows best.
    let about_interrupts = failure.bug.as_deref().is_some_and(|bug| bug.starts_with("EINTR"));
    let better = general == SIGPIPE || general == INTERRUPTED && !about_interrupts;
    if failure.bug.is_none() || better {
        failure.bug = Some(Cow::Borrowed(general.name));
        failure.why = Some(general.why);
    }
}

/// The same for a server that ended before it listened: an error then is of another kind than one of a connection.
pub fn complete_start(failure: &mut Failure, lines: &[String]) {
    complete(failure, lines);
    if failure.bug.as_deref().is_some_and(|bug| bug == UNCAUGHT.name || bug == EXIT.name) {
        failure.bug = Some(NO_START.name.into());
        failure.why = Some(NO_START.why);
    }
}

/// The same for a client that a signal has ended, unless the check has a better word for it.
pub fn complete_client(failure: &mut Failure) {
    let general = if failure.is_by("SIGPIPE") { CLIENT_SIGPIPE } else { CLIENT_CRASH };
    failure.bug = Some(general.name.into());
    failure.why = Some(general.why);
}

/// The step named by a `todo!("step 1.3: …")` that was reached.
#[must_use]
pub fn unwritten_step(lines: &[String]) -> Option<String> {
    lines.iter().find_map(|line| {
        let (_, rest) = line.split_once("not yet implemented: step ")?;
        let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        Some(number.trim_end_matches('.').to_owned()).filter(|number| !number.is_empty())
    })
}

fn of_death(death: &Death, lines: &[String]) -> General {
    let says = |words: &[&str]| lines.iter().any(|line| words.iter().any(|word| line.contains(word)));
    match &death.how {
        how if how.contains("SIGPIPE") => SIGPIPE,
        how if how.contains("SIGSEGV") || how.contains("SIGBUS") => FAULT,
        _ if says(&["panicked at"]) => PANIC,
        how if how.contains("SIGABRT") => ABORT,
        how if how.contains("signal") => SIGNAL,
        _ if says(&["Interrupted system call", "EINTR"]) => INTERRUPTED,
        _ if says(&[
            "Traceback (most recent",
            "Uncaught",
            "throw er",
            "Unhandled",
            "panic: ",
            "Exception",
        ]) =>
        {
            UNCAUGHT
        }
        how if how.ends_with("status 0") => EXIT,
        _ if says(&["rror"]) => UNCAUGHT,
        _ => EXIT,
    }
}

/// How a server ended, with the line that tells why.
#[must_use]
pub fn death(ended: Ended, output: &Output) -> Death {
    death_in(ended, &output.tail(usize::MAX))
}

/// [`death`], of lines that are at hand.
#[must_use]
pub fn death_in(ended: Ended, lines: &[String]) -> Death {
    let words = last_words(lines).unwrap_or_default();
    // Ports, addresses and counts differ from death to death.
    let last_words = words.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    Death { how: ended.to_string(), last_words }
}

/// The line in which an error says what it is: of a panic the one behind the place, of a traceback the last.
fn last_words(lines: &[String]) -> Option<String> {
    if let Some(at) = lines.iter().position(|line| line.contains("panicked at")) {
        return Some(lines[at..lines.len().min(at + 2)].join(" "));
    }
    let error = |line: &&String| line.contains("Error") || line.contains("Exception");
    lines.iter().rev().find(error).or(lines.iter().rev().find(|line| !line.is_empty())).cloned()
}

/// The place in the source that the last lines name: of a panic, a traceback, a stack.
#[must_use]
pub fn place(lines: &[String]) -> Option<String> {
    let last = |find: &dyn Fn(&str) -> Option<String>| lines.iter().rev().find_map(|line| find(line));
    last(&|line| Some(line.split_once("panicked at ")?.1.trim_end_matches(':').to_owned()))
        .or_else(|| last(&|line| line.trim_start().strip_prefix("File \"").map(|_| line.trim().to_owned())))
        .or_else(|| last(&|line| line.trim_start().strip_prefix("at ").map(str::to_owned)))
}

/// What to show of the last lines: a whole panic or traceback, else the end.
#[must_use]
pub fn telling_lines(lines: &[String]) -> &[String] {
    const MOST: usize = 12;
    const USUAL: usize = 5;
    let begins = |line: &String| line.contains("panicked at") || line.contains("Traceback (most recent");
    match lines.iter().rposition(begins) {
        Some(at) if lines.len() - at <= MOST => &lines[at..],
        _ => &lines[lines.len().saturating_sub(USUAL)..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn dead(how: &str, text: &str) -> Failure {
        let mut failure = Failure::new(Kind::ServerDied, "it ended");
        failure.death = Some(Death { how: how.into(), last_words: String::new() });
        complete(&mut failure, &lines(text));
        failure
    }

    #[test]
    fn a_death_is_named_by_the_way_it_came() {
        for (how, text, name) in [
            ("was killed by signal 13 (SIGPIPE)", "", SIGPIPE.name),
            ("was killed by signal 11 (SIGSEGV)", "", FAULT.name),
            ("was killed by signal 6 (SIGABRT)", "free(): invalid pointer", ABORT.name),
            ("exited with status 101", "thread 'main' panicked at src/a.rs:3:5:\nboom", PANIC.name),
            (
                "exited with status 1",
                "Traceback (most recent call last):\nConnectionResetError: x",
                UNCAUGHT.name,
            ),
            ("exited with status 0", "listening", EXIT.name),
        ] {
            assert_eq!(dead(how, text).bug.as_deref(), Some(name), "{how}");
            assert!(is_general(name));
        }
    }

    #[test]
    fn an_unwritten_step_is_named_before_all_else() {
        let text = "thread 'main' panicked at src/a.rs:3:5:\nnot yet implemented: step 4.18: a bounded share of keys";
        let failure = dead("exited with status 101", text);
        assert_eq!(failure.bug.as_deref(), Some("step 4.18 is not written"));
        assert!(is_general("step 4.18 is not written") && !is_general("step by step"));
    }

    #[test]
    fn an_interrupted_wait_is_named_unless_the_check_interrupted_a_call_itself() {
        let lines = lines("cannot wait for events: EINTR: Interrupted system call");
        for (own, name) in [
            ("the collection is changed while it is walked", INTERRUPTED.name),
            ("EINTR from read is fatal", "EINTR from read is fatal"),
        ] {
            let mut failure = Failure::new(Kind::ServerDied, "it ended");
            failure.bug = Some(own.into());
            failure.death = Some(Death { how: "exited with status 1".into(), last_words: String::new() });
            complete(&mut failure, &lines);
            assert_eq!(failure.bug.as_deref(), Some(name));
        }
    }

    #[test]
    fn a_checks_own_word_for_a_death_stays_except_for_sigpipe() {
        let mut failure = Failure::new(Kind::ServerDied, "it ended");
        failure.bug = Some("the parser recurses".into());
        failure.death =
            Some(Death { how: "was killed by signal 6 (SIGABRT)".into(), last_words: String::new() });
        complete(&mut failure, &[]);
        assert_eq!(failure.bug.as_deref(), Some("the parser recurses"));
        failure.death =
            Some(Death { how: "was killed by signal 13 (SIGPIPE)".into(), last_words: String::new() });
        complete(&mut failure, &[]);
        assert_eq!(failure.bug.as_deref(), Some(SIGPIPE.name));
    }

    #[test]
    fn the_telling_lines_and_the_place_of_an_error_are_found() {
        let python = lines(
            "listening\nTraceback (most recent call last):\n  File \"s.py\", line 9, in <module>\nConnectionResetError: [Errno 104]",
        );
        assert_eq!(telling_lines(&python).len(), 3);
        assert_eq!(place(&python).as_deref(), Some("File \"s.py\", line 9, in <module>"));
        assert_eq!(last_words(&python).as_deref(), Some("ConnectionResetError: [Errno 104]"));
        let rust = lines("thread 'main' panicked at src/echo.rs:12:5:\nindex out of bounds");
        assert_eq!(place(&rust).as_deref(), Some("src/echo.rs:12:5"));
        assert_eq!(place(&lines("listening on 127.0.0.1:7001")), None);
    }
}
