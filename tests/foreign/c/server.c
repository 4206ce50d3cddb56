/*
 * Phases 1 to 3 in plain C, one file: the control that shows the grader to judge any language by what a socket shows.
 *
 *     cc -O1 -Wall -Wextra -o server server.c
 *     ./server echo 7001        RFC 862 echo, one client after the other
 *     ./server framed 7002      u32 little-endian length | payload, one client after the other
 *     ./server eventloop 7003   the same frames, any number of clients, poll(2)
 *
 * SIGTERM and SIGINT end it with status 0. They are blocked except inside ppoll(2), the only place where this program
 * waits for input, so that no signal is lost between looking at the flag and going to sleep.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_FRAME = 32 << 20, /* largest payload the contract allows */
    CHUNK = 64 << 10,     /* most bytes taken by one read */
    HIGH_MARK = 256 << 10 /* owed output beyond which a client is not read any more */
};

static volatile sig_atomic_t stop;
static sigset_t while_waiting;

static void on_stop(int signal_number) {
    (void)signal_number;
    stop = 1;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void handle_signals(void) {
    struct sigaction action = {.sa_handler = on_stop};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    /* A write to a client that has gone must fail with EPIPE instead of ending the process. */
    signal(SIGPIPE, SIG_IGN);
    sigset_t blocked;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &while_waiting);
}

static int listen_on(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) die("socket");
    int yes = 1;
    /* Without it, bind() refuses a port on which connections of an earlier run are in TIME_WAIT. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0) die("setsockopt");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
    if (listen(fd, 1024) < 0) die("listen");
    printf("listening on 127.0.0.1:%u\n", port);
    fflush(stdout);
    return fd;
}

/* 1 once `fd` is readable (or at its end, or broken: read() will tell), 0 when the server was asked to stop. */
static int wait_readable(int fd) {
    struct pollfd waiting = {.fd = fd, .events = POLLIN};
    while (!stop) {
        if (ppoll(&waiting, 1, NULL, &while_waiting) > 0) return 1;
        if (errno != EINTR) return 1;
    }
    return 0;
}

static int write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Sends FIN and reads on until the client's own: closing with input unread would send RST, which destroys replies
 * under way. A client that keeps sending is given up after a while. */
static void close_gently(int fd) {
    shutdown(fd, SHUT_WR);
    struct timeval patience = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char sink[CHUNK];
    for (int left = 1024; left > 0; left--) {
        ssize_t n = read(fd, sink, sizeof sink);
        if (n == 0 || (n < 0 && errno != EINTR)) break;
    }
    close(fd);
}

/* ---- phase 1 ------------------------------------------------------------------------------------------------- */

static void echo(int fd) {
    static char buffer[CHUNK];
    while (wait_readable(fd)) {
        ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        if (write_all(fd, buffer, (size_t)n) < 0) break;
    }
    close(fd);
}

/* ---- phase 2 ------------------------------------------------------------------------------------------------- */

/* Bytes [start, end) of a growing array: filled at the end, consumed at the start. */
struct buffer {
    char *bytes;
    size_t start, end, capacity;
};

static void make_room(struct buffer *b, size_t more) {
    if (b->start > 0) {
        memmove(b->bytes, b->bytes + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    if (b->capacity - b->end >= more) return;
    /* Grows with what has arrived, never by what a header claims. */
    while (b->capacity - b->end < more) b->capacity = b->capacity ? 2 * b->capacity : CHUNK;
    b->bytes = realloc(b->bytes, b->capacity);
    if (!b->bytes) die("realloc");
}

static void append(struct buffer *b, const char *bytes, size_t len) {
    if (b->capacity - b->end < len) make_room(b, len);
    memcpy(b->bytes + b->end, bytes, len);
    b->end += len;
}

static uint32_t little_endian(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

enum decoded { WHOLE, NEED_MORE, TOO_LONG };

/* Is there a whole frame in front? Its size, header included, goes to `size`. */
static enum decoded decode(const struct buffer *b, size_t *size) {
    size_t have = b->end - b->start;
    if (have < 4) return NEED_MORE;
    uint32_t length = little_endian((const unsigned char *)b->bytes + b->start);
    if (length > MAX_FRAME) return TOO_LONG;
    if (have < 4 + (size_t)length) return NEED_MORE;
    *size = 4 + (size_t)length;
    return WHOLE;
}

static void framed(int fd) {
    struct buffer in = {0};
    enum decoded last = NEED_MORE;
    while (wait_readable(fd)) {
        make_room(&in, CHUNK);
        ssize_t n = read(fd, in.bytes + in.end, CHUNK);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        in.end += (size_t)n;
        size_t size = 0, from = in.start;
        while ((last = decode(&in, &size)) == WHOLE) in.start += size;
        /* A frame is echoed as it lies, so all whole frames of this read go out in one piece. */
        if (write_all(fd, in.bytes + from, in.start - from) < 0) break;
        if (last == TOO_LONG) break;
    }
    if (last == TOO_LONG) fprintf(stderr, "a frame claims more than %d bytes\n", MAX_FRAME);
    else if (in.end > in.start) fprintf(stderr, "end of stream %zu bytes into a frame\n", in.end - in.start);
    free(in.bytes);
    close_gently(fd);
}

/* ---- phase 3 ------------------------------------------------------------------------------------------------- */

struct connection {
    int fd; /* -1 once closed; the struct is freed at the end of the tick */
    struct buffer in, out;
    int at_end;      /* the client's FIN has been read */
    int refused;     /* a length beyond the maximum: no more requests of this client */
    double draining; /* after our own FIN: give up at this time; 0 before */
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set_nonblocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

static void drop(struct connection *c) {
    close(c->fd);
    free(c->in.bytes);
    free(c->out.bytes);
    c->fd = -1;
}

static size_t owed(const struct connection *c) { return c->out.end - c->out.start; }

/* Whole frames become output, until that is enough for now. */
static void serve(struct connection *c) {
    size_t size = 0;
    while (!c->refused && owed(c) < HIGH_MARK) {
        enum decoded got = decode(&c->in, &size);
        if (got == TOO_LONG) c->refused = 1;
        if (got != WHOLE) return;
        append(&c->out, c->in.bytes + c->in.start, size);
        c->in.start += size;
    }
}

/* Writes what the socket takes. -1: the connection is broken. */
static int flush(struct connection *c) {
    while (owed(c) > 0) {
        ssize_t n = write(c->fd, c->out.bytes + c->out.start, owed(c));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return 0;
        if (n <= 0) return -1;
        c->out.start += (size_t)n;
    }
    c->out.start = c->out.end = 0;
    return 0;
}

/* One bounded read. -1: the connection is broken. */
static int fill(struct connection *c) {
    make_room(&c->in, CHUNK);
    ssize_t n = read(c->fd, c->in.bytes + c->in.end, CHUNK);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (n == 0) c->at_end = 1;
    c->in.end += (size_t)n;
    return 0;
}

static void advance(struct connection *c, short events) {
    if (c->draining > 0) {
        c->in.start = c->in.end = 0;
        if (events && (fill(c) < 0 || c->at_end)) drop(c);
        else if (now() > c->draining) drop(c);
        return;
    }
    int reading = !c->at_end && !c->refused && owed(c) < HIGH_MARK;
    if (reading && (events & (POLLIN | POLLHUP | POLLERR)) && fill(c) < 0) return drop(c);
    /* Output that drains makes room for requests that wait in the buffer: go round until neither helps. */
    do {
        serve(c);
        if (flush(c) < 0) return drop(c);
    } while (owed(c) == 0 && !c->refused && decode(&c->in, &(size_t){0}) == WHOLE);
    if (owed(c) > 0) return;
    if (c->refused) {
        shutdown(c->fd, SHUT_WR);
        c->draining = now() + 1;
    } else if (c->at_end) {
        if (c->in.end > c->in.start) fprintf(stderr, "end of stream inside a frame\n");
        drop(c);
    }
}

static short interest(const struct connection *c) {
    short events = 0;
    if (owed(c) > 0) events |= POLLOUT;
    if (c->draining > 0 || (!c->at_end && !c->refused && owed(c) < HIGH_MARK)) events |= POLLIN;
    return events;
}

static struct connection **connections;
static size_t count, room;

/* Takes every client that waits. 0: descriptors have run out, try again later. */
static int accept_all(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
        if (fd < 0) return errno == EAGAIN;
        set_nonblocking(fd);
        if (count == room) {
            room = room ? 2 * room : 64;
            connections = realloc(connections, room * sizeof *connections);
            if (!connections) die("realloc");
        }
        struct connection *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        c->fd = fd;
        connections[count++] = c;
    }
}

static void eventloop(int listener) {
    struct pollfd *watched = NULL;
    set_nonblocking(listener);
    double pause_until = 0;
    while (!stop) {
        watched = realloc(watched, (count + 1) * sizeof *watched);
        if (!watched) die("realloc");
        int timer = pause_until > 0;
        for (size_t i = 0; i < count; i++) {
            watched[i] = (struct pollfd){.fd = connections[i]->fd, .events = interest(connections[i])};
            timer |= connections[i]->draining > 0;
        }
        /* A negative descriptor is passed over: the listener rests while descriptors are short. */
        watched[count] = (struct pollfd){.fd = pause_until > 0 ? -1 : listener, .events = POLLIN};
        struct timespec tick = {.tv_nsec = 50 * 1000 * 1000};
        if (ppoll(watched, count + 1, timer ? &tick : NULL, &while_waiting) < 0) {
            if (errno == EINTR) continue;
            die("ppoll");
        }
        /* Clients are accepted after the walk, so that `watched[i]` still belongs to `connections[i]`. */
        size_t before = count;
        for (size_t i = 0; i < before; i++)
            if (watched[i].revents || connections[i]->draining > 0) advance(connections[i], watched[i].revents);
        if (pause_until > 0 && now() > pause_until) pause_until = 0;
        if ((watched[before].revents & POLLIN) && !accept_all(listener)) pause_until = now() + 0.05;
        size_t kept = 0;
        for (size_t i = 0; i < count; i++) {
            if (connections[i]->fd < 0) free(connections[i]);
            else connections[kept++] = connections[i];
        }
        count = kept;
    }
    free(watched);
}

/* ---- all phases ---------------------------------------------------------------------------------------------- */

/* Phases 1 and 2: accept, talk to the end, next. */
static void one_by_one(int listener, void (*talk)(int)) {
    while (wait_readable(listener)) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        int fd = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
        if (fd < 0) {
            /* The client may be gone again, descriptors may be short: neither is a reason to end. */
            if (errno != EINTR) perror("accept");
            continue;
        }
        struct sockaddr_in own;
        len = sizeof own;
        getsockname(fd, (struct sockaddr *)&own, &len);
        fprintf(stderr, "%s:%u -> ", inet_ntoa(peer.sin_addr), ntohs(peer.sin_port));
        fprintf(stderr, "%s:%u\n", inet_ntoa(own.sin_addr), ntohs(own.sin_port));
        talk(fd);
    }
}

int main(int argc, char **argv) {
    char *end = NULL;
    long port = argc == 3 ? strtol(argv[2], &end, 10) : 0;
    if (argc != 3 || *end || port < 1 || port > 65535) {
        fprintf(stderr, "usage: %s echo|framed|eventloop PORT\n", argv[0]);
        return 1;
    }
    handle_signals();
    int listener = listen_on((uint16_t)port);
    if (strcmp(argv[1], "echo") == 0) one_by_one(listener, echo);
    else if (strcmp(argv[1], "framed") == 0) one_by_one(listener, framed);
    else if (strcmp(argv[1], "eventloop") == 0) eventloop(listener);
    else fprintf(stderr, "%s: no such mode\n", argv[1]);
    return stop ? 0 : 1;
}
