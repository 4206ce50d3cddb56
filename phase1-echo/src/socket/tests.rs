use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};

use super::*;

fn pair(host: &str) -> (OwnedFd, OwnedFd) {
    let listener = listen(format!("{host}:0").parse().unwrap(), 8).unwrap();
    let address = local_addr(listener.as_fd()).unwrap();
    let client = connect(address).unwrap();
    let (server, peer) = accept(listener.as_fd()).unwrap();
    assert_eq!(peer, local_addr(client.as_fd()).unwrap());
    assert_eq!(local_addr(server.as_fd()).unwrap(), address, "both ends of the 4-tuple agree");
    (client, server)
}

#[test]
fn either_family_connects() {
    pair("127.0.0.1");
    // Some containers have no IPv6 loopback; then there is nothing to test.
    if std::net::TcpListener::bind("[::1]:0").is_ok() {
        pair("[::1]");
    }
}

#[test]
fn options_reach_the_kernel() {
    let (client, _server) = pair("127.0.0.1");
    set_nodelay(client.as_fd(), true).unwrap();
    assert!(sys::getsockopt(&client, sockopt::TcpNoDelay).unwrap());
    set_keepalive(client.as_fd(), Some(Duration::from_secs(300))).unwrap();
    assert!(sys::getsockopt(&client, sockopt::KeepAlive).unwrap());
    assert_eq!(sys::getsockopt(&client, sockopt::TcpKeepIdle).unwrap(), 300);
    assert_eq!(sys::getsockopt(&client, sockopt::TcpKeepInterval).unwrap(), 100);
    set_keepalive(client.as_fd(), None).unwrap();
    assert!(!sys::getsockopt(&client, sockopt::KeepAlive).unwrap());
    let flags = fcntl(&client, FcntlArg::F_GETFD).unwrap();
    assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
}

#[test]
fn nonblocking_accept_says_so() {
    let listener = listen("127.0.0.1:0".parse().unwrap(), 8).unwrap();
    set_nonblocking(listener.as_fd(), true).unwrap();
    assert_eq!(accept_nonblocking(listener.as_fd()).unwrap_err(), Errno::EAGAIN);
}

#[test]
fn a_timeout_ends_a_blocking_read() {
    let (client, _server) = pair("127.0.0.1");
    set_timeout(client.as_fd(), Some(Duration::from_millis(1))).unwrap();
    assert_eq!(nix::unistd::read(&client, &mut [0; 8]), Err(Errno::EAGAIN));
}

#[test]
fn finishing_delivers_the_last_reply() {
    let (client, server) = pair("127.0.0.1");
    nix::unistd::write(&client, &[7; 4096]).unwrap();
    nix::unistd::write(&server, b"last words").unwrap();
    let closing = std::thread::spawn(move || finish(server.as_fd(), Duration::from_secs(10)));
    let mut reply = [0; 32];
    assert_eq!(crate::io::read_full(client.as_fd(), &mut reply), Ok(10), "the reply, then the end");
    drop(client);
    closing.join().unwrap().unwrap();
}

#[test]
fn mistakes_are_explained() {
    let line = |errno| explain_listen("127.0.0.1:80".parse().unwrap(), errno);
    assert!(line(Errno::EADDRINUSE).contains("port 80 on 127.0.0.1 is in use"));
    assert!(line(Errno::EACCES).contains("privileged"));
    assert!(line(Errno::EADDRNOTAVAIL).contains("not an address of this machine"));
    assert!(line(Errno::ENOMEM).contains("cannot listen on 127.0.0.1:80"));
}
