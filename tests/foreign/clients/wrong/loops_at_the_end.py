"""Reads on after the end of the stream, for ever."""

import os
import socket
import struct
import sys


def exactly(server, count):
    data = b""
    while len(data) < count:
        part = server.recv(min(count - len(data), 65536))
        data += part
    return data


try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
        for line in sys.stdin.buffer:
            request = line.removesuffix(b"\n")
            server.sendall(struct.pack("<I", len(request)) + request)
            (length,) = struct.unpack("<I", exactly(server, 4))
            if length > 32 << 20:
                sys.exit(f"a reply of {length} bytes is announced")
            sys.stdout.buffer.write(exactly(server, length) + b"\n")
            sys.stdout.buffer.flush()
except OSError as error:
    sys.exit(str(error))
