// SPDX-License-Identifier: Apache-2.0
// handfast serve -c FILE: runs in the foreground until SIGTERM or SIGINT; SIGHUP reloads.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/command.h"
#include "control/control.h"

int serve_main(int argc, char **argv)
{
    const char *file = "/etc/handfast/handfast.yaml";
    int option;
    while ((option = getopt(argc, argv, "c:")) != -1) {
        if (option != 'c') {
            fputs("usage: handfast serve [-c FILE]\n", stderr);
            return 2;
        }
        file = optarg;
    }
    return supervise(file);
}
