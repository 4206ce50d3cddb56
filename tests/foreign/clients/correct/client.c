/* A client of phase 1 (`echo PORT`) or 2 (`framed PORT`): standard input to the server, replies to standard output. One
 * thread: in phase 1 poll() tells which side has something. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LONGEST = 32 << 20 };

static void fail(const char *what) {
    fprintf(stderr, "client: %s\n", what);
    exit(1);
}

static void check(int ok, const char *call) {
    if (!ok) {
        fprintf(stderr, "client: %s: %s\n", call, strerror(errno));
        exit(1);
    }
}

static void write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n < 0 && errno == EINTR)
            continue;
        check(n >= 0, "write");
        bytes += n;
        count -= (size_t)n;
    }
}

/* Never blocks in a write while there is something to read. */
static void echo(int server) {
    static char out[1 << 16], in[1 << 16];
    size_t have = 0, done = 0, sent = 0, received = 0;
    int open = 1;
    for (;;) {
        struct pollfd fds[2] = {{server, POLLIN | (have > done ? POLLOUT : 0), 0}, {have == done && open ? 0 : -1, POLLIN, 0}};
        check(poll(fds, 2, -1) >= 0 || errno == EINTR, "poll");
        if (fds[1].revents) {
            ssize_t n = read(0, out, sizeof out);
            check(n >= 0, "read");
            have = (size_t)n, done = 0;
            if (n == 0) {
                open = 0;
                shutdown(server, SHUT_WR);
            }
        }
        if (fds[0].revents & POLLOUT) {
            ssize_t n = send(server, out + done, have - done, MSG_DONTWAIT);
            check(n >= 0 || errno == EAGAIN, "send");
            if (n > 0)
                done += (size_t)n, sent += (size_t)n;
        }
        if (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t n = read(server, in, sizeof in);
            check(n >= 0, "read");
            if (n == 0)
                break;
            write_all(1, in, (size_t)n);
            received += (size_t)n;
        }
    }
    if (open || received != sent)
        fail("the server closed before it had sent everything back");
}

static void read_all(int fd, char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = read(fd, bytes, count);
        if (n < 0 && errno == EINTR)
            continue;
        check(n >= 0, "read");
        if (n == 0)
            fail("the server closed inside a reply");
        bytes += n;
        count -= (size_t)n;
    }
}

static void framed(int server) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    while ((length = getline(&line, &room, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        unsigned char header[4] = {length, length >> 8, length >> 16, length >> 24};
        write_all(server, (char *)header, 4);
        write_all(server, line, (size_t)length);
        read_all(server, (char *)header, 4);
        uint32_t want = header[0] | header[1] << 8 | header[2] << 16 | (uint32_t)header[3] << 24;
        if (want > LONGEST)
            fail("a reply of more than 32 MiB is announced");
        char *reply = malloc(want + 1);
        check(reply != NULL, "malloc");
        read_all(server, reply, want);
        reply[want] = '\n';
        write_all(1, reply, want + 1);
        free(reply);
    }
    free(line);
}

int main(int argc, char **argv) {
    if (argc != 3)
        fail("usage: client echo|framed PORT");
    signal(SIGPIPE, SIG_IGN);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    check(server >= 0, "socket");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[2]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(connect(server, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    if (strcmp(argv[1], "echo") == 0)
        echo(server);
    else
        framed(server);
    return 0;
}
