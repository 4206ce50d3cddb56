"""Ends the lines of its replies with \n alone."""

import os
import signal
import socket
import threading

signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
store = {}


def parse(data):
    """The arguments of the request at the front and its length, or nothing yet."""
    def line(at):
        end = data.find(b"\r\n", at)
        return (None, at) if end < 0 else (data[at:end], end + 2)

    head, at = line(0)
    if head is None:
        return None, 0
    arguments = []
    for _ in range(int(head[1:])):
        head, at = line(at)
        if head is None or len(data) < at + int(head[1:]) + 2:
            return None, 0
        arguments.append(data[at : at + int(head[1:])])
        at += int(head[1:]) + 2
    return arguments, at


def run(arguments):
    name, rest = arguments[0].upper(), arguments[1:]
    if name == b"PING" and not rest:
        return b"+PONG\n"
    if name == b"SET" and len(rest) == 2:
        store[rest[0]] = rest[1]
        return b"+OK\n"
    if name == b"GET" and len(rest) == 1:
        value = store.get(rest[0])
        return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)
    if name == b"DEL":
        return b":%d\r\n" % sum(store.pop(key, None) is not None for key in rest)
    return b"-ERR unknown command '%s'\r\n" % arguments[0]


def serve(client):
    data = b""
    try:
        while more := client.recv(65536):
            data += more
            while data:
                arguments, used = parse(data)
                if arguments is None:
                    break
                data = data[used:]
                client.sendall(run(arguments))
    except (OSError, ValueError):
        pass
    client.close()


listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=128)
while True:
    client, _ = listener.accept()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(client,), daemon=True).start()
