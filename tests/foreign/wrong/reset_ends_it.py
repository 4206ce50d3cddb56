"""A loop that forgets one thing: recv() raises when a client resets."""

import os
import selectors
import signal
import socket
import struct

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
listener.setblocking(False)
watched = selectors.DefaultSelector()
watched.register(listener, selectors.EVENT_READ)


class Connection:
    """What has come and what is owed."""

    def __init__(self, client):
        self.client, self.incoming, self.outgoing, self.ending = client, bytearray(), bytearray(), False

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
        data = self.client.recv(65536)
        if not data:
            self.ending = True
        self.incoming += data
        self.take_frames()

    def flush(self):
        while self.outgoing:
            try:
                with memoryview(self.outgoing)[: 1 << 18] as part:
                    sent = self.client.send(part)
            except BlockingIOError:
                break
            del self.outgoing[:sent]
        if self.ending and not self.outgoing:
            self.close()
        else:
            reading = 0 if self.ending or len(self.outgoing) > 1 << 18 else selectors.EVENT_READ
            writing = selectors.EVENT_WRITE if self.outgoing else 0
            watched.modify(self.client, reading | writing, self)

    def close(self):
        watched.unregister(self.client)
        self.client.close()


while True:
    for key, events in watched.select():
        if key.fileobj is listener:
            client, _ = listener.accept()
            client.setblocking(False)
            watched.register(client, selectors.EVENT_READ, Connection(client))
            continue
        if events & selectors.EVENT_READ:
            key.data.read()
        key.data.flush()
