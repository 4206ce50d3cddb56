"""Phases 1 to 3 in Python, standard library only: the control that shows the grader to judge any language.

    python3 server.py echo 7001        RFC 862 echo, one client after the other
    python3 server.py framed 7002      u32 little-endian length | payload, one client after the other
    python3 server.py eventloop 7003   the same frames, any number of clients, one thread

SIGTERM and SIGINT end it with status 0. Python itself retries calls that a signal interrupts (PEP 475) and ignores
SIGPIPE, so that a write to a client that has gone raises BrokenPipeError.
"""

import errno
import selectors
import signal
import socket
import sys
import time

MAX_FRAME = 32 << 20  # largest payload the contract allows
CHUNK = 64 << 10  # most bytes taken by one read
HIGH_MARK = 256 << 10  # owed output beyond which a client is not read any more


def listen_on(port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Without it, bind() refuses a port on which connections of an earlier run are in TIME_WAIT.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1024)
    print(f"listening on 127.0.0.1:{port}", flush=True)
    return listener


def send_all(client, data):
    """As socket.sendall, which would spin for ever if send() took nothing."""
    view = memoryview(data)
    while view:
        sent = client.send(view)
        if sent == 0:
            raise ConnectionError("send() took nothing")
        view = view[sent:]


def close_gently(client):
    """Sends FIN and reads on until the client's own: closing with input unread would send RST, which destroys replies
    under way. A client that keeps sending is given up after a while."""
    try:
        client.shutdown(socket.SHUT_WR)
        client.settimeout(1)
        for _ in range(1024):
            if not client.recv(CHUNK):
                break
    except OSError:
        pass
    client.close()


# ---- phase 1 -------------------------------------------------------------------------------------------------------


def echo(client):
    try:
        while data := client.recv(CHUNK):
            send_all(client, data)
    finally:
        client.close()


# ---- phase 2 -------------------------------------------------------------------------------------------------------


class TooLong(Exception):
    """A header claims more than MAX_FRAME."""


def decode(buffer, start):
    """The end of the whole frame that begins at `start`, or None when more bytes are needed."""
    have = len(buffer) - start
    if have < 4:
        return None
    length = int.from_bytes(buffer[start : start + 4], "little")
    if length > MAX_FRAME:
        raise TooLong
    if have < 4 + length:
        return None
    return start + 4 + length


def framed(client):
    buffer = bytearray()
    too_long = False
    try:
        while not too_long and (data := client.recv(CHUNK)):
            buffer += data
            done = 0
            try:
                while (end := decode(buffer, done)) is not None:
                    done = end
            except TooLong:
                too_long = True
            # A frame is echoed as it lies, so all whole frames of this read go out in one piece.
            send_all(client, buffer[:done])
            del buffer[:done]
        if buffer:
            print(f"ended {len(buffer)} bytes into a frame", file=sys.stderr)
    finally:
        close_gently(client)


# ---- phase 3 -------------------------------------------------------------------------------------------------------


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.incoming = bytearray()
        self.outgoing = bytearray()
        self.at_end = False  # the client's FIN has been read
        self.refused = False  # a length beyond the maximum: no more requests of this client
        self.draining = None  # after our own FIN: give up at this time

    def reads(self):
        if self.draining is not None:
            return True
        return not self.at_end and not self.refused and len(self.outgoing) < HIGH_MARK

    def interest(self):
        events = selectors.EVENT_READ if self.reads() else 0
        if self.outgoing:
            events |= selectors.EVENT_WRITE
        return events

    def fill(self):
        """One bounded read."""
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        if not data:
            self.at_end = True
        if self.draining is None:
            self.incoming += data

    def serve(self):
        """Whole frames become output, until that is enough for now. True if there was one."""
        done = 0
        try:
            while len(self.outgoing) + done < HIGH_MARK and not self.refused:
                end = decode(self.incoming, done)
                if end is None:
                    break
                done = end
        except TooLong:
            self.refused = True
        self.outgoing += self.incoming[:done]
        del self.incoming[:done]
        return done > 0

    def flush(self):
        """Writes what the socket takes."""
        while self.outgoing:
            try:
                sent = self.sock.send(self.outgoing)
            except BlockingIOError:
                return
            if sent == 0:
                raise ConnectionError("send() took nothing")
            del self.outgoing[:sent]

    def advance(self, readable):
        """True while the connection lives."""
        if readable and self.reads():
            self.fill()
        if self.draining is not None:
            return not self.at_end and time.monotonic() < self.draining
        # Output that drains makes room for requests that wait in the buffer: go round until neither helps.
        while self.serve():
            self.flush()
            if self.outgoing:
                break
        self.flush()
        if self.outgoing:
            return True
        if self.refused:
            self.sock.shutdown(socket.SHUT_WR)
            self.draining = time.monotonic() + 1
            return True
        return not self.at_end or decode(self.incoming, 0) is not None


class Loop:
    def __init__(self, listener):
        self.selector = selectors.DefaultSelector()
        self.listener = listener
        self.connections = {}
        self.pause_until = None
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ)

    def run(self):
        while True:
            draining = any(c.draining is not None for c in self.connections.values())
            timeout = 0.05 if self.pause_until is not None or draining else None
            accepting = False
            touched = set()
            for key, events in self.selector.select(timeout):
                if key.fileobj is self.listener:
                    accepting = True
                else:
                    touched.add(key.data)
                    self.step(key.data, bool(events & selectors.EVENT_READ))
            if draining:
                for connection in list(self.connections.values()):
                    if connection.draining is not None and connection not in touched:
                        self.step(connection, False)
            # Clients are accepted last: a descriptor closed above may come back with another client's meaning.
            if accepting:
                self.accept()
            if self.pause_until is not None and time.monotonic() > self.pause_until:
                self.pause_until = None
                self.selector.register(self.listener, selectors.EVENT_READ)

    def step(self, connection, readable):
        try:
            alive = connection.advance(readable)
        except OSError:
            alive = False
        if alive:
            self.watch(connection)
        else:
            self.drop(connection)

    def watch(self, connection):
        wanted = connection.interest()
        watched = connection.sock in self.selector.get_map()
        if watched and not wanted:
            self.selector.unregister(connection.sock)
        elif watched:
            if self.selector.get_key(connection.sock).events != wanted:
                self.selector.modify(connection.sock, wanted, connection)
        elif wanted:
            self.selector.register(connection.sock, wanted, connection)

    def drop(self, connection):
        del self.connections[connection.sock.fileno()]
        if connection.sock in self.selector.get_map():
            self.selector.unregister(connection.sock)
        connection.sock.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:
                continue
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                # Descriptors have run out: the listener rests a moment, or it would be ready again at once.
                self.selector.unregister(self.listener)
                self.pause_until = time.monotonic() + 0.05
                return
            client.setblocking(False)
            connection = Connection(client)
            self.connections[client.fileno()] = connection
            self.watch(connection)


# ---- all phases ----------------------------------------------------------------------------------------------------


def one_by_one(listener, talk):
    """Phases 1 and 2: accept, talk to the end, next."""
    while True:
        try:
            client, peer = listener.accept()
        except OSError as error:
            print(f"accept: {error}", file=sys.stderr)
            continue
        own = client.getsockname()
        print(f"{peer[0]}:{peer[1]} -> {own[0]}:{own[1]}", file=sys.stderr)
        try:
            talk(client)
        except OSError as error:
            print(f"{peer[0]}:{peer[1]}: {error}", file=sys.stderr)


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("echo", "framed", "eventloop") or not sys.argv[2].isdigit():
        sys.exit("usage: server.py echo|framed|eventloop PORT")
    # Raises SystemExit wherever the program is. Replies under way are not waited for: a confessed shortcut.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    listener = listen_on(int(sys.argv[2]))
    mode = sys.argv[1]
    if mode == "eventloop":
        Loop(listener).run()
    else:
        one_by_one(listener, echo if mode == "echo" else framed)


main()
