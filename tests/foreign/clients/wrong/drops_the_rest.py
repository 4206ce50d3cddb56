"""Reads what there is, takes one frame out of it, and forgets the rest."""

import os
import socket
import struct
import sys


def reply(server):
    data = b""
    while True:
        if len(data) >= 4:
            (length,) = struct.unpack("<I", data[:4])
            if length > 32 << 20:
                sys.exit(f"a reply of {length} bytes is announced")
            if len(data) >= 4 + length:
                return data[4 : 4 + length]
        part = server.recv(65536)
        if not part:
            raise OSError("the server closed inside a reply")
        data += part


try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
        for line in sys.stdin.buffer:
            request = line.removesuffix(b"\n")
            server.sendall(struct.pack("<I", len(request)) + request)
            sys.stdout.buffer.write(reply(server) + b"\n")
            sys.stdout.buffer.flush()
except OSError as error:
    sys.exit(str(error))
