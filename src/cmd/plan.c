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
    PLAN_USAGE = 2,
};

struct request {
    const char *file;
    const char *directory;
    bool is_checked;
    struct plan_wish wish;
    struct plan_glasses glasses;
};

#define PATIENCE_MS 5000

static const char usage[] =
    "usage: handfast plan -c FILE [--domain DOMAIN] [--service-account ACCOUNT]\n"
    "                     [--lb-address ADDRESS]... [--same-certificate] [--out DIRECTORY]\n"
    "       handfast plan -c FILE [...] --check [--dns ADDRESS] [--ldap HOST] [--ca FILE]\n"
    "                     [--as USER@DOMAIN --password-file FILE]\n"
    "\n"
    "  -c, --config FILE              the configuration\n"
    "      --domain DOMAIN            DNS name of the Windows domain, such as contoso.com\n"
    "      --service-account ACCOUNT  who the application pools run as: svc-web, or svc-web$, a\n"
    "                                 group managed service account\n"
    "      --lb-address ADDRESS       of the load balancer, for DNS; may be given several times\n"
    "      --same-certificate         forwarded servers show the same certificate as the site\n"
    "      --out DIRECTORY            write all documents there, instead of the page to the\n"
    "                                 standard output\n"
    "      --check                    look by DNS, TLS and LDAP which of it is true, and print\n"
    "                                 what is missing\n"
    "      --dns ADDRESS              the name server to ask, instead of those of the system\n"
    "      --ldap HOST                the domain controller to ask, instead of one found by DNS\n"
    "      --as USER@DOMAIN           log in to it with a password, inside TLS; otherwise with "
    "the\n"
    "                                 Kerberos ticket there is (kinit)\n"
    "      --password-file FILE       file with that password\n"
    "      --ca FILE                  trust these authorities, when asking it\n"
    "\n"
    "Exit status: 0 done, or all true; 1 something is missing; 2 wrong usage, a configuration\n"
    "with errors, or it could not look.\n";

enum {
    OPTION_DOMAIN = 256,
    OPTION_ACCOUNT,
    OPTION_ADDRESS,
    OPTION_SAME,
    OPTION_OUT,
    OPTION_CHECK,
    OPTION_DNS,
    OPTION_LDAP,
    OPTION_AS,
    OPTION_PASSWORD,
    OPTION_CA,
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"domain", required_argument, NULL, OPTION_DOMAIN},
    {"service-account", required_argument, NULL, OPTION_ACCOUNT},
    {"lb-address", required_argument, NULL, OPTION_ADDRESS},
    {"same-certificate", no_argument, NULL, OPTION_SAME},
    {"out", required_argument, NULL, OPTION_OUT},
    {"check", no_argument, NULL, OPTION_CHECK},
    {"dns", required_argument, NULL, OPTION_DNS},
    {"ldap", required_argument, NULL, OPTION_LDAP},
    {"as", required_argument, NULL, OPTION_AS},
    {"password-file", required_argument, NULL, OPTION_PASSWORD},
    {"ca", required_argument, NULL, OPTION_CA},
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

// Options of --check. False when it is none of them.
static bool read_look(struct request *request, int letter)
{
    switch (letter) {
    case OPTION_CHECK:
        request->is_checked = true;
        return true;
    case OPTION_DNS:
        request->glasses.dns_server = optarg;
        return true;
    case OPTION_LDAP:
        request->glasses.ldap_server = optarg;
        return true;
    case OPTION_AS:
        request->glasses.user = optarg;
        return true;
    case OPTION_PASSWORD:
        request->glasses.password_file = optarg;
        return true;
    case OPTION_CA:
        request->glasses.ca_file = optarg;
        return true;
    default:
        return false;
    }
}

static bool read_wish(struct request *request, int letter)
{
    switch (letter) {
    case 'c':
        request->file = optarg;
        return true;
    case OPTION_DOMAIN:
        request->wish.domain = optarg;
        return true;
    case OPTION_ACCOUNT:
        request->wish.account = optarg;
        return true;
    case OPTION_ADDRESS:
        return add_address(&request->wish, optarg);
    case OPTION_SAME:
        request->wish.is_same_certificate = true;
        return true;
    case OPTION_OUT:
        request->directory = optarg;
        return true;
    default:
        return read_look(request, letter);
    }
}

// Options that say how to look are worth something only when there is a look.
static bool is_usable(const struct request *request)
{
    const struct plan_glasses *glasses = &request->glasses;
    bool is_look = glasses->dns_server || glasses->ldap_server || glasses->user ||
                   glasses->ca_file || glasses->password_file;
    bool is_whole = !glasses->user == !glasses->password_file;
    return request->file && is_whole && (request->is_checked ? !request->directory : !is_look);
}

// PLAN_DONE to go on, PLAN_USAGE, or -1 when help was asked for.
static int read_arguments(int argc, char **argv, struct request *request)
{
    int letter;
    optind = 1;
    while ((letter = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        if (letter == 'h')
            return -1;
        if (!read_wish(request, letter))
            return PLAN_USAGE;
    }
    return optind == argc && is_usable(request) ? PLAN_DONE : PLAN_USAGE;
}

static int print(const struct request *request, const struct plan *plan)
{
    if (request->directory)
        return plan_write(plan, request->directory) ? PLAN_DONE : PLAN_USAGE;
    plan_document_print(plan, 0, stdout);
    return PLAN_DONE;
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
    int status = request->is_checked ? (int)plan_check(plan, &request->glasses, stdout)
                                     : print(request, plan);
    plan_free(plan);
    return status;
}

int plan_main(int argc, char **argv)
{
    struct request request = {.glasses.patience_ms = PATIENCE_MS};
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
