// SPDX-License-Identifier: Apache-2.0
// Writing a file whole or not at all: what was there is replaced in one step or stays as it is, a
// link in the way is not followed, and what is no file is written as it stands.
#include "doctor/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[32];

static int folder_make(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/file_test.XXXXXX");
    return mkdtemp(folder) == NULL || chdir(folder) < 0;
}

static int folder_remove(void **state)
{
    (void)state;
    return chdir("/") < 0 || rmdir(folder) < 0;
}

static void print_text(const void *context, FILE *out)
{
    fputs(context, out);
}

static bool write_text(const char *name, mode_t mode, const char *text)
{
    return file_write(AT_FDCWD, name, mode, print_text, text);
}

static void assert_holds(const char *name, const char *text)
{
    char there[64] = "";
    FILE *in = fopen(name, "re");
    assert_non_null(in);
    size_t size = fread(there, 1, sizeof there - 1, in);
    there[size] = '\0';
    fclose(in);
    assert_string_equal(there, text);
}

static unsigned mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(lstat(name, &status), 0);
    return status.st_mode;
}

// Nothing else is left lying beside what was written.
static void assert_count(size_t expected)
{
    size_t count = 0;
    DIR *here = opendir(".");
    assert_non_null(here);
    for (struct dirent *entry; (entry = readdir(here)) != NULL;)
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(here);
    assert_int_equal(count, expected);
}

static void a_new_file_has_the_mode_that_was_asked_for(void **state)
{
    (void)state;
    mode_t before = umask(022);
    assert_true(write_text("secret", 0600, "mine\n"));
    assert_true(write_text("./open", 0666, "ours\n"));
    umask(before);
    assert_holds("secret", "mine\n");
    assert_holds("open", "ours\n");
    assert_int_equal(mode_of("secret"), S_IFREG | 0600);
    assert_int_equal(mode_of("open"), S_IFREG | 0644);
    assert_count(2);
    unlink("secret");
    unlink("open");
}

static void who_holds_the_old_file_keeps_the_old_file(void **state)
{
    (void)state;
    char old[16] = "";
    assert_true(write_text("page", 0644, "old"));
    int reader = open("page", O_RDONLY | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_true(write_text("page", 0600, "new"));
    assert_holds("page", "new");
    assert_int_equal(mode_of("page"), S_IFREG | 0600);
    assert_int_equal(read(reader, old, sizeof old), 3);
    assert_string_equal(old, "old");
    close(reader);
    assert_count(1);
    unlink("page");
}

static void a_link_is_replaced_and_not_followed(void **state)
{
    (void)state;
    assert_true(write_text("theirs", 0644, "theirs"));
    assert_int_equal(symlink("theirs", "link"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(symlink("/dev/full", "device"), 0);
    assert_true(write_text("link", 0600, "ours"));
    assert_true(write_text("dangling", 0600, "ours"));
    assert_true(write_text("device", 0600, "ours"));
    assert_holds("theirs", "theirs");
    assert_holds("link", "ours");
    assert_int_equal(mode_of("theirs"), S_IFREG | 0644);
    assert_int_equal(mode_of("link"), S_IFREG | 0600);
    assert_int_equal(mode_of("dangling"), S_IFREG | 0600);
    assert_int_equal(mode_of("device"), S_IFREG | 0600);
    assert_count(4);
    unlink("theirs");
    unlink("link");
    unlink("dangling");
    unlink("device");
}

// The size a file may have stands for a disk that is full in the middle.
static void what_cannot_be_finished_leaves_the_old_file(void **state)
{
    (void)state;
    struct rlimit before, tight = {.rlim_cur = 4};
    assert_true(write_text("page", 0644, "old"));
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    bool is_written = write_text("page", 0644, "longer than that");
    int problem = errno;
    bool is_new_written = write_text("other", 0644, "longer than that");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(is_written);
    assert_false(is_new_written);
    assert_int_equal(problem, EFBIG);
    assert_holds("page", "old");
    assert_count(1);
    unlink("page");
}

static void what_cannot_be_a_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int problem;
    } cases[] = {
        {"", ENOENT},           {"folder", EISDIR},
        {"folder/", EISDIR},    {"none/file", ENOENT},
        {"none/", ENOENT},      {"/dev/full", ENOSPC},
        {"/dev/fd/999", EBADF}, {"/dev/fd/", EISDIR},
        {"/dev/fd/1x", ENOENT}, {"/proc/self/fd/-1", ENOENT},
    };
    assert_int_equal(mkdir("folder", 0755), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        errno = 0;
        if (write_text(cases[i].name, 0600, "text"))
            fail_msg("%s was written", cases[i].name);
        if (errno != cases[i].problem)
            fail_msg("%s: %s", cases[i].name, strerror(errno));
    }
    assert_count(1);
    assert_int_equal(rmdir("folder"), 0);
}

static void a_pipe_is_written_as_it_stands(void **state)
{
    (void)state;
    char text[16] = "";
    assert_int_equal(mkfifo("pipe", 0600), 0);
    int reader = open("pipe", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(reader >= 0);
    assert_true(write_text("pipe", 0644, "text"));
    assert_int_equal(read(reader, text, sizeof text), 4);
    assert_string_equal(text, "text");
    close(reader);
    assert_int_equal(mode_of("pipe"), S_IFIFO | 0600);
    assert_true(write_text("/dev/null", 0600, "text"));
    assert_count(1);
    unlink("pipe");
}

// "/dev/stdout" is a link to whatever that is: a file, perhaps, that has something in it already.
static void an_open_descriptor_is_written_on(void **state)
{
    (void)state;
    char name[32];
    int file = open("all", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(file >= 0);
    assert_int_equal(write(file, "before ", 7), 7);
    snprintf(name, sizeof name, "/dev/fd/%d", file);
    assert_true(write_text(name, 0600, "facts "));
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    assert_true(write_text(name, 0600, "more "));
    assert_int_equal(write(file, "after", 5), 5);
    close(file);
    assert_holds("all", "before facts more after");
    assert_int_equal(mode_of("all"), S_IFREG | 0644);
    assert_count(1);
    unlink("all");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_has_the_mode_that_was_asked_for),
        cmocka_unit_test(who_holds_the_old_file_keeps_the_old_file),
        cmocka_unit_test(a_link_is_replaced_and_not_followed),
        cmocka_unit_test(what_cannot_be_finished_leaves_the_old_file),
        cmocka_unit_test(what_cannot_be_a_file_is_refused),
        cmocka_unit_test(a_pipe_is_written_as_it_stands),
        cmocka_unit_test(an_open_descriptor_is_written_on),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
