"""Sends a line and waits for its echo before it sends the next."""

import os
import socket
import sys

def receive(server, missing):
    while missing:
        data = server.recv(missing)
        if not data:
            raise OSError(f"the server closed, {missing} bytes are missing")
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        missing -= len(data)


try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
        for line in sys.stdin.buffer:
            server.sendall(line)
            receive(server, len(line))
except OSError as error:
    sys.exit(str(error))
