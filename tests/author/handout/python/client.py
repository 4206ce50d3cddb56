"""An empty client: it connects and leaves. The grader's first failure tells you what to do next."""
import socket
import sys


def main():
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} PORT")
    port = int(sys.argv[1])
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        server.connect(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"connect: {error}")
    # your client begins here
    server.close()


if __name__ == "__main__":
    main()
