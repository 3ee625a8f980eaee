// SPDX-License-Identifier: Apache-2.0
// The command line of the doctor: what people type, what it means, and what is refused.
#include "doctor/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define WORDS_MAX    24

static char password_file[64];

// Reads a command line given as words apart by blanks; PW stands for a file with a password.
static bool take(struct subject *subject, const char *words)
{
    static char line[512];
    static char *argv[WORDS_MAX + 1];
    int argc = 0;
    snprintf(line, sizeof line, "doctor %s", words);
    for (char *word = strtok(line, " "); word != NULL && argc < WORDS_MAX; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "PW") == 0 ? password_file : word;
    argv[argc] = NULL;
    return subject_read(argc, argv, subject);
}

static void urls_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *words, *host, *target;
        unsigned port;
        bool is_tls;
    } cases[] = {
        {"https://lb.example.com/app", "lb.example.com", "/app", 443, true},
        {"HTTPS://LB.Example.COM", "lb.example.com", "/", 443, true},
        {"http://lb.example.com:8080/a/b?x=1&y=2#part", "lb.example.com", "/a/b?x=1&y=2", 8080,
         false},
        {"http://lb", "lb", "/", 80, false},
        {"https://lb?q", "lb", "/?q", 443, true},
        {"lb.example.com/app", "lb.example.com", "/app", 443, true},
        {"lb.example.com:8443", "lb.example.com", "/", 8443, true},
        {"https://[FD00::1]:444/x", "fd00::1", "/x", 444, true},
        {"https://10.0.0.1/", "10.0.0.1", "/", 443, true},
        {"-- lb.example.com", "lb.example.com", "/", 443, true},
        {"https://lb.example.com:/#x", "lb.example.com", "/", 443, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct subject subject;
        assert_true(take(&subject, cases[i].words));
        assert_string_equal(subject.host, cases[i].host);
        assert_string_equal(subject.target, cases[i].target);
        assert_int_equal(subject.port, cases[i].port);
        assert_int_equal(subject.is_tls, cases[i].is_tls);
        assert_int_equal(subject.account_count, 0);
        assert_int_equal(subject.patience_ms, 3000);
        subject_done(&subject);
    }
}

static void accounts_are_read_with_their_proof(void **state)
{
    (void)state;
    static const struct {
        const char *words, *user, *realm, *ntlm_domain;
        enum proof proof;
        const char *file;
    } cases[] = {
        {"x --as alice@example.com --password-file PW", "alice", "EXAMPLE.COM", "EXAMPLE.COM",
         PROOF_PASSWORD, NULL},
        {"--as EXAMPLE\\alice --password-file PW x", "alice", "", "EXAMPLE", PROOF_PASSWORD, NULL},
        {"--as corp.example.com\\alice --password-file=PW x", "alice", "CORP.EXAMPLE.COM",
         "corp.example.com", PROOF_PASSWORD, NULL},
        {"--as alice --password-file PW x", "alice", "", "", PROOF_PASSWORD, NULL},
        {"--as alice@E.COM --ccache FILE:/tmp/cc https://x", "alice", "E.COM", "E.COM",
         PROOF_CCACHE, "FILE:/tmp/cc"},
        {"--as alice@E.COM --ccache https://x", "alice", "E.COM", "E.COM", PROOF_CCACHE, NULL},
        {"--ccache --slow x", "", "", "", PROOF_CCACHE, NULL},
        {"x --as svc@E.COM --keytab /etc/k", "svc", "E.COM", "E.COM", PROOF_KEYTAB, "/etc/k"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct subject subject;
        char words[256];
        const char *equals = strstr(cases[i].words, "=PW");
        snprintf(words, sizeof words, "%s", cases[i].words);
        if (equals != NULL)
            snprintf(words, sizeof words, "%.*s=%s%s", (int)(equals - cases[i].words),
                     cases[i].words, password_file, equals + 3);
        assert_true(take(&subject, words));
        assert_int_equal(subject.account_count, 1);
        const struct account *account = &subject.accounts[0];
        assert_string_equal(account->user, cases[i].user);
        assert_string_equal(account->realm, cases[i].realm);
        assert_string_equal(account->ntlm_domain, cases[i].ntlm_domain);
        assert_int_equal(account->proof, cases[i].proof);
        if (cases[i].proof == PROOF_PASSWORD)
            assert_string_equal(account->password, "S3cret with blanks ");
        struct rlimit core = {1, 1};
        assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
        assert_int_equal(core.rlim_cur + core.rlim_max, 0); // it is in no core file
        if (cases[i].file != NULL)
            assert_string_equal(account->file, cases[i].file);
        else
            assert_null(account->file);
        subject_done(&subject);
        assert_null(subject.accounts[0].password);
    }
}

static void two_accounts_may_share_a_name_in_two_domains(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "x --as alice@E.COM --ccache --as bob@E.COM --ccache",
        "x --as alice@E.COM --ccache --as alice@F.COM --ccache",
        "x --as E\\alice --password-file PW --as F\\alice --password-file PW",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct subject subject;
        assert_true(take(&subject, cases[i]));
        assert_int_equal(subject.account_count, 2);
        subject_done(&subject);
    }
}

static void everything_else_is_read(void **state)
{
    (void)state;
    struct subject subject;
    assert_true(take(&subject,
                     "--direct iis1=10.0.0.11:443 iis2=10.0.0.12 iis3=http://10.0.0.13 "
                     "https://lb.example.com:8443/?a=b --direct iis4.example.com:80 "
                     "--direct six=fd00::6 seven=https://[fd00::7]:80 --dns 10.0.0.2:5353 "
                     "--address fd00::1 --ca PW --ldap dc1.example.com --slow"));
    static const struct {
        const char *name, *host;
        unsigned port;
        bool is_tls;
    } nodes[] = {
        {"iis1", "10.0.0.11", 443, true}, {"iis2", "10.0.0.12", 443, true},
        {"iis3", "10.0.0.13", 80, false}, {"iis4.example.com", "iis4.example.com", 80, false},
        {"six", "fd00::6", 443, true},    {"seven", "fd00::7", 80, true},
    };
    assert_int_equal(subject.node_count, COUNT(nodes));
    for (size_t i = 0; i < COUNT(nodes); i++) {
        assert_string_equal(subject.nodes[i].name, nodes[i].name);
        assert_string_equal(subject.nodes[i].host, nodes[i].host);
        assert_int_equal(subject.nodes[i].port, nodes[i].port);
        assert_int_equal(subject.nodes[i].is_tls, nodes[i].is_tls);
    }
    assert_string_equal(subject.dns_server, "10.0.0.2:5353");
    assert_string_equal(subject.address, "fd00::1");
    assert_string_equal(subject.ca_file, password_file);
    assert_true(subject.asks_ldap);
    assert_string_equal(subject.ldap_server, "dc1.example.com");
    assert_true(subject.is_slow);
    subject_done(&subject);

    assert_true(
        take(&subject, "--ldap https://x --resource Hello --patience 2 --direct n=10.0.0.1"));
    assert_true(subject.asks_ldap);
    assert_null(subject.ldap_server);
    assert_string_equal(subject.resource, "Hello");
    assert_int_equal(subject.patience_ms, 2000);
    subject_done(&subject);

    assert_true(take(&subject, "http://x --direct n=10.0.0.1")); // as the URL has it
    assert_false(subject.nodes[0].is_tls);
    assert_int_equal(subject.nodes[0].port, 80);
    subject_done(&subject);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "https://",
        "https:///x",
        "ftp://x/",
        "https://alice:secret@x/",
        "https://x:0/",
        "https://x:65536/",
        ("https://b\xc3\xbc"
         "cher.example.com/"),
        "https://x/\x1b[0m",
        "https://x https://y",
        "https://x extra",
        "https://x --unknown",
        "https://x --as",
        "https://x --as @E.COM --password-file PW",
        "https://x --as alice@ --password-file PW",
        "https://x --as D\\ --password-file PW",
        "https://x --as D\\alice@E.COM --password-file PW",
        "https://x --password-file PW",
        "https://x --keytab /etc/k",
        "https://x --as a --password-file /nonexistent/file",
        "https://x --as a --password-file /dev/null",
        "https://x --as a --password-file PW --keytab /etc/k",
        "https://x --as a --ccache --as b --ccache --as c --ccache",
        "https://x --as alice@E.COM --password-file PW --as alice@E.COM --password-file PW",
        "https://x --as alice@E.COM --password-file PW --as ALICE@e.com --password-file PW",
        "https://x --as alice@E.COM --ccache --as alice@E.COM --keytab /etc/k",
        "https://x --as E\\alice --password-file PW --as e\\Alice --password-file PW",
        "https://x --as alice --ccache --as Alice --ccache",
        "https://x --direct =10.0.0.1",
        "https://x --direct n=",
        "https://x --direct n=1.2.3.4:x",
        "https://x --direct n=10.0.0.1 N=10.0.0.2",
        "https://x --dns resolver.example.com",
        "https://x --address 10.0.0.1:443",
        "https://x --address name",
        "https://x --ca /nonexistent/file",
        "https://x --patience 0",
        "https://x --patience 1s",
        "https://x --patience 99999999999999999999",
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct subject subject;
        if (take(&subject, cases[i])) {
            subject_done(&subject);
            fail_msg("%s was accepted", cases[i]);
        }
    }
}

static int write_password(void **state)
{
    (void)state;
    snprintf(password_file, sizeof password_file, "/tmp/subject_test.XXXXXX");
    int fd = mkstemp(password_file);
    static const char text[] = "S3cret with blanks \r\nanother line\n";
    bool is_written = fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1;
    return is_written && close(fd) == 0 ? 0 : -1;
}

static int remove_password(void **state)
{
    (void)state;
    return unlink(password_file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_read),
        cmocka_unit_test(accounts_are_read_with_their_proof),
        cmocka_unit_test(two_accounts_may_share_a_name_in_two_domains),
        cmocka_unit_test(everything_else_is_read),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, write_password, remove_password);
}
