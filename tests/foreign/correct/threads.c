/* A thread for each client, a queue of five, and a maximum of exactly 32 MiB: `threads echo` and `threads framed`. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void stop(int signal) { (void)signal; _exit(0); }

static int listen_on_port(void) {
    signal(SIGTERM, stop);
    signal(SIGPIPE, SIG_IGN);
    int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT")))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 5) < 0) {
        perror("bind");
        exit(1);
    }
    return fd;
}

static int write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t wrote = write(fd, bytes, count);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return -1;
        bytes += wrote;
        count -= wrote;
    }
    return 0;
}

static int read_full(int fd, char *bytes, size_t count) {
    for (size_t have = 0; have < count;) {
        ssize_t got = read(fd, bytes + have, count - have);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        have += got;
    }
    return 0;
}

/* FIN first, then what still comes is read: a close with input unread would destroy the replies under way. */
static void close_gently(int client) {
    char junk[4096];
    struct timeval patience = {.tv_sec = 1};
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    shutdown(client, SHUT_WR);
    while (read(client, junk, sizeof junk) > 0) continue;
    close(client);
}

static void *echo(void *argument) {
    int client = (int)(intptr_t)argument;
    char buffer[4096];
    ssize_t count;
    while ((count = read(client, buffer, sizeof buffer)) > 0)
        if (write_all(client, buffer, count) < 0) break;
    close(client);
    return NULL;
}

static void *framed(void *argument) {
    int client = (int)(intptr_t)argument;
    unsigned char header[4];
    while (read_full(client, (char *)header, 4) == 0) {
        uint32_t length = header[0] | header[1] << 8 | header[2] << 16 | (uint32_t)header[3] << 24;
        if (length > 32u << 20) break;
        /* As large as what has come, not as what was announced. */
        char *frame = malloc(4);
        memcpy(frame, header, 4);
        size_t have = 4;
        while (frame != NULL && have < 4 + (size_t)length) {
            size_t step = 4 + (size_t)length - have < 65536 ? 4 + (size_t)length - have : 65536;
            frame = realloc(frame, have + step);
            if (frame == NULL || read_full(client, frame + have, step) < 0) break;
            have += step;
        }
        int whole = have == 4 + (size_t)length && write_all(client, frame, have) == 0;
        free(frame);
        if (!whole) break;
    }
    close_gently(client);
    return NULL;
}

int main(int count, char **arguments) {
    int fd = listen_on_port();
    void *(*serve)(void *) = count > 1 && strcmp(arguments[1], "framed") == 0 ? framed : echo;
    for (;;) {
        int client = accept(fd, NULL, NULL);
        pthread_t thread;
        if (client < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)client) == 0) pthread_detach(thread);
        else close(client);
    }
}
