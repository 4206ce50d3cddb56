"""A client of phase 1 (`echo PORT`) or 2 (`framed PORT`): standard input to the server, replies to standard output."""

import os
import socket
import struct
import sys
import threading

LONGEST = 32 << 20


def echo(server):
    sent = 0
    failed = []

    def send():
        nonlocal sent
        try:
            while data := os.read(0, 65536):
                server.sendall(data)
                sent += len(data)
            server.shutdown(socket.SHUT_WR)
        except OSError as error:
            failed.append(error)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    received = 0
    while data := server.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        received += len(data)
    sender.join(1)
    if failed:
        raise failed[0]
    if received != sent or sender.is_alive():
        raise OSError(f"the server closed after {received} bytes")


def exactly(server, count):
    parts = []
    while count:
        part = server.recv(min(count, 65536))
        if not part:
            raise OSError(f"the server closed, and {count} bytes are missing")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def framed(server):
    for line in sys.stdin.buffer:
        request = line.removesuffix(b"\n")
        server.sendall(struct.pack("<I", len(request)) + request)
        (length,) = struct.unpack("<I", exactly(server, 4))
        if length > LONGEST:
            raise OSError(f"a reply of {length} bytes is announced")
        sys.stdout.buffer.write(exactly(server, length) + b"\n")
        sys.stdout.buffer.flush()


try:
    with socket.create_connection(("127.0.0.1", int(sys.argv[2]))) as server:
        {"echo": echo, "framed": framed}[sys.argv[1]](server)
except OSError as error:
    sys.exit(f"client: {error}")
