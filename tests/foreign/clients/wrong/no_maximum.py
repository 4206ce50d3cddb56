"""Believes any length, and waits for it."""

import os
import socket
import struct
import sys


def exactly(server, count):
    data = b""
    while len(data) < count:
        part = server.recv(min(count - len(data), 65536))
        if not part:
            raise OSError("the server closed inside a reply")
        data += part
    return data


try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
        for line in sys.stdin.buffer:
            request = line.removesuffix(b"\n")
            server.sendall(struct.pack("<I", len(request)) + request)
            (length,) = struct.unpack("<I", exactly(server, 4))
            sys.stdout.buffer.write(exactly(server, length) + b"\n")
            sys.stdout.buffer.flush()
except OSError as error:
    sys.exit(str(error))
