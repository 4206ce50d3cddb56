"""Takes bytes for text: a byte that is no UTF-8 ends the client's thread."""

import os
import signal
import socket
import threading

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def serve(client):
    while data := client.recv(1024):
        client.sendall(data.decode().encode())
    client.close()


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
