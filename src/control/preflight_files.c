// SPDX-License-Identifier: Apache-2.0
// Could the files be made that a start makes: the log and the admin socket? Looks only: nothing is
// opened, made or removed. Owns nothing beyond a call.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/preflight.h"
#include "io/io.h"

#define SOCKET_PATH_MAX (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)

struct named_file {
    struct findings *findings;
    struct place place;
    const char *option;
    const char *file;
    const char *expected;
};

static void refuse(const struct named_file *named, const char *file, const char *why)
{
    findings_add(named->findings, FINDING_ERROR, named->place, named->option, named->expected, NULL,
                 "%s %s", file, why);
}

static void refuse_error(const struct named_file *named, const char *file, int error)
{
    char why[160];
    if (error == EACCES || error == EPERM)
        snprintf(why, sizeof why, "may not be written by user %u", (unsigned)geteuid());
    else
        snprintf(why, sizeof why, "cannot be written: %s", strerror(error));
    refuse(named, file, why);
}

static bool may(const char *file, int mode)
{
    return faccessat(AT_FDCWD, file, mode, AT_EACCESS) == 0;
}

// Folders that the unit has systemd make at the start (RuntimeDirectory=, LogsDirectory=).
static bool is_made_at_start(const char *folder)
{
    static const char *const folders[] = {"/run/handfast", "/var/run/handfast",
                                          "/var/log/handfast"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (strcmp(folder, folders[i]) == 0)
            return true;
    return false;
}

static void check_folder(const struct named_file *named)
{
    const char *slash = strrchr(named->file, '/');
    char folder[4096] = ".";
    if (slash)
        snprintf(folder, sizeof folder, "%.*s",
                 slash == named->file ? 1 : (int)(slash - named->file), named->file);
    if (may(folder, W_OK | X_OK))
        return;
    if (errno != ENOENT)
        refuse_error(named, folder, errno);
    else if (is_made_at_start(folder))
        findings_add(named->findings, FINDING_NOTE, named->place, named->option, NULL,
                     "systemd makes it when it starts handfast.service",
                     "the folder %s is not there now", folder);
    else
        refuse(named, folder, "is not there");
}

static void check_log(const struct snapshot *snapshot, struct findings *findings)
{
    const struct named_file named = {findings, snapshot->log_place, "log", snapshot->log,
                                     "stdout, off, or a file in a folder that is there"};
    struct stat facts;
    if (strcmp(snapshot->log, "stdout") == 0 || strcmp(snapshot->log, "off") == 0)
        return;
    if (stat(named.file, &facts) != 0 && errno == ENOENT)
        check_folder(&named);
    else if (!may(named.file, W_OK))
        refuse_error(&named, named.file, errno);
    else if (S_ISDIR(facts.st_mode) || S_ISSOCK(facts.st_mode))
        refuse(&named, named.file, S_ISDIR(facts.st_mode) ? "is a folder" : "is a socket");
}

static bool is_served(const char *socket)
{
    int fd = local_connect(socket);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void check_admin(const struct snapshot *snapshot, struct findings *findings)
{
    const struct named_file named = {findings, snapshot->admin_place, "admin", snapshot->admin,
                                     "a path for a socket, in a folder that is there"};
    struct stat facts;
    if (!named.file)
        return;
    if (strlen(named.file) > SOCKET_PATH_MAX) {
        char why[64];
        snprintf(why, sizeof why, "is longer than a socket's path may be, %zu bytes",
                 SOCKET_PATH_MAX);
        refuse(&named, named.file, why);
    } else if (lstat(named.file, &facts) == 0 && !S_ISSOCK(facts.st_mode)) {
        refuse(&named, named.file, "is there already, and is no socket");
    } else if (!is_served(named.file)) {
        check_folder(&named);
    }
}

void preflight_files(const struct snapshot *snapshot, struct findings *findings)
{
    check_log(snapshot, findings);
    check_admin(snapshot, findings);
}
