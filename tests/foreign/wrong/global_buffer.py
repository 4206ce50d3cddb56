"""Collects the bytes of all clients in one buffer."""

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
incoming = bytearray()


def serve(client):
    try:
        data = client.recv(65536)
    except OSError:
        data = b""
    if not data:
        watched.unregister(client)
        client.close()
        return
    incoming.extend(data)
    while len(incoming) >= 4:
        (length,) = struct.unpack("<I", incoming[:4])
        if length > 32 << 20:
            incoming.clear()
            watched.unregister(client)
            client.close()
            return
        if len(incoming) < 4 + length:
            return
        frame = bytes(incoming[: 4 + length])
        del incoming[: 4 + length]
        try:
            client.sendall(frame)
        except OSError:
            return


while True:
    for key, _ in watched.select():
        if key.fileobj is not listener:
            serve(key.fileobj)
            continue
        client, _ = listener.accept()
        watched.register(client, selectors.EVENT_READ)
