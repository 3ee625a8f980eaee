// SPDX-License-Identifier: Apache-2.0
// `handfast plan`: what must be true in the directory, in DNS, on the servers and clients for a
// configuration to work. Changes nothing; with --check it looks which of it is true already. Exit
// status: 0 printed, or all true; 1 something is missing; 2 wrong usage, a configuration with
// errors, or it could not look.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"
#include "doctor/doctor.h"

enum {
    PLAN_DONE = 0,
    PLAN_MISSING = 1,
    PLAN_USAGE = 2,
};

struct request {
    const char *file;
    const char *directory;
    struct plan_wish wish;
};

static const char usage[] =
    "usage: handfast plan -c FILE [--domain DOMAIN] [--service-account ACCOUNT]\n"
    "                     [--lb-address ADDRESS]... [--same-certificate] [--out DIRECTORY]\n"
    "\n"
    "  -c, --config FILE              the configuration\n"
    "      --domain DOMAIN            DNS name of the Windows domain, such as contoso.com\n"
    "      --service-account ACCOUNT  who the application pools run as: svc-web, or svc-web$, a\n"
    "                                 group managed service account\n"
    "      --lb-address ADDRESS       of the load balancer, for DNS; may be given several times\n"
    "      --same-certificate         forwarded servers show the same certificate as the site\n"
    "      --out DIRECTORY            write all documents there, instead of the page to the\n"
    "                                 standard output\n"
    "\n"
    "Exit status: 0 done, 2 wrong usage or a configuration with errors.\n";

enum {
    OPTION_DOMAIN = 256,
    OPTION_ACCOUNT,
    OPTION_ADDRESS,
    OPTION_SAME,
    OPTION_OUT,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"domain", required_argument, NULL, OPTION_DOMAIN},
    {"service-account", required_argument, NULL, OPTION_ACCOUNT},
    {"lb-address", required_argument, NULL, OPTION_ADDRESS},
    {"same-certificate", no_argument, NULL, OPTION_SAME},
    {"out", required_argument, NULL, OPTION_OUT},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool add_address(struct plan_wish *wish, const char *address)
{
    if (wish->address_count == PLAN_ADDRESSES_MAX)
        return false;
    wish->addresses[wish->address_count++] = address;
    return true;
}

// PLAN_DONE to go on, PLAN_USAGE, or -1 when help was asked for.
static int read_arguments(int argc, char **argv, struct request *request)
{
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        switch (letter) {
        case 'c':
            request->file = optarg;
            break;
        case OPTION_DOMAIN:
            request->wish.domain = optarg;
            break;
        case OPTION_ACCOUNT:
            request->wish.account = optarg;
            break;
        case OPTION_ADDRESS:
            if (!add_address(&request->wish, optarg))
                return PLAN_USAGE;
            break;
        case OPTION_SAME:
            request->wish.is_same_certificate = true;
            break;
        case OPTION_OUT:
            request->directory = optarg;
            break;
        case 'h':
            return -1;
        default:
            return PLAN_USAGE;
        }
    }
    return optind == argc && request->file ? PLAN_DONE : PLAN_USAGE;
}

static int run(const struct request *request)
{
    char *findings;
    struct plan *plan = plan_load(request->file, &request->wish, &findings);
    if (!plan) {
        fputs(findings, stderr);
        free(findings);
        return PLAN_USAGE;
    }
    bool is_written = true;
    if (request->directory)
        is_written = plan_write(plan, request->directory);
    else
        plan_document_print(plan, 0, stdout);
    plan_free(plan);
    return is_written ? PLAN_DONE : PLAN_USAGE;
}

int plan_main(int argc, char **argv)
{
    struct request request = {0};
    int wrong = read_arguments(argc, argv, &request);
    if (wrong) {
        fputs(usage, wrong < 0 ? stdout : stderr);
        return wrong < 0 ? PLAN_DONE : PLAN_USAGE;
    }
    const char *problem = plan_wish_problem(&request.wish);
    if (problem) {
        fprintf(stderr, "handfast plan: %s\n", problem);
        return PLAN_USAGE;
    }
    return run(&request);
}
