//! Why read and write do less than they are asked: the seven scenarios, each provoked on the real system call.
//!
//! | scenario | read | write |
//! |---|---|---|
//! | network buffering | yes | yes |
//! | interruption by a signal | yes | yes |
//! | nonblocking descriptor | yes | yes |
//! | I/O buffering: pipes, files, devices | yes | yes |
//! | end of file | yes | no |
//! | full output buffer | no | yes |
//! | TCP flow control | no | yes |
//!
//! A short count is no error. A caller that needs all of it asks again; that is what `read_full` and `write_all` are for.
#![allow(
    unsafe_code,
    reason = "sigaction and pthread_kill: a signal must hit one thread in the middle of one call"
)]

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::socket::{MsgFlags, recv, setsockopt, sockopt};
use nix::unistd::{pipe, read, write};

use support::{DEADLINE, eventually, queues};

/// Two ends of a TCP connection, with small buffers at the sender so that they fill soon.
fn tcp_pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    setsockopt(&listener, sockopt::RcvBuf, &4096).expect("SO_RCVBUF");
    let sender = TcpStream::connect(listener.local_addr().expect("bound")).expect("connect");
    setsockopt(&sender, sockopt::SndBuf, &16384).expect("SO_SNDBUF");
    (sender, listener.accept().expect("accept").0)
}

fn set_nonblocking(fd: impl AsFd) {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL).expect("F_GETFL"));
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).expect("F_SETFL");
}

/// Far more than any buffer here holds.
const MUCH: usize = 8 << 20;

#[test]
fn network_buffering() {
    let (mut sender, receiver) = tcp_pair();
    // Read: 10 bytes have come, 100 are asked for, and the kernel does not wait for 90 that may never follow.
    sender.write_all(&[1; 10]).unwrap();
    assert_eq!(read(&receiver, &mut [0; 100]), Ok(10));
    // Write: the socket buffer takes what it has room for, and when the time allowed has passed, that is the answer.
    sender.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    let taken = write(&sender, &vec![2; MUCH]).unwrap();
    assert!(0 < taken && taken < MUCH, "{taken} bytes");
}

/// Runs `call` in a thread of its own and sends that thread SIGUSR1, without SA_RESTART, until the call has returned.
fn interrupted(call: impl FnOnce() -> nix::Result<usize> + Send + 'static) -> nix::Result<usize> {
    extern "C" fn nothing(_: i32) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing at all.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("sigaction");
    let (result, done) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let worker = thread::spawn(move || {
        result.send(call()).expect("the test waits for it");
        // Stay until no more signals can be on their way.
        let _ = released.recv();
    });
    let id = std::os::unix::thread::JoinHandleExt::as_pthread_t(&worker);
    let outcome = eventually("the call is interrupted", || {
        // SAFETY: the thread lives until `release` is dropped, so its id is valid.
        unsafe { libc::pthread_kill(id, libc::SIGUSR1) };
        done.recv_timeout(Duration::from_millis(5)).ok()
    });
    drop(release);
    worker.join().expect("the worker does not panic");
    outcome
}

#[test]
fn interruption_by_a_signal() {
    let (mut sender, receiver) = tcp_pair();
    // Nothing transferred yet: EINTR, and asking again is right.
    let waiting = receiver.try_clone().unwrap();
    assert_eq!(interrupted(move || read(&waiting, &mut [0; 100])), Err(Errno::EINTR));
    // Something transferred: a short count. Read, told to wait for all 100 bytes, has 10 of them.
    sender.write_all(&[1; 10]).unwrap();
    let waiting = receiver.try_clone().unwrap();
    let got = interrupted(move || recv(waiting.as_raw_fd(), &mut [0; 100], MsgFlags::MSG_WAITALL));
    assert_eq!(got, Ok(10));
    // Write: part of it is in the buffers, the rest waits for a reader.
    let taken = interrupted(move || write(&sender, &vec![2; MUCH])).unwrap();
    assert!(0 < taken && taken < MUCH, "{taken} bytes");
    drop(receiver);
}

#[test]
fn nonblocking_io() {
    let (mut sender, receiver) = tcp_pair();
    set_nonblocking(&receiver);
    assert_eq!(
        read(&receiver, &mut [0; 100]),
        Err(Errno::EAGAIN),
        "nothing here yet, and not the end either"
    );
    sender.write_all(&[1; 10]).unwrap();
    let mut waited = [0; 100];
    let got = eventually("10 bytes arrive", || read(&receiver, &mut waited).ok());
    assert_eq!(got, 10);
    set_nonblocking(&sender);
    let taken = write(&sender, &vec![2; MUCH]).unwrap();
    assert!(0 < taken && taken < MUCH, "{taken} bytes");
}

/// A pipe of one page.
fn small_pipe() -> (OwnedFd, OwnedFd, usize) {
    let (out, into) = pipe().expect("pipe");
    let capacity = fcntl(&into, FcntlArg::F_SETPIPE_SZ(4096)).expect("F_SETPIPE_SZ") as usize;
    set_nonblocking(&into);
    (out, into, capacity)
}

#[test]
fn io_buffering_of_pipes() {
    let (out, into, capacity) = small_pipe();
    // Write: a pipe takes what it can hold.
    assert_eq!(write(&into, &vec![1; 3 * capacity]), Ok(capacity));
    // Read: it gives what it holds, however much is asked for.
    assert_eq!(read(&out, &mut vec![0; 3 * capacity]), Ok(capacity));
}

#[test]
fn end_of_file() {
    let path = std::env::temp_dir().join(format!("short-counts-{}", std::process::id()));
    std::fs::write(&path, [1; 10]).unwrap();
    let file = File::options().read(true).write(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(read(&file, &mut [0; 100]), Ok(10), "only 10 are left");
    assert_eq!(read(&file, &mut [0; 100]), Ok(0), "0 is the end, not an error");
    assert_eq!(write(&file, &[2; 100]), Ok(100), "a write past the end makes the file longer");
    // A stream ends when its peer says so.
    let (mut sender, receiver) = tcp_pair();
    sender.write_all(&[1; 10]).unwrap();
    drop(sender);
    let mut all = Vec::new();
    (&receiver).read_to_end(&mut all).unwrap();
    assert_eq!(all, [1; 10]);
    assert_eq!(read(&receiver, &mut [0; 100]), Ok(0), "and stays ended");
}

#[test]
fn full_output_buffer() {
    let (out, into, capacity) = small_pipe();
    assert_eq!(write(&into, &vec![1; capacity - 1000]), Ok(capacity - 1000));
    // Room for 1,000 more: that is what a larger write puts there. (One of up to PIPE_BUF bytes is all or nothing.)
    assert_eq!(write(&into, &vec![2; capacity + 1000]), Ok(1000));
    assert_eq!(write(&into, &vec![3; capacity + 1000]), Err(Errno::EAGAIN), "full is full");
    // A reader makes room again.
    assert_eq!(read(&out, &mut vec![0; capacity]), Ok(capacity));
    assert_eq!(write(&into, &vec![4; capacity + 1000]), Ok(capacity));
    // A device without room fails instead: there is nothing to wait for.
    let full = File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(write(&full, b"x"), Err(Errno::ENOSPC));
}

#[test]
fn tcp_flow_control() {
    let (mut sender, mut receiver) = tcp_pair();
    sender.set_nonblocking(true).unwrap();
    let (near, far) = (sender.local_addr().unwrap(), receiver.local_addr().unwrap());
    // The receiver does not read, so its window closes and the sender's buffer fills up behind it.
    let mut sent = 0;
    let mut steady = 0;
    let held_back = eventually("the window closes", || {
        match sender.write(&[1; 65536]) {
            Ok(n) => {
                sent += n;
                steady = 0;
            }
            Err(_) => steady += 1,
        }
        (steady == 20).then(|| queues(near, far).0)
    });
    assert!(held_back > 0, "bytes wait at the sender, who was told to slow down");
    assert_eq!(sender.write(&[1]).unwrap_err().raw_os_error(), Some(libc::EAGAIN));
    // Reading opens the window: all of it comes, and the sender may go on.
    receiver.set_read_timeout(Some(DEADLINE)).unwrap();
    receiver.read_exact(&mut vec![0; sent]).unwrap();
    eventually("the sender may go on", || sender.write(&[1]).ok());
}
