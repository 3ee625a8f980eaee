// SPDX-License-Identifier: Apache-2.0
// Reads passwords without leaving copies behind: no stdio, whose buffers outlive the read. The
// caller owns what it gets and gives it back to secret_free.
#include "doctor/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <termios.h>
#include <unistd.h>

#include "base/check.h"

// Windows takes 127 characters; this is room for every encoding of them.
#define SECRET_BYTES_MAX 1024

// Up to the first line end or the end of the input. NULL with errno: unreadable, or (EINVAL) empty,
// too long or with a zero byte.
static char *read_line(int fd)
{
    // from now on a crash must not leave the secret in a file
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    char *line = calloc(1, SECRET_BYTES_MAX + 1);
    CHECK(line != NULL);
    size_t size = 0;
    ssize_t got;
    errno = 0;
    while (size < SECRET_BYTES_MAX && memchr(line, '\n', size) == NULL &&
           (got = read(fd, line + size, SECRET_BYTES_MAX - size)) != 0) {
        if (got > 0)
            size += (size_t)got;
        else if (errno != EINTR)
            return secret_free(line);
    }
    size_t length = strcspn(line, "\n");
    bool is_whole = size < SECRET_BYTES_MAX || line[length] == '\n';
    bool has_zero = length < size && line[length] == '\0';
    explicit_bzero(line + length, SECRET_BYTES_MAX - length);
    if (length > 0 && line[length - 1] == '\r')
        line[--length] = '\0';
    if (length > 0 && is_whole && !has_zero)
        return line;
    secret_free(line);
    errno = EINVAL;
    return NULL;
}

char *secret_read_file(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char *secret = fd >= 0 ? read_line(fd) : NULL;
    int problem = errno;
    if (fd >= 0)
        close(fd);
    if (secret == NULL)
        fprintf(stderr, "handfast doctor: cannot take a password from %s: %s\n", file,
                problem == EINVAL ? "its first line is empty, too long or no text"
                                  : strerror(problem));
    return secret;
}

// With the signals of the keyboard held back, or an interrupt would leave the terminal silent.
static char *read_unseen(int terminal)
{
    sigset_t keyboard, before;
    sigemptyset(&keyboard);
    sigaddset(&keyboard, SIGINT);
    sigaddset(&keyboard, SIGTERM);
    sigaddset(&keyboard, SIGTSTP);
    sigaddset(&keyboard, SIGHUP);
    sigaddset(&keyboard, SIGQUIT);
    struct termios seen;
    if (tcgetattr(terminal, &seen) != 0)
        return NULL;
    struct termios unseen = seen;
    unseen.c_lflag &= ~(tcflag_t)ECHO;
    sigprocmask(SIG_BLOCK, &keyboard, &before);
    char *secret = tcsetattr(terminal, TCSAFLUSH, &unseen) == 0 ? read_line(terminal) : NULL;
    int problem = errno;
    tcsetattr(terminal, TCSAFLUSH, &seen);
    dprintf(terminal, "\n");
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = problem;
    return secret;
}

char *secret_ask(const char *account)
{
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (terminal < 0) {
        fprintf(stderr,
                "handfast doctor: no password for %s: there is no terminal to ask on; "
                "use --password-file, --ccache or --keytab\n",
                account);
        return NULL;
    }
    dprintf(terminal, "Password of %s: ", account);
    char *secret = read_unseen(terminal);
    close(terminal);
    if (secret == NULL)
        fprintf(stderr, "handfast doctor: no password was given for %s\n", account);
    return secret;
}

char *secret_free(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, SECRET_BYTES_MAX + 1);
    free(secret);
    return NULL;
}
