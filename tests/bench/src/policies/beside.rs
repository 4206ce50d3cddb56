//! Servers beside each other: the same traces at the same `maxmemory`, and a flood of writes. What a server needs for a key
//! decides how many keys it keeps, so this is what a user sees of a policy.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};

use super::trace::{Numbers, Size, Trace};
use crate::compare::cores::Cores;
use crate::compare::process::{Server, Spec};
use crate::compare::skip::Wire;

/// Requests sent together.
const BATCH: usize = 64;

/// A server under a policy, with one connection.
pub struct Contender {
    server: Server,
    stream: BufReader<TcpStream>,
}

/// What a flood of writes did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Flood {
    /// The most by which `used_memory` was above `maxmemory`, as looked at often.
    pub above: i64,
    /// CPU seconds of the server for a million writes.
    pub cpu: f64,
    /// Keys that are left.
    pub keys: u64,
}

impl Contender {
    /// Starts one.
    ///
    /// # Errors
    /// It does not start, or refuses what it is configured with.
    pub fn start(spec: &Spec, cores: Cores, policy: &str, maxmemory: u64) -> Result<Self> {
        let memory = maxmemory.to_string();
        let spec = spec.with(&["--maxmemory", &memory, "--maxmemory-policy", policy, "--save", ""]);
        let server = Server::start(&spec, cores)?;
        let address = server.address(Wire::Resp).context("it speaks no RESP")?;
        let stream = BufReader::new(TcpStream::connect(address)?);
        stream.get_ref().set_nodelay(true)?;
        Ok(Contender { server, stream })
    }

    /// One reply: whether it is there (not nil), and its bytes if it is a string.
    fn reply(&mut self, text: &mut Vec<u8>) -> Result<bool> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.as_bytes().first() {
            Some(b'$') => {
                let length: i64 = line[1..].trim_end().parse()?;
                if length < 0 {
                    return Ok(false);
                }
                text.resize(length as usize + 2, 0);
                self.stream.read_exact(text)?;
                Ok(true)
            }
            Some(b'+' | b':') => Ok(true),
            _ => bail!("{} answers {line:?}", self.server.name),
        }
    }

    /// A number of `INFO`.
    fn info(&mut self, field: &str) -> Result<u64> {
        let mut text = Vec::new();
        self.stream.get_mut().write_all(b"INFO everything\r\n")?;
        self.reply(&mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let number = line.with_context(|| format!("no {field}"))?;
        Ok(number.trim().parse()?)
    }

    /// Asks for each object and stores what is not there: the share of requests that find nothing.
    ///
    /// # Errors
    /// The connection breaks, or a command is refused.
    pub fn misses(&mut self, trace: &Trace, size: Size, seed: u64, value: usize) -> Result<f64> {
        let (requests, value) = (trace.requests(size, seed), vec![b'v'; value]);
        let (mut misses, mut out, mut text) = (0, Vec::new(), Vec::new());
        for batch in requests.chunks(BATCH) {
            out.clear();
            for object in batch {
                kit::resp::request(&[b"GET", format!("object:{object:09}").as_bytes()], &mut out);
            }
            self.stream.get_mut().write_all(&out)?;
            let mut absent = Vec::new();
            for object in batch {
                if !self.reply(&mut text)? {
                    absent.push(object);
                }
            }
            misses += absent.len();
            out.clear();
            for object in &absent {
                kit::resp::request(&[b"SET", format!("object:{object:09}").as_bytes(), &value], &mut out);
            }
            self.stream.get_mut().write_all(&out)?;
            for _ in absent {
                self.reply(&mut text)?;
            }
        }
        Ok(misses as f64 / requests.len() as f64)
    }

    /// Writes so many different keys as fast as it takes them.
    ///
    /// # Errors
    /// The connection breaks, or a command is refused.
    pub fn flood(&mut self, keys: usize, maxmemory: u64) -> Result<Flood> {
        const TOGETHER: usize = 1000;
        let (mut out, mut text, mut above) = (Vec::new(), Vec::new(), i64::MIN);
        let mut numbers = Numbers(5);
        let before = self.cpu()?;
        for start in (0..keys).step_by(TOGETHER) {
            out.clear();
            for n in start..start + TOGETHER {
                let value = vec![b'v'; 3 + numbers.below(60)];
                kit::resp::request(&[b"SET", format!("key:{n:012}").as_bytes(), &value], &mut out);
            }
            self.stream.get_mut().write_all(&out)?;
            for _ in 0..TOGETHER {
                self.reply(&mut text)?;
            }
            if start % (100 * TOGETHER) == 0 {
                above = above.max(self.info("used_memory")? as i64 - maxmemory as i64);
            }
        }
        let cpu = (self.cpu()? - before) / keys as f64 * 1e6;
        self.stream.get_mut().write_all(b"DBSIZE\r\n")?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(Flood { above, cpu, keys: line.trim_start_matches(':').trim_end().parse()? })
    }

    fn cpu(&self) -> Result<f64> {
        let nanos = kit::procfs::cpu_nanos(self.server.pid() as i32).context("it is gone")?;
        Ok(nanos as f64 / 1e9)
    }

    /// Ends it.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(self) -> Result<()> {
        self.server.stop()
    }
}
