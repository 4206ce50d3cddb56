"""One thread, any number of clients, a queue of five."""

import os
import selectors
import signal
import socket
import struct

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=5)
listener.setblocking(False)
watched = selectors.DefaultSelector()
watched.register(listener, selectors.EVENT_READ)
full = False


class Connection:
    """What has come and what is owed."""

    def __init__(self, client):
        self.client, self.incoming, self.outgoing = client, bytearray(), bytearray()
        # No more requests are served; FIN has been sent; the client's own has come.
        self.ending, self.draining, self.gone = False, False, False

    def take_frames(self):
        at = 0
        while len(self.incoming) - at >= 4:
            (length,) = struct.unpack_from("<I", self.incoming, at)
            if length > 32 << 20:
                self.ending = True
                break
            if len(self.incoming) - at < 4 + length:
                break
            self.outgoing += self.incoming[at : at + 4 + length]
            at += 4 + length
        del self.incoming[:at]

    def read(self):
        try:
            data = self.client.recv(65536)
        except BlockingIOError:
            return
        if self.draining:
            self.gone |= not data
            return
        self.incoming += data
        self.ending |= not data
        self.gone |= not data
        self.take_frames()

    def flush(self):
        while self.outgoing:
            try:
                with memoryview(self.outgoing)[: 1 << 18] as part:
                    sent = self.client.send(part)
            except BlockingIOError:
                break
            del self.outgoing[:sent]
        if self.ending and not self.outgoing and self.gone:
            self.close()
        elif self.ending and not self.outgoing:
            # Closing with input unread would send RST: FIN first, then what comes is read and dropped.
            if not self.draining:
                self.client.shutdown(socket.SHUT_WR)
            self.draining = True
            watched.modify(self.client, selectors.EVENT_READ, self)
        else:
            reading = 0 if self.ending or len(self.outgoing) > 1 << 18 else selectors.EVENT_READ
            writing = selectors.EVENT_WRITE if self.outgoing else 0
            watched.modify(self.client, reading | writing, self)

    def close(self):
        global full
        watched.unregister(self.client)
        self.client.close()
        if full:
            watched.register(listener, selectors.EVENT_READ)
            full = False


while True:
    for key, events in watched.select():
        if key.fileobj is listener:
            try:
                client, _ = listener.accept()
            except BlockingIOError:
                continue
            except OSError:
                # No descriptors: the listener rests until a connection ends.
                watched.unregister(listener)
                full = True
                continue
            client.setblocking(False)
            watched.register(client, selectors.EVENT_READ, Connection(client))
            continue
        connection = key.data
        try:
            if events & selectors.EVENT_READ:
                connection.read()
            connection.flush()
        except OSError:
            connection.close()
