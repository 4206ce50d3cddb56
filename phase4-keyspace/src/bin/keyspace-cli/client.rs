//! A connection that is made when it is needed, and made again when it was lost.
use std::fmt;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};

use nix::errno::Errno;
use phase1_echo::socket;
use phase2_framing::{frame, payload};

use crate::options::Options;
use crate::resp;
use crate::value::{Kind, Value};

/// The longest frame the client sends or accepts.
const MAX_FRAME: u32 = u32::MAX;

/// Why there is no reply. Shown to the person as it is.
#[derive(Debug)]
pub enum Failure {
    /// No connection could be made.
    Unreachable(String),
    /// The server does not want us: wrong password, no such database.
    Refused(String),
    /// The connection broke while waiting for the reply. Whether the command was executed is not known.
    Lost(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreachable(text) | Failure::Refused(text) => f.write_str(text),
            Failure::Lost(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    f.write_str("Error: Server closed the connection")
                }
                io::ErrorKind::InvalidData => {
                    write!(f, "Error: the server sent {error}: is this the right port?")
                }
                _ => write!(f, "Error: {error}"),
            },
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Lost(error)
    }
}

/// A client of one server.
pub struct Client<'o> {
    options: &'o Options,
    /// Selected by -n or by SELECT, and selected anew after a reconnection.
    db: u32,
    stream: Option<BufReader<TcpStream>>,
}

impl<'o> Client<'o> {
    /// Not connected yet.
    pub fn new(options: &'o Options) -> Self {
        Client { options, db: options.db, stream: None }
    }

    /// `127.0.0.1:6379[2]> `
    pub fn prompt(&self) -> String {
        if self.stream.is_none() {
            return "not connected> ".into();
        }
        let Options { host, port, .. } = self.options;
        let db = if self.db == 0 { String::new() } else { format!("[{}]", self.db) };
        format!("{host}:{port}{db}> ")
    }

    /// Sends a command and waits for its reply, connecting first if need be.
    pub fn call(&mut self, words: &[&[u8]]) -> Result<Value, Failure> {
        self.connect()?;
        let reply = self.exchange(words)?;
        if let (Value::Status(_) | Value::String(_), [name, db]) = (&reply, words)
            && name.eq_ignore_ascii_case(b"select")
        {
            self.db = String::from_utf8_lossy(db).parse().unwrap_or(self.db);
        }
        Ok(reply)
    }

    /// Connects and introduces the client, unless that has been done.
    pub fn connect(&mut self) -> Result<(), Failure> {
        if self.stream.is_some() {
            return Ok(());
        }
        let Options { host, port, password, resp3, .. } = self.options;
        self.stream = Some(BufReader::new(open(host, *port)?));
        if let Some(password) = password {
            self.introduce("AUTH failed", &[b"AUTH", password.as_bytes()])?;
        }
        if *resp3 {
            self.introduce("HELLO 3 failed", &[b"HELLO", b"3"])?;
        }
        if self.db != 0 {
            let db = self.db.to_string();
            self.introduce(&format!("SELECT {db} failed"), &[b"SELECT", db.as_bytes()])?;
        }
        Ok(())
    }

    fn introduce(&mut self, problem: &str, words: &[&[u8]]) -> Result<(), Failure> {
        match self.exchange(words)? {
            Value::Error(text) => {
                self.stream = None;
                Err(Failure::Refused(format!("{problem}: {}", String::from_utf8_lossy(&text))))
            }
            _ => Ok(()),
        }
    }

    fn exchange(&mut self, words: &[&[u8]]) -> Result<Value, Failure> {
        let stream = self.stream.as_mut().expect("callers connect first");
        let reply = if self.options.framed { framed(stream, words) } else { plain(stream, words) };
        if reply.is_err() {
            self.stream = None;
        }
        Ok(reply?)
    }
}

fn open(host: &str, port: u16) -> Result<TcpStream, Failure> {
    let unreachable = |why: String| {
        Failure::Unreachable(format!("Could not connect to keyspace-server at {host}:{port}: {why}"))
    };
    let found: Vec<SocketAddr> =
        (host, port).to_socket_addrs().map_err(|error| unreachable(error.to_string()))?.collect();
    let mut errno = Errno::EADDRNOTAVAIL;
    for address in &found {
        match socket::connect(*address) {
            Ok(fd) => return Ok(TcpStream::from(fd)),
            Err(error) => errno = error,
        }
    }
    let advice = match errno {
        Errno::ECONNREFUSED => ". Is it running? `cargo run --release` starts it; --port names another port",
        _ => "",
    };
    Err(unreachable(format!("{}{advice}", errno.desc())))
}

fn plain(stream: &mut BufReader<TcpStream>, words: &[&[u8]]) -> io::Result<Value> {
    stream.get_mut().write_all(&resp::encode(words))?;
    resp::read(stream)
}

fn framed(stream: &mut BufReader<TcpStream>, words: &[&[u8]]) -> io::Result<Value> {
    let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidData, error);
    let mut request = Vec::new();
    frame::encode(&payload::encode_request(words.iter().copied()), MAX_FRAME, &mut request)
        .map_err(|error| invalid(error.to_string()))?;
    stream.get_mut().write_all(&request)?;
    let mut header = [0; 4];
    stream.read_exact(&mut header)?;
    let len = u32::from_le_bytes(header);
    // What arrives makes the buffer grow, not what the header announces.
    let mut reply = Vec::new();
    stream.take(len.into()).read_to_end(&mut reply)?;
    if reply.len() < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let (value, _) = payload::decode_reply(&reply).map_err(|error| invalid(format!("no reply ({error})")))?;
    Ok(from_framed(value))
}

fn from_framed(value: payload::Value) -> Value {
    match value {
        payload::Value::Nil => Value::Nil,
        payload::Value::Error(_, text) => Value::Error(text),
        payload::Value::String(text) => Value::String(text),
        payload::Value::Integer(n) => Value::Integer(n),
        payload::Value::Double(x) => Value::Double(x.to_string().into_bytes()),
        payload::Value::Array(values) => {
            Value::List(Kind::Array, values.into_iter().map(from_framed).collect())
        }
    }
}
