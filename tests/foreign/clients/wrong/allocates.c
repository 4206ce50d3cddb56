/* Takes memory for whatever a reply announces. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int server;

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

static void read_all(char *bytes, size_t count) {
    while (count > 0) {
        ssize_t n = read(server, bytes, count);
        if (n < 0)
            fail("read");
        if (n == 0) {
            fprintf(stderr, "the server closed inside a reply\n");
            exit(1);
        }
        bytes += n;
        count -= (size_t)n;
    }
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    dial();
    while ((length = getline(&line, &room, stdin)) >= 0) {
        if (length > 0 && line[length - 1] == '\n')
            length--;
        unsigned header = (unsigned)length;
        write_all(server, (char *)&header, 4);
        write_all(server, line, (size_t)length);
        read_all((char *)&header, 4);
        char *reply = calloc((size_t)header + 1, 1);
        read_all(reply, header);
        reply[header] = '\n';
        write_all(1, reply, header + 1);
        free(reply);
    }
    return 0;
}
