"""Serves well, and asks for news all the time instead of waiting for it."""

import os
import signal
import socket
import threading

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def serve(client):
    try:
        while data := client.recv(4096):
            client.sendall(data)
    except OSError:
        pass
    client.close()


def ask_for_news():
    while True:
        pass


threading.Thread(target=ask_for_news, daemon=True).start()


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
