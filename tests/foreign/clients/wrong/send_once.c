/* Sends without waiting, and forgets what was not taken. */
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int server;
static size_t sent, received;

static void fail(const char *call) {
    perror(call);
    exit(1);
}

static void write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = write(fd, bytes, count);
        if (n < 0)
            fail("write");
        bytes += n;
        count -= (size_t)n;
    }
}

static void dial(void) {
    signal(SIGPIPE, SIG_IGN);
    server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT")))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(server, (struct sockaddr *)&address, sizeof address) < 0)
        fail("connect");
}

static void *send_input(void *unused) {
    static char buf[1 << 16];
    ssize_t n;
    while ((n = read(0, buf, sizeof buf)) > 0) {
        send(server, buf, (size_t)n, MSG_DONTWAIT);
        sent += (size_t)n;
    }
    shutdown(server, SHUT_WR);
    return unused;
}

int main(void) {
    static char buf[1 << 16];
    pthread_t sender;
    ssize_t n;
    dial();
    pthread_create(&sender, NULL, send_input, NULL);
    while ((n = read(server, buf, sizeof buf)) > 0) {
        write_all(1, buf, (size_t)n);
        received += (size_t)n;
    }
    if (n < 0)
        fail("read");
    if (received != sent) {
        fprintf(stderr, "%zu bytes were sent, %zu came back\n", sent, received);
        return 1;
    }
    return 0;
}
