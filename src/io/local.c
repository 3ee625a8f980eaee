// SPDX-License-Identifier: Apache-2.0
// Binding a Unix socket to its file.
#include "io/local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/socket.h"

#define BACKLOG 64

static bool name(const char *path, struct sockaddr_un *ret_address)
{
    size_t size = strlen(path);
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (size >= sizeof ret_address->sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(ret_address->sun_path, path, size);
    return true;
}

int local_connect(const char *path)
{
    struct sockaddr_un address;
    if (!name(path, &address))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    return connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? fd : socket_give_up(fd);
}

// True when the path is free to be bound.
static bool make_way(const char *path)
{
    struct stat facts;
    if (lstat(path, &facts) != 0)
        return errno == ENOENT;
    if (!S_ISSOCK(facts.st_mode)) {
        errno = EEXIST;
        return false;
    }
    int fd = local_connect(path);
    if (fd >= 0) {
        close(fd);
        errno = EADDRINUSE;
        return false;
    }
    return errno == ECONNREFUSED && unlink(path) == 0;
}

int local_listen(const char *path, unsigned mode)
{
    struct sockaddr_un address;
    if (!name(path, &address) || !make_way(path))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    // The file gets the mode of the socket less the umask, so it is never more open than it shall
    // be.
    bool is_bound = fchmod(fd, mode) == 0 &&
                    bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                    chmod(path, mode) == 0 && listen(fd, BACKLOG) == 0;
    return is_bound ? fd : socket_give_up(fd);
}
