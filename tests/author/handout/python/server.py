"""An empty server: it listens, accepts, and closes. The grader's first failure tells you what to do next."""
import socket
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PORT")
    port = int(sys.argv[1])
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", port))
    listener.listen(511)
    print(f"listening on 127.0.0.1:{port}", flush=True)
    while True:
        client, _peer = listener.accept()
        client.close()  # your server begins here


if __name__ == "__main__":
    main()
