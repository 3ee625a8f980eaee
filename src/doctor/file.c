// SPDX-License-Identifier: Apache-2.0
// See file.h. A reader sees the old file or the new one; after a crash too, so what is written is
// on the disk before it gets its name.
#include "doctor/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/parse.h"
#include "base/span.h"

// ---- what is written as it stands

// -1: it is no name of a descriptor. Opening such a name would begin at the front of the file
// again.
static int descriptor_named(const char *name)
{
    static const char *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
    uint64_t number = 0;

    if (strcmp(name, "/dev/stdin") == 0)
        return STDIN_FILENO;
    if (strcmp(name, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(name, "/dev/stderr") == 0)
        return STDERR_FILENO;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct span text = span_text(name);
        struct span folder = span_text(folders[i]);
        if (span_starts_with(text, folder) && span_to_u64(span_after(text, folder.size), &number) &&
            number <= INT32_MAX)
            return (int)number;
    }
    return -1;
}

// A descriptor of what is no regular file, or -1 with errno; ENOENT: a file is to be made, where
// there is one, or a link, or nothing.
static int open_standing(int directory, const char *name)
{
    struct stat status;
    int number = descriptor_named(name);

    if (number >= 0)
        return fcntl(number, F_DUPFD_CLOEXEC, 0);
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) {
        errno = ENOENT;
        return -1;
    }
    return openat(directory, name, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
}

// ---- writing

static bool print_all(FILE *out, bool is_file, void (*print)(const void *, FILE *),
                      const void *context)
{
    errno = 0;
    print(context, out);
    bool is_written = fflush(out) == 0 && !ferror(out);
    is_written = is_written && (!is_file || fsync(fileno(out)) == 0);
    int problem = errno ? errno : EIO;
    if (fclose(out) != 0 && is_written) {
        is_written = false;
        problem = errno;
    }
    errno = problem;
    return is_written;
}

static bool write_directly(int file, void (*print)(const void *, FILE *), const void *context)
{
    FILE *out = fdopen(file, "w");

    CHECK(out);
    return print_all(out, false, print, context);
}

// In the directory of `name`, because a file only moves in one step within its file system.
static char *name_beside(const char *name)
{
    const char *slash = strrchr(name, '/');
    uint64_t number = 0;
    char *beside = NULL;

    CHECK(getrandom(&number, sizeof number, 0) == (ssize_t)sizeof number);
    CHECK(asprintf(&beside, "%.*s.handfast-%016" PRIx64, slash ? (int)(slash + 1 - name) : 0, name,
                   number) > 0);
    return beside;
}

static bool write_beside(int directory, const char *name, const char *beside, mode_t mode,
                         void (*print)(const void *, FILE *), const void *context)
{
    int file =
        openat(directory, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

    if (file < 0)
        return false;
    FILE *out = fdopen(file, "w");
    CHECK(out);
    if (print_all(out, true, print, context) && renameat(directory, beside, directory, name) == 0)
        return true;
    int problem = errno;
    unlinkat(directory, beside, 0);
    errno = problem;
    return false;
}

bool file_write(int directory, const char *name, mode_t mode,
                void (*print)(const void *context, FILE *out), const void *context)
{
    int standing = open_standing(directory, name);

    if (standing >= 0)
        return write_directly(standing, print, context);
    if (errno != ENOENT || name[0] == '\0')
        return false;
    char *beside = name_beside(name);
    bool is_written = write_beside(directory, name, beside, mode, print, context);
    int problem = errno;
    free(beside);
    errno = problem;
    return is_written;
}
