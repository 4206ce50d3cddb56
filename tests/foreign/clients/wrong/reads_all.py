"""Reads its whole input, sends it, and only then reads what comes back."""

import os
import socket
import sys

sent = 0


def send(server):
    global sent
    data = sys.stdin.buffer.read()
    server.sendall(data)
    sent = len(data)
    server.shutdown(socket.SHUT_WR)


def receive(server):
    received = 0
    while data := server.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        received += len(data)
    return received


try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
        send(server)
        received = receive(server)
        if received != sent:
            sys.exit(f"{sent} bytes were sent, {received} came back")
except OSError as error:
    sys.exit(str(error))
