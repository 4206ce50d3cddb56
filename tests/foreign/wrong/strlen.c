/* Looks for the end of a message inside it. */
#include <arpa/inet.h>
#include <errno.h>
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
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) {
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

int main(void) {
    int fd = listen_on_port();
    for (;;) {
        int client = accept(fd, NULL, NULL);
        if (client < 0) continue;
        char buffer[4096];
        ssize_t count;
        while ((count = read(client, buffer, sizeof buffer - 1)) > 0) {
            buffer[count] = 0;
            if (write_all(client, buffer, strlen(buffer)) < 0) break;
        }
        close(client);
    }
}
