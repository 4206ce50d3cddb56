"""Looks at the hang-up before the data: what arrives together with FIN is lost."""

import os
import select
import signal
import socket
import threading

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))


def serve(client):
    poll = select.poll()
    poll.register(client, select.POLLIN | select.POLLRDHUP)
    try:
        while True:
            [(_, events)] = poll.poll()
            if events & select.POLLRDHUP:
                break
            client.sendall(client.recv(65536))
    except OSError:
        pass
    client.close()


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
while True:
    client, _ = listener.accept()
    threading.Thread(target=serve, args=(client,), daemon=True).start()
