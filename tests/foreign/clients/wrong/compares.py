"""Compares what came back with what was sent, and prints it only if both are the same."""

import os
import socket
import sys
import threading

sent = bytearray()


def send(server):
    global sent
    try:
        while data := os.read(0, 65536):
            sent += data
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # The other thread will meet it too.


def receive(server):
    received = 0
    while data := server.recv(65536):
        if sent[received : received + len(data)] == data:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        received += len(data)
    return received


try:
    with socket.create_connection(("127.0.0.1", int(os.environ["PORT"]))) as server:
        threading.Thread(target=send, args=(server,), daemon=True).start()
        received = receive(server)
        if received != len(sent):
            sys.exit("something else came back")
except OSError as error:
    sys.exit(str(error))
