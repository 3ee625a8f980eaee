// SPDX-License-Identifier: Apache-2.0
// handfast: finds the subcommand and runs it.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmd/command.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"serve", serve_main, "run the load balancer"},
    {"check", check_main, "validate a configuration and explain its options"},
    {"status", status_main, "show the running process and its servers"},
    {"logins", logins_main, "list the last logins and what became of them"},
    {"pins", pins_main, "list the links tied to one client because of credentials"},
    {"doctor", doctor_main, "why Windows authentication fails at a URL, and what mends it"},
    {"verify", verify_main, "log in through every route of a configuration, and measure"},
    {"plan", plan_main, "what must be true in AD, DNS, IIS and clients for a configuration"},
    {"reload", reload_main, "have the running process read its configuration again"},
};

enum {
    OUTPUT_LOST = 2,
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static int usage(FILE *out, int status)
{
    fputs("usage: handfast COMMAND [options]\n\n", out);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(out, "  %-8s %s\n", commands[i].name, commands[i].help);
    fputs("\nhandfast --version prints the version.\n", out);
    return status;
}

static int run(int argc, char **argv)
{
    if (argc < 2)
        return usage(stderr, 2);
    if (strcmp(argv[1], "--version") == 0) {
        puts("handfast " HANDFAST_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0 ||
        strcmp(argv[1], "help") == 0)
        return usage(stdout, 0);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "handfast: no command '%s'\n\n", argv[1]);
    return usage(stderr, 2);
}

// A document that is cut short (a full disk, a closed pipe) must not pass for a whole one.
int main(int argc, char **argv)
{
    int status = run(argc, argv);
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "handfast: what was printed could not be written whole%s%s\n",
            errno ? ": " : "", errno ? strerror(errno) : "");
    return OUTPUT_LOST;
}
