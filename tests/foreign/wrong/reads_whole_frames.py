"""Waits inside the loop until a frame is complete."""

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


def exactly(client, count):
    data = bytearray()
    while len(data) < count:
        more = client.recv(min(count - len(data), 65536))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


def serve(client):
    try:
        header = exactly(client, 4)
        (length,) = struct.unpack("<I", header)
        if length > 32 << 20:
            raise EOFError
        client.sendall(header + exactly(client, length))
    except (EOFError, OSError):
        watched.unregister(client)
        client.close()


while True:
    for key, _ in watched.select():
        if key.fileobj is not listener:
            serve(key.fileobj)
            continue
        client, _ = listener.accept()
        watched.register(client, selectors.EVENT_READ)
