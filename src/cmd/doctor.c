// SPDX-License-Identifier: Apache-2.0
// `handfast doctor`: why does Windows authentication fail here? Looks from outside as a client
// does, or judges facts that were saved. Never touches a running Handfast or its configuration.
// Exit status: 0 nothing wrong, 1 findings, 2 could not look, or the URL only leads elsewhere.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "cmd/command.h"
#include "doctor/doctor.h"

enum {
    DOCTOR_HEALTHY = 0,
    DOCTOR_ILL = 1,
    DOCTOR_BLIND = 2,
};

static const char usage[] =
    "usage: handfast doctor URL [--as ACCOUNT …] [options]\n"
    "       handfast doctor --facts FILE [--json] [-v]\n"
    "\n"
    "Says why Windows authentication fails at URL, behind any load balancer, and what mends it.\n"
    "\n"
    "  --as user@REALM | DOMAIN\\user   log in with this account; a second --as tells whether\n"
    "                                  people are mixed up. Its password is asked for, unless\n"
    "    --password-file FILE          it is the first line of a file,\n"
    "    --ccache [CACHE]              tickets are there already (kinit), or\n"
    "    --keytab FILE                 its keys are\n"
    "  --direct NAME=ADDRESS[:PORT] …  the servers behind, looked at as well; NAME=http://… for\n"
    "                                  those that speak HTTP in clear\n"
    "  --ldap [SERVER]                 ask the directory about service names and accounts\n"
    "  --slow                          also looks that wait minutes: idle connections\n"
    "  --dns ADDRESS[:PORT]            ask this DNS server\n"
    "  --address ADDRESS               connect here, whatever DNS says\n"
    "  --ca FILE                       trust these authorities too\n"
    "  --resource TEXT                 what a page shows who is logged in, if not the account\n"
    "  --patience SECONDS              for each step; 3 unless given\n"
    "  --save FILE                     keep what was seen (no secrets are in it)\n"
    "  --facts FILE                    judge what was kept, look at nothing\n"
    "  --json                          the report as JSON\n"
    "  -v, --verbose                   notes, all evidence and the facts in brief\n"
    "\n"
    "Exit status: 0 nothing wrong, 1 findings, 2 could not look, or the URL only redirects to\n"
    "another place, which was not looked at.\n";

struct wish {
    const char *save;
    const char *load;
    bool is_json;
    bool is_verbose;
    bool wants_help;
    int argc; // what is left is for the subject
    char **argv;
};

// "--save FILE" or "--save=FILE": the value, and how far to go on; NULL: another option. "" when
// nothing follows.
static const char *value_of(int argc, char **argv, int *at, const char *option)
{
    size_t size = strlen(option);
    if (strncmp(argv[*at], option, size) != 0)
        return NULL;
    if (argv[*at][size] == '=')
        return argv[*at] + size + 1;
    if (argv[*at][size] != '\0')
        return NULL;
    return *at + 1 < argc ? argv[++*at] : "";
}

static void wish_read(int argc, char **argv, struct wish *ret_wish)
{
    struct wish wish = {.argv = calloc((size_t)argc + 1, sizeof *wish.argv)};
    CHECK(wish.argv != NULL);
    wish.argv[wish.argc++] = (char *)"handfast doctor";
    for (int i = 1; i < argc; i++) {
        const char *value;
        if ((value = value_of(argc, argv, &i, "--save")) != NULL)
            wish.save = value;
        else if ((value = value_of(argc, argv, &i, "--facts")) != NULL)
            wish.load = value;
        else if (strcmp(argv[i], "--json") == 0)
            wish.is_json = true;
        else if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0)
            wish.is_verbose = true;
        else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            wish.wants_help = true;
        else
            wish.argv[wish.argc++] = argv[i];
    }
    *ret_wish = wish;
}

// One line that is written over; called from any thread.
static void show_progress(void *context, const char *words)
{
    (void)context;
    fprintf(stderr, "\r\x1b[Klooking at %.60s …", words);
}

static bool look(const struct wish *wish, struct facts *facts)
{
    struct subject subject;
    if (!subject_read(wish->argc, wish->argv, &subject))
        return false;
    const char *term = getenv("TERM");
    bool is_shown = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    doctor_look(&subject, facts, is_shown ? show_progress : NULL, NULL);
    if (is_shown)
        fputs("\r\x1b[K", stderr);
    subject_done(&subject);
    return true;
}

static bool gather(const struct wish *wish, struct facts *facts)
{
    if (wish->load == NULL)
        return look(wish, facts);
    if (wish->argc > 1) {
        fprintf(stderr, "handfast doctor: --facts looks at nothing: what is '%s' for?\n",
                wish->argv[1]);
        return false;
    }
    return facts_load(facts, wish->load);
}

// An option that takes a file and has none. Said before anything is looked at.
static const char *nameless(const struct wish *wish)
{
    if (wish->save != NULL && *wish->save == '\0')
        return "--save";
    return wish->load != NULL && *wish->load == '\0' ? "--facts" : NULL;
}

static int examine(const struct wish *wish, struct facts *facts)
{
    const char *option = nameless(wish);
    if (option != NULL)
        fprintf(stderr, "handfast doctor: which file? For example: %s facts.json\n", option);
    if (option != NULL || !gather(wish, facts))
        return DOCTOR_BLIND;
    bool is_saved = wish->save == NULL || facts_save(facts, wish->save);
    struct diagnosis diagnosis;
    diagnosis_init(&diagnosis);
    doctor_judge(facts, &diagnosis);
    if (wish->is_json)
        report_print_json(stdout, facts, &diagnosis);
    else
        report_print(stdout, facts, &diagnosis, wish->is_verbose);
    bool is_ill = diagnosis_is_ill(&diagnosis);
    bool is_blind = !is_saved || (!is_ill && doctor_is_elsewhere(facts));
    diagnosis_done(&diagnosis);
    return is_blind ? DOCTOR_BLIND : is_ill ? DOCTOR_ILL : DOCTOR_HEALTHY;
}

int doctor_main(int argc, char **argv)
{
    struct wish wish;
    wish_read(argc, argv, &wish);
    int status = DOCTOR_HEALTHY;
    if (wish.wants_help) {
        fputs(usage, stdout);
    } else {
        struct facts facts;
        facts_init(&facts);
        status = examine(&wish, &facts);
        facts_done(&facts);
    }
    free(wish.argv);
    return status;
}
