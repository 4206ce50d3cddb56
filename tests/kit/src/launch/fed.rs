//! Starting a client: it is told where a server is, fed, and read from.

use std::process::{ChildStdin, ChildStdout};

use super::start::fresh_mark;
use super::{Launch, MARK, Process, StartError, watchdog};

/// A running client. Dropping it kills its whole process group.
#[derive(Debug)]
pub struct Fed {
    /// The process; what it complains about is in its `stderr`.
    pub process: Process,
    /// Its standard input, until it is taken.
    pub input: Option<ChildStdin>,
    /// Its standard output, until it is taken: it must be read all the time.
    pub output: Option<ChildStdout>,
}

impl Launch {
    /// Starts the command as a client of the server at 127.0.0.1 and this port: `{host}` and `{port}` are filled in, and
    /// the variables HOST and PORT are set. Nothing is waited for.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start_client(&self, port: u16) -> Result<Fed, StartError> {
        const HOST: &str = "127.0.0.1";
        let fill = |arg: &String| arg.replace("{host}", HOST).replace("{port}", &port.to_string());
        let argv: Vec<String> = self.argv.iter().map(fill).collect();
        let (program, args) =
            argv.split_first().ok_or_else(|| StartError::Grader("the client's command is empty".into()))?;
        let mut command = self.command(program, args, port, None);
        command.env("HOST", HOST).env(MARK, fresh_mark());
        // With it a client need not flush, and fails wherever it is not set.
        command.env_remove("PYTHONUNBUFFERED");
        let (process, input, output) = Process::spawn_fed(&mut command, self.startup)
            .map_err(|error| StartError::Spawn { program: program.clone(), error })?;
        if let Some(deadline) = self.deadline {
            watchdog::watch(process.pid(), deadline);
        }
        Ok(Fed { process, input, output })
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.process.kill();
        watchdog::forget(self.process.pid());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::time::Duration;

    #[test]
    fn a_client_is_told_the_place_fed_and_read_from() {
        let script = "read line; echo \"$line {host} {port} $HOST $PORT\"; echo trouble >&2; exit 3";
        let launch = Launch::new(["sh", "-c", script].map(String::from).to_vec());
        let mut fed = launch.start_client(4711).unwrap();
        fed.input.take().unwrap().write_all(b"hello\n").unwrap();
        let mut said = String::new();
        fed.output.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "hello 127.0.0.1 4711 127.0.0.1 4711\n");
        let ended = fed.process.wait_end(Duration::from_secs(20)).unwrap();
        assert_eq!(ended.0.code(), Some(3));
        fed.process
            .stderr()
            .wait(Duration::from_secs(20), |text| text.contains("trouble").then_some(()))
            .unwrap();
    }
}
