"""Catches no error, so that each ends in a stack trace."""

import os
import socket
import sys
import threading

sent = 0


def send(server):
    global sent
    while data := os.read(0, 65536):
        server.sendall(data)
        sent += len(data)
    server.shutdown(socket.SHUT_WR)


def receive(server):
    received = 0
    while data := server.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        received += len(data)
    return received


with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
    threading.Thread(target=send, args=(server,), daemon=True).start()
    received = receive(server)
    if received != sent:
        sys.exit(f"{sent} bytes were sent, {received} came back")
