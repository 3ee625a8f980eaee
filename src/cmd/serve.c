// SPDX-License-Identifier: Apache-2.0
// handfast serve -c FILE: runs in the foreground until SIGTERM or SIGINT; SIGHUP reloads. Exit
// status: 0 stopped in order, 1 it could not start, 2 wrong usage.
#include <getopt.h>
#include <stdio.h>

#include "cmd/command.h"
#include "control/control.h"

#define DEFAULT_FILE "/etc/handfast/handfast.yaml"

static int usage(FILE *out, int status)
{
    fputs("usage: handfast serve [-c FILE]\n"
          "\n"
          "Runs in the foreground until SIGTERM or SIGINT; SIGHUP has the file read again.\n"
          "\n"
          "  -c, --config FILE   the configuration (" DEFAULT_FILE ")\n"
          "\n"
          "Exit status: 0 stopped in order, 1 it could not start, 2 wrong usage.\n",
          out);
    return status;
}

int serve_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *file = DEFAULT_FILE;
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (letter != 'c')
            return letter == 'h' ? usage(stdout, 0) : usage(stderr, 2);
        file = optarg;
    }
    if (optind < argc) {
        fprintf(stderr, "handfast serve: %s: a file is named with -c\n", argv[optind]);
        return usage(stderr, 2);
    }
    return supervise(file);
}
