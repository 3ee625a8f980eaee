// SPDX-License-Identifier: Apache-2.0
//
// bench-load: clients that do a fixed amount of work through a proxy. One thread, one epoll.
// First all clients connect and finish one exchange each, then it prints "ready" and waits for a
// line "go" on stdin, so that the caller can read the proxy's CPU time in between; then it works,
// prints one line of JSON and keeps its connections until stdin ends. It judges nothing and keeps
// no log. The array of clients owns everything.

#include "channel.h"
#include "talk.h"

#include <errno.h>
#include <getopt.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

enum {
    REQUEST_BYTES = 1024,
    HELLO_BYTES = 2048,
    SCRATCH_BYTES = 256 * 1024,
    STALL_MS = 20000, // no event for so long: the proxy hangs
};

enum client_state { CLOSED, CONNECTING, WRITING, READING, IDLE, LEAVING, FAILED };

struct client {
    struct channel channel;
    enum client_state state;
    bool counts;          // what it does now is a unit of the measured work
    bool watched_for_out; // what epoll was told
    bool hello_sent;
    bool resumes;       // was given the session
    size_t sent;        // of hello and request
    uint64_t body_left; // of a POST still to send
    struct talk talk;
};

struct plan {
    uint16_t port;
    const char *name; // SNI and Host
    const char *path;
    enum talk_kind talk;
    bool tls;    // the client speaks TLS
    bool raw;    // the client sends a genuine hello, then bytes in clear
    bool fresh;  // a new connection for each unit
    bool resume; // with the session of the first
    int tls_version;
    const char *key; // "EC" or "RSA": what the certificate must hold
    uint64_t size;   // of the answer (pull) or of the request body (fetch)
    uint64_t units;
    unsigned int clients;
    unsigned int ramp; // clients that may be opening at a time
};

static struct plan plan = {
    .name = "bench.test", .path = "/", .units = 1000, .clients = 1, .ramp = 32};
static struct client *clients;
static SSL_CTX *tls;
static SSL_SESSION *session;
static int loop;
static char opening[HELLO_BYTES + REQUEST_BYTES]; // hello (raw only), then the request
static size_t hello_size, opening_size;
static char scratch[SCRATCH_BYTES];

static unsigned int opened, settled; // clients in the ramp
static uint64_t started, done, errors, bytes_in;
static bool working;
static char first_error[160];

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void quit(const char *why)
{
    fprintf(stderr, "bench-load: %s\n", why);
    exit(1);
}

static void watch(struct client *client, int operation)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};

    client->watched_for_out = client->channel.wants_out;
    if (client->channel.wants_out)
        event.events |= EPOLLOUT;
    if (epoll_ctl(loop, operation, client->channel.fd, &event) < 0)
        quit("epoll_ctl failed");
}

// Each connection gets a copy: OpenSSL spoils a TLS 1.3 session once it was used.
static void resume(SSL *ssl)
{
    SSL_SESSION *copy = SSL_SESSION_dup(session);

    if (copy == NULL || SSL_set_session(ssl, copy) != 1)
        quit("cannot use the session");
    SSL_SESSION_free(copy);
}

static void client_open(struct client *client)
{
    if (!channel_connect(&client->channel, plan.port, tls, plan.name))
        quit("cannot connect; out of descriptors or ports?");
    if (session != NULL)
        resume(client->channel.ssl);
    client->resumes = session != NULL;
    client->hello_sent = false;
    client->channel.wants_out = true;
    watch(client, EPOLL_CTL_ADD);
}

static void client_begin(struct client *client)
{
    client->state = WRITING;
    client->sent = client->hello_sent ? hello_size : 0;
    client->body_left = plan.talk == TALK_FETCH ? plan.size : 0;
    talk_begin(&client->talk, plan.talk, plan.size);
    if (working) {
        client->counts = true;
        started++;
    }
}

// Opens the connection and begins the first exchange, or the only one, on it.
static void client_start(struct client *client)
{
    client_open(client);
    client_begin(client);
    client->state = CONNECTING;
}

static void client_fail(struct client *client, const char *why)
{
    errors++;
    if (first_error[0] == '\0')
        snprintf(first_error, sizeof(first_error), "%s in state %d: %s", why, (int)client->state,
                 strerror(errno));
    if (!working) {
        fprintf(stderr, "bench-load: %s\n", first_error);
        exit(1);
    }
    channel_done(&client->channel);
    client->state = FAILED;
    if (plan.fresh && started < plan.units)
        client_start(client);
}

static void client_rest(struct client *client)
{
    if (client->counts)
        done++;
    else
        settled++;
    client->counts = false;
    client->state = plan.fresh ? CLOSED : IDLE;
}

// What the handshake agreed on is checked, so that no proxy is measured at easier work.
static bool agreed_as_planned(struct client *client)
{
    SSL *ssl = client->channel.ssl;
    X509 *certificate = SSL_get0_peer_certificate(ssl);

    if (plan.tls_version != 0 && SSL_version(ssl) != plan.tls_version)
        return false;
    if (SSL_get_negotiated_group(ssl) != NID_X25519)
        return false;
    if (client->resumes)
        return SSL_session_reused(ssl) == 1;
    return plan.key == NULL ||
           (certificate != NULL && EVP_PKEY_is_a(X509_get0_pubkey(certificate), plan.key) == 1);
}

static bool client_shake(struct client *client)
{
    int shaken = channel_shake(&client->channel);

    if (shaken == CHANNEL_BROKEN) {
        client_fail(client, "handshake broken");
        return false;
    }
    if (shaken == CHANNEL_AGAIN)
        return false;
    if (client->channel.ssl != NULL && !agreed_as_planned(client)) {
        client_fail(client, "version, key type or resumption not as planned");
        return false;
    }
    if (plan.talk == TALK_NOTHING) {
        channel_leave(&client->channel);
        client->state = LEAVING;
        return true;
    }
    client->state = WRITING;
    return true;
}

static ssize_t write_some(struct client *client)
{
    ssize_t sent;

    if (client->sent < opening_size) {
        sent = channel_write(&client->channel, opening + client->sent, opening_size - client->sent,
                             client->body_left > 0);
        if (sent > 0)
            client->sent += (size_t)sent;
    } else {
        size_t size = client->body_left < SCRATCH_BYTES ? (size_t)client->body_left : SCRATCH_BYTES;

        sent = channel_write(&client->channel, scratch, size, false);
        if (sent > 0)
            client->body_left -= (uint64_t)sent;
    }
    return sent;
}

static bool client_write(struct client *client)
{
    while (client->sent < opening_size || client->body_left > 0) {
        ssize_t sent = write_some(client);

        if (sent == CHANNEL_BROKEN)
            client_fail(client, "write broken");
        if (sent < 0)
            return false;
    }
    client->hello_sent = true;
    client->state = READING;
    client->channel.wants_out = false;
    return true;
}

// The exchange is over: leave, rest, or go on with the next.
static void client_finished(struct client *client)
{
    if (plan.fresh) {
        channel_leave(&client->channel);
        client->state = LEAVING;
        return;
    }
    client_rest(client);
    if (working && started < plan.units) {
        client_begin(client);
        client_write(client);
    }
}

static bool client_read(struct client *client)
{
    enum talk_state heard = TALK_MORE;
    size_t asked = SCRATCH_BYTES;
    ssize_t got;

    if (talk_only_counts(&client->talk)) {
        if (asked > client->talk.left)
            asked = (size_t)client->talk.left;
        got = channel_discard(&client->channel, scratch, asked);
        if (got > 0)
            heard = talk_skip(&client->talk, (size_t)got);
    } else {
        got = channel_read(&client->channel, scratch, asked);
        if (got > 0)
            heard = talk_take(&client->talk, scratch, (size_t)got);
    }
    if (got == CHANNEL_AGAIN)
        return false;
    if (got <= 0 || heard == TALK_BAD) {
        client_fail(client, got == 0 ? "closed early" : got < 0 ? "read broken" : "wrong answer");
        return false;
    }
    bytes_in += (uint64_t)got;
    if (heard == TALK_FINISHED) {
        client_finished(client);
        return client->state == LEAVING;
    }
    return channel_may_hold_more(&client->channel, asked, got);
}

// Reads to the end so that tickets are taken in and nobody sends a reset.
static bool client_leave(struct client *client)
{
    ssize_t got;

    do {
        got = channel_read(&client->channel, scratch, sizeof(scratch));
    } while (got > 0);
    if (got == CHANNEL_AGAIN)
        return false;
    if (got == CHANNEL_BROKEN) {
        client_fail(client, "broken while leaving");
        return false;
    }
    channel_done(&client->channel);
    client_rest(client);
    if (working && started < plan.units)
        client_start(client);
    return false;
}

static bool client_step(struct client *client)
{
    switch (client->state) {
    case CONNECTING:
        return client_shake(client);
    case WRITING:
        return client_write(client);
    case READING:
        return client_read(client);
    case LEAVING:
        return client_leave(client);
    case IDLE:
        client_fail(client, "bytes or an end while idle");
        return false;
    case CLOSED:
    case FAILED:
        break;
    }
    return false;
}

static void client_event(struct client *client)
{
    int fd = client->channel.fd;

    if (client->state == CONNECTING)
        client->channel.wants_out = false;
    while (client_step(client))
        ;
    if (client->channel.fd == fd && fd >= 0 && client->state != CLOSED &&
        client->watched_for_out != client->channel.wants_out)
        watch(client, EPOLL_CTL_MOD);
}

static void run_events(void)
{
    struct epoll_event events[256];
    int count = epoll_wait(loop, events, 256, STALL_MS);

    if (count == 0)
        quit("stalled: nothing happened for 20 s");
    for (int i = 0; i < count; i++)
        client_event(events[i].data.ptr);
}

static void settle_clients(void)
{
    while (settled < plan.clients) {
        while (opened < plan.clients && opened - settled < plan.ramp) {
            client_start(&clients[opened]);
            opened++;
        }
        run_events();
    }
}

static bool anyone_left(void)
{
    for (unsigned int i = 0; i < plan.clients; i++)
        if (clients[i].state != FAILED && clients[i].state != IDLE && clients[i].state != CLOSED)
            return true;
    return false;
}

static void work(void)
{
    working = true;
    bytes_in = 0;
    for (unsigned int i = 0; i < plan.clients && started < plan.units; i++) {
        if (plan.fresh) {
            client_start(&clients[i]);
        } else {
            client_begin(&clients[i]);
            client_event(&clients[i]);
        }
    }
    while (done + errors < plan.units && (errors == 0 || anyone_left()))
        run_events();
}

// The bytes of a ClientHello as OpenSSL sends it for this name.
static size_t make_hello(const char *name, char *ret_bytes, size_t room)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    BIO *from = BIO_new(BIO_s_mem());
    int size;

    SSL_set_tlsext_host_name(ssl, name);
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), from);
    SSL_set_connect_state(ssl);
    SSL_do_handshake(ssl);
    size = BIO_read(from, ret_bytes, (int)room);
    SSL_free(ssl);
    SSL_CTX_free(context);
    ERR_clear_error();
    if (size <= 0)
        quit("cannot make a ClientHello");
    return (size_t)size;
}

// Keeps a copy: OpenSSL marks the original as used up when its connection ends.
static int keep_session(SSL *ssl, SSL_SESSION *fresh)
{
    (void)ssl;
    if (session == NULL)
        session = SSL_SESSION_dup(fresh);
    return 0;
}

// One cipher and one key exchange for each version, so that every proxy does the same arithmetic.
// P-256 is there for the certificates only: the key share is X25519.
static void make_tls(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    if (plan.tls_version != 0) {
        SSL_CTX_set_min_proto_version(tls, plan.tls_version);
        SSL_CTX_set_max_proto_version(tls, plan.tls_version);
    }
    if (SSL_CTX_set_ciphersuites(tls, "TLS_AES_256_GCM_SHA384") != 1 ||
        SSL_CTX_set_cipher_list(tls, "ECDHE-ECDSA-AES256-GCM-SHA384:"
                                     "ECDHE-RSA-AES256-GCM-SHA384") != 1 ||
        SSL_CTX_set1_groups_list(tls, "X25519:P-256") != 1)
        quit("cannot set ciphers");
    if (plan.resume) {
        SSL_CTX_set_session_cache_mode(tls,
                                       SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
        SSL_CTX_sess_set_new_cb(tls, keep_session);
    } else {
        SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
    }
}

static void usage(void)
{
    fprintf(stderr,
            "usage: bench-load --port P [--name SNI] [--clients N] [--ramp N] [--units N]\n"
            "  --talk nothing|echo|pull|fetch  one exchange: none, 64 bytes and back,\n"
            "                                  bytes after a command, HTTP/1.1\n"
            "  --path /bytes/N                 fetch: what to GET (default /)\n"
            "  --size N                        pull: bytes of the answer; fetch: POST so many\n"
            "  --tls [--tls-version 1.2|1.3] [--key EC|RSA] [--resume]\n"
            "  --raw                           a genuine ClientHello first, then bytes in clear\n"
            "  --fresh                         a new connection for each unit\n");
    exit(2);
}

static enum talk_kind talk_by_name(const char *name)
{
    static const char *const names[] = {"nothing", "echo", "pull", "fetch"};

    for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum talk_kind)i;
    usage();
    return TALK_NOTHING;
}

static void take_option(int option)
{
    switch (option) {
    case 'p':
        plan.port = (uint16_t)atoi(optarg);
        break;
    case 'n':
        plan.name = optarg;
        break;
    case 'c':
        plan.clients = (unsigned int)atoi(optarg);
        break;
    case 'a':
        plan.ramp = (unsigned int)atoi(optarg);
        break;
    case 'u':
        plan.units = strtoull(optarg, NULL, 10);
        break;
    case 't':
        plan.talk = talk_by_name(optarg);
        break;
    case 'P':
        plan.path = optarg;
        break;
    case 's':
        plan.size = strtoull(optarg, NULL, 10);
        break;
    case 'T':
        plan.tls = true;
        break;
    case 'V':
        plan.tls_version = strcmp(optarg, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
        break;
    case 'k':
        plan.key = optarg;
        break;
    case 'R':
        plan.resume = true;
        break;
    case 'r':
        plan.raw = true;
        break;
    case 'f':
        plan.fresh = true;
        break;
    default:
        usage();
    }
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, NULL, 'p'}, {"name", 1, NULL, 'n'},        {"clients", 1, NULL, 'c'},
        {"ramp", 1, NULL, 'a'}, {"units", 1, NULL, 'u'},       {"talk", 1, NULL, 't'},
        {"path", 1, NULL, 'P'}, {"size", 1, NULL, 's'},        {"tls", 0, NULL, 'T'},
        {"key", 1, NULL, 'k'},  {"tls-version", 1, NULL, 'V'}, {"resume", 0, NULL, 'R'},
        {"raw", 0, NULL, 'r'},  {"fresh", 0, NULL, 'f'},       {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        take_option(option);
    if (plan.port == 0 || plan.clients == 0 || plan.ramp == 0 || optind != argc)
        usage();
}

static void prepare(void)
{
    plan.fresh = plan.fresh || plan.talk == TALK_NOTHING;
    if (plan.tls)
        make_tls();
    if (plan.raw)
        hello_size = make_hello(plan.name, opening, HELLO_BYTES);
    opening_size = hello_size + talk_request(plan.talk, plan.size, plan.name, plan.path,
                                             opening + hello_size, REQUEST_BYTES);
    if (opening_size - hello_size >= REQUEST_BYTES)
        quit("--path or --name too long");
    memset(scratch, 'x', sizeof(scratch));
    clients = calloc(plan.clients, sizeof(*clients));
    if (clients == NULL)
        quit("out of memory");
    for (unsigned int i = 0; i < plan.clients; i++)
        clients[i].channel.fd = -1;
    loop = epoll_create1(0);
}

int main(int argc, char **argv)
{
    char line[16];
    double begin_s;

    signal(SIGPIPE, SIG_IGN);
    read_options(argc, argv);
    prepare();
    settle_clients();
    if (plan.resume && session == NULL)
        quit("the server gave no session to resume");
    printf("ready\n");
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL)
        return 0;
    begin_s = now_s();
    work();
    printf("{\"units\": %llu, \"errors\": %llu, \"wall_s\": %.6f, \"bytes\": %llu, "
           "\"error\": \"%s\"}\n",
           (unsigned long long)done, (unsigned long long)errors, now_s() - begin_s,
           (unsigned long long)bytes_in, first_error);
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) == NULL ? 0 : 1;
}
