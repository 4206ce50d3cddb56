"""Echoes whole lines: what has no newline yet is not answered."""

import os
import signal
import socket
import threading

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def serve(client):
    try:
        for line in client.makefile("rb"):
            client.sendall(line)
    except OSError:
        pass
    client.close()


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
