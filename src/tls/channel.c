// SPDX-License-Identifier: Apache-2.0
// A TLS channel above a channel. It decides nothing about names or certificates: contexts come from
// outside. It owns the channel below and its SSL object, and belongs to one thread. OpenSSL's error
// queue is emptied before each call and whenever one fails, so that one connection's errors never
// become another's.
#include "tls/channel.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "tls/context.h"
#include "tls/session.h"

enum {
    RECORD_BYTES = 16384,   // what one record holds (RFC 8446 section 5.1)
    RUN_BYTES = 256 * 1024, // what leaves in one send
};

static struct tls_channel *of_channel(const struct channel *channel)
{
    return CONTAINER(channel, struct tls_channel, base);
}

struct tls_channel *tls_channel_of(const SSL *ssl)
{
    return CONTAINER(BIO_get_data(SSL_get_rbio(ssl)), struct tls_channel, footing);
}

static void enter(struct tls_channel *channel)
{
    if (ERR_peek_error()) // much cheaper than clearing what is clear
        ERR_clear_error();
    tls_footing_enter(&channel->footing, SSL_get_rbio(channel->ssl));
}

// ---- what went wrong

static enum channel_outcome fail(struct tls_channel *channel, enum end end, const char *problem)
{
    if (channel->base.end == END_OK) {
        channel->base.end = end;
        channel->problem = problem;
    }
    return CHANNEL_BROKEN;
}

static enum channel_outcome fail_below(struct tls_channel *channel)
{
    enum end end = channel->footing.below->end;
    return fail(channel, end != END_OK ? end : channel->base.end_reset, NULL);
}

static enum channel_outcome fail_tls(struct tls_channel *channel, const char *problem)
{
    return fail(channel, channel->is_client ? END_SERVER_TLS_FAILED : END_TLS_FAILED, problem);
}

static enum channel_outcome fail_by_error(struct tls_channel *channel)
{
    unsigned long error = tls_error_take();
    long verdict = SSL_get_verify_result(channel->ssl);
    if (ERR_GET_LIB(error) == ERR_LIB_SSL &&
        ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED && verdict != X509_V_OK)
        return fail(channel, channel->is_client ? END_SERVER_CERTIFICATE : END_TLS_FAILED,
                    X509_verify_cert_error_string(verdict));
    return fail_tls(channel, tls_error_words(error, "the TLS library gives no reason"));
}

// The other side has said goodbye: has it closed its socket too? It says so right behind.
static bool has_closed_below(const struct tls_channel *channel)
{
    struct channel *below = channel->footing.below;
    uint8_t byte;
    return below->is_finished || channel_read(below, &byte, sizeof byte).outcome == CHANNEL_ENDED;
}

// What a call into OpenSSL that answered `result` <= 0 means for the channel.
static enum channel_outcome outcome_of(struct tls_channel *channel, int result)
{
    if (channel->footing.is_broken) {
        ERR_clear_error();
        return fail_below(channel);
    }
    switch (SSL_get_error(channel->ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return CHANNEL_BLOCKED;
    case SSL_ERROR_ZERO_RETURN:
        if (has_closed_below(channel))
            channel->owes_goodbye = false; // it would be answered with a reset
        return CHANNEL_ENDED;
    case SSL_ERROR_SYSCALL:
        if (!channel->footing.has_ended)
            return fail_by_error(channel);
        channel->base.is_cut = true;
        channel->owes_goodbye = false; // who left without a word is not waiting for one
        return CHANNEL_ENDED;
    default:
        return fail_by_error(channel);
    }
}

// ---- what to want of the channel below

static bool is_broken(const struct tls_channel *channel)
{
    return channel->base.end != END_OK;
}

static unsigned wanted_below(const struct tls_channel *channel)
{
    unsigned wanted = channel->base.wanted;
    if (!channel->base.is_open && wanted != CHANNEL_NOTHING)
        // the handshake reads, whatever it is that waits for it; a client begins by writing
        wanted = channel->is_started || !channel->is_client ? CHANNEL_READ : CHANNEL_WRITE;
    if (!tls_footing_is_clear(&channel->footing))
        wanted |= CHANNEL_WRITE;
    return is_broken(channel) ? CHANNEL_NOTHING : wanted;
}

// After every call: asks below for what is needed now, and sees to decoded bytes nobody else will
// tell of.
static void settle(struct tls_channel *channel)
{
    if (channel->is_closed)
        return;
    if (channel->has_spare_buffers && SSL_free_buffers(channel->ssl) == 1)
        channel->has_spare_buffers = false;
    channel_want(channel->footing.below, wanted_below(channel));
    if (channel->base.has_pending && (channel->base.wanted & CHANNEL_READ))
        loop_soon(channel->loop, &channel->task);
}

static void flush(struct tls_channel *channel)
{
    tls_footing_flush(&channel->footing);
    if (channel->footing.is_broken)
        fail_below(channel);
    if (channel->is_shut && !channel->is_shut_below && tls_footing_is_clear(&channel->footing)) {
        channel->is_shut_below = true;
        channel_shut(channel->footing.below);
    }
}

// ---- handshake

static void empty(EVP_PKEY *key)
{
    EVP_PKEY_set_type(key, EVP_PKEY_X25519); // drops what it held
    EVP_PKEY_free(key);
}

// OpenSSL keeps both ephemeral keys for the life of the connection and never asks for them again:
// 0.4 KiB, and secrets that have no business in memory.
static void forget_ephemeral_keys(struct tls_channel *channel)
{
    EVP_PKEY *ours = NULL, *theirs = NULL;
    if (SSL_get_tmp_key(channel->ssl, &ours) == 1)
        empty(ours);
    if (SSL_get_peer_tmp_key(channel->ssl, &theirs) == 1)
        empty(theirs);
    ERR_clear_error();
}

// A ticket or key update arrives. OpenSSL takes both record buffers for it, 33 KiB, and its release
// mode gives only one back.
static void on_later_message(const SSL *ssl, int where, int value)
{
    (void)value;
    if (where & SSL_CB_LOOP)
        tls_channel_of(ssl)->has_spare_buffers = true;
}

static void opened(struct tls_channel *channel)
{
    channel->base.is_open = true;
    // a server may speak first, in the same segment as its Finished
    channel->base.has_pending = SSL_has_pending(channel->ssl) == 1;
    channel->owes_goodbye = true;
    channel->has_spare_buffers = true;
    forget_ephemeral_keys(channel);
    SSL_set_info_callback(channel->ssl, on_later_message);
}

static enum channel_outcome handshake(struct tls_channel *channel)
{
    channel->is_started = true;
    tls_footing_cork(&channel->footing); // a flight, and the tickets, leave in one call
    int result = SSL_do_handshake(channel->ssl);
    enum channel_outcome outcome = result == 1 ? CHANNEL_MOVED : outcome_of(channel, result);
    tls_footing_uncork(&channel->footing);
    flush(channel);
    if (is_broken(channel))
        return CHANNEL_BROKEN;
    if (outcome == CHANNEL_ENDED)
        return fail_tls(channel, "the other side closed the connection during the handshake");
    if (outcome == CHANNEL_MOVED)
        opened(channel);
    return outcome;
}

// MOVED once the handshake is over.
static enum channel_outcome enter_open(struct tls_channel *channel)
{
    CHECK(!channel->is_closed);
    if (is_broken(channel))
        return CHANNEL_BROKEN;
    enter(channel);
    return channel->base.is_open ? CHANNEL_MOVED : handshake(channel);
}

// ---- reading

// Fills `data` from as many records as are there: the caller's buffer is what limits a read, not
// the record.
static enum channel_outcome read_records(struct tls_channel *channel, uint8_t *data, size_t size,
                                         size_t *got)
{
    while (*got < size) {
        size_t bytes = 0;
        int result = SSL_read_ex(channel->ssl, data + *got, size - *got, &bytes);
        if (result != 1)
            return outcome_of(channel, result);
        *got += bytes;
        if (channel->footing.is_dry && !SSL_has_pending(channel->ssl))
            return CHANNEL_BLOCKED;
    }
    return CHANNEL_MOVED;
}

static struct moved tls_read(struct channel *base, void *data, size_t size)
{
    struct tls_channel *channel = of_channel(base);
    size_t got = 0;
    enum channel_outcome outcome = enter_open(channel);
    if (outcome == CHANNEL_MOVED)
        outcome = read_records(channel, data, size, &got);
    flush(channel); // answers to key updates, alerts
    // A full buffer may leave more behind; an end that came right after data is told by the next
    // read.
    base->has_pending = outcome == CHANNEL_MOVED ? SSL_has_pending(channel->ssl) == 1
                                                 : got > 0 && outcome != CHANNEL_BLOCKED;
    settle(channel);
    return (struct moved){got, got > 0 ? CHANNEL_MOVED : outcome};
}

// ---- writing

// One record: how much of `data` it holds; 0 when none could be written.
static size_t seal_record(struct tls_channel *channel, struct span data,
                          enum channel_outcome *ret_outcome)
{
    size_t written = 0;
    struct span record = span_first(data, RECORD_BYTES);
    int result = SSL_write_ex(channel->ssl, record.data, record.size, &written);
    if (result != 1) {
        *ret_outcome = outcome_of(channel, result);
        return 0;
    }
    channel->owes_goodbye = true; // a half-closed client reads on and wants to know where it ends
    return written;
}

// A run of records leaves in one send: sending each by itself would wake the reader for each. Of a
// run that `below` does not take whole, the last byte is not reported as moved, so that the caller
// waits and comes back; then only that byte is still owed.
static size_t send_run(struct tls_channel *channel, struct span run,
                       enum channel_outcome *ret_outcome)
{
    struct tls_footing *footing = &channel->footing;
    size_t sealed = 0, written = 1;
    if (run.size > RECORD_BYTES)
        tls_footing_cork(footing);
    while (sealed < run.size && written > 0) {
        written = seal_record(channel, span_after(run, sealed), ret_outcome);
        sealed += written;
    }
    tls_footing_uncork(footing);
    if (footing->is_broken) {
        fail_below(channel);
        return 0;
    }
    channel->owes_byte = sealed > 0 && !tls_footing_is_clear(footing);
    return sealed - channel->owes_byte;
}

// While `below` takes what is sealed.
static enum channel_outcome write_runs(struct tls_channel *channel, struct span data, size_t *moved)
{
    enum channel_outcome outcome = CHANNEL_BLOCKED;
    flush(channel);
    if (channel->owes_byte && tls_footing_is_clear(&channel->footing) && data.size > 0) {
        channel->owes_byte = false;
        *moved = 1;
    }
    while (*moved < data.size && tls_footing_is_clear(&channel->footing)) {
        size_t sent = send_run(channel, span_first(span_after(data, *moved), RUN_BYTES), &outcome);
        if (sent == 0)
            break;
        *moved += sent;
    }
    return is_broken(channel) ? CHANNEL_BROKEN : outcome;
}

static struct moved tls_write(struct channel *base, struct span data)
{
    struct tls_channel *channel = of_channel(base);
    size_t moved = 0;
    enum channel_outcome outcome = enter_open(channel);
    if (outcome == CHANNEL_MOVED)
        outcome = write_runs(channel, data, &moved);
    settle(channel);
    return (struct moved){moved, moved > 0 ? CHANNEL_MOVED : outcome};
}

// ---- waiting

static void tls_want(struct channel *base, unsigned wanted)
{
    base->wanted = wanted;
    settle(of_channel(base));
}

static void tell(struct tls_channel *channel, unsigned ready)
{
    if (ready != CHANNEL_NOTHING && channel->base.on_ready)
        channel->base.on_ready(&channel->base, ready);
}

static void on_pending(struct task *task)
{
    struct tls_channel *channel = CONTAINER(task, struct tls_channel, task);
    if (channel->base.has_pending && (channel->base.wanted & CHANNEL_READ))
        tell(channel, CHANNEL_READ);
}

static unsigned advance_handshake(struct tls_channel *channel)
{
    enter(channel);
    if (handshake(channel) == CHANNEL_BLOCKED)
        return CHANNEL_NOTHING;
    return channel->base.wanted != CHANNEL_NOTHING ? channel->base.wanted : CHANNEL_WRITE;
}

static unsigned advance_open(struct tls_channel *channel, unsigned ready)
{
    bool was_clear = tls_footing_is_clear(&channel->footing);
    flush(channel);
    if (!tls_footing_is_clear(&channel->footing) ||
        (!was_clear && !(channel->base.wanted & CHANNEL_WRITE)))
        ready &= ~(unsigned)CHANNEL_WRITE;
    // readiness nobody asked for is a hang-up: it is the owner's to hear
    unsigned asked = ready & channel->base.wanted;
    return asked ? asked : ready;
}

static void on_below_ready(struct channel *below, unsigned ready)
{
    struct tls_channel *channel = below->owner;
    if (is_broken(channel))
        ready = CHANNEL_READ | CHANNEL_WRITE;
    else if (below->end != END_OK)
        fail_below(channel);
    else if (!below->is_open)
        return;
    else if (!channel->base.is_open)
        ready = advance_handshake(channel);
    else
        ready = advance_open(channel, ready);
    if (is_broken(channel))
        ready = CHANNEL_READ | CHANNEL_WRITE;
    settle(channel);
    tell(channel, ready);
}

// ---- ending

static void say_goodbye(struct tls_channel *channel)
{
    if (channel->is_shut || is_broken(channel))
        return;
    channel->is_shut = true;
    if (channel->owes_goodbye && !channel->base.ends_cut) {
        enter(channel);
        SSL_shutdown(channel->ssl);
        ERR_clear_error();
    }
}

static void tls_shut(struct channel *base)
{
    struct tls_channel *channel = of_channel(base);
    if (SSL_get_shutdown(channel->ssl) & SSL_RECEIVED_SHUTDOWN)
        channel->owes_goodbye = true; // a polite half-close may be waiting for our end
    say_goodbye(channel);
    flush(channel);
    settle(channel);
}

static void bury(struct task *task)
{
    struct tls_channel *channel = CONTAINER(task, struct tls_channel, task);
    // OpenSSL forbids the session of a connection that ended without goodbye to resume; the peer
    // does not mind
    if (!channel->problem)
        SSL_set_shutdown(channel->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(channel->ssl);
    tls_sessions_free(channel->sessions);
    tls_footing_done(&channel->footing);
    free(channel);
}

static void tls_close(struct channel *base, bool abort)
{
    struct tls_channel *channel = of_channel(base);
    CHECK(!channel->is_closed);
    base->on_ready = NULL;
    if (!abort) {
        say_goodbye(channel);
        tls_footing_flush(&channel->footing);
    }
    channel->is_closed = true;
    channel->footing.below->on_ready = NULL;
    channel_close(channel->footing.below, abort);
    loop_task_cancel(&channel->task);
    task_init(&channel->task, bury);
    loop_last(channel->loop, &channel->task);
}

static bool tls_is_silent(const struct channel *base)
{
    return !base->has_pending && channel_is_silent(of_channel(base)->footing.below);
}

static int tls_plain_fd(const struct channel *channel)
{
    (void)channel;
    return -1;
}

static const struct channel_ops tls_ops = {
    .name = "tls",
    .read = tls_read,
    .write = tls_write,
    .want = tls_want,
    .shut = tls_shut,
    .close = tls_close,
    .is_silent = tls_is_silent,
    .plain_fd = tls_plain_fd,
};

// ---- beginning

static SSL *ssl_above_channels(SSL_CTX *context)
{
    BIO *bio = tls_footing_bio();
    SSL *ssl = bio ? SSL_new(context) : NULL;
    if (!ssl)
        return NULL;
    BIO_up_ref(bio);
    SSL_set_bio(ssl, bio, bio);
    return ssl;
}

static struct tls_channel *channel_new(struct loop *loop, SSL_CTX *context)
{
    struct tls_channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return NULL;
    channel->ssl = ssl_above_channels(context);
    if (!channel->ssl) {
        ERR_clear_error();
        free(channel);
        return NULL;
    }
    channel->base.ops = &tls_ops;
    channel->loop = loop;
    task_init(&channel->task, on_pending);
    return channel;
}

static struct channel *stand_on(struct tls_channel *channel, struct channel *below)
{
    channel->footing.below = below;
    channel->base.end_reset = below->end_reset;
    below->owner = channel;
    below->on_ready = on_below_ready;
    return &channel->base;
}

struct channel *tls_accept(struct loop *loop, struct tls_server *server, struct channel *below)
{
    struct tls_channel *channel = channel_new(loop, server->context);
    if (!channel)
        return NULL;
    SSL_set_accept_state(channel->ssl);
    return stand_on(channel, below);
}

static bool is_address(const char *name)
{
    uint8_t bytes[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

// SNI carries no addresses (RFC 6066 section 3).
static bool expect_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

struct channel *tls_connect(struct loop *loop, struct tls_client *client, const char *name,
                            struct tls_sessions *sessions, struct channel *below)
{
    struct tls_channel *channel = channel_new(loop, client->context);
    if (!channel)
        return NULL;
    SSL_set_connect_state(channel->ssl);
    if (!expect_name(channel->ssl, name)) {
        ERR_clear_error();
        SSL_free(channel->ssl);
        free(channel);
        return NULL;
    }
    channel->is_client = true;
    channel->sessions = sessions;
    if (sessions)
        channel->sessions_generation = tls_sessions_offer(sessions, client, name, channel->ssl);
    return stand_on(channel, below);
}

// ---- what is known about a channel

// NULL when it is not ours.
static const struct tls_channel *known(const struct channel *channel)
{
    return channel->ops == &tls_ops ? of_channel(channel) : NULL;
}

SSL *tls_channel_ssl(const struct channel *base)
{
    const struct tls_channel *channel = known(base);
    return channel ? channel->ssl : NULL;
}

static bool chose_h2(const SSL *ssl)
{
    const uint8_t *data = NULL;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl, &data, &size);
    return span_equal(span_of(data, size), SPAN("h2"));
}

void tls_channel_facts(const struct channel *base, struct tls_facts *ret_facts)
{
    const struct tls_channel *channel = known(base);
    *ret_facts = (struct tls_facts){.version = "", .cipher = ""};
    if (!channel || !base->is_open)
        return;
    ret_facts->version = SSL_get_version(channel->ssl);
    ret_facts->cipher = SSL_get_cipher_name(channel->ssl);
    ret_facts->resumed = SSL_session_reused(channel->ssl) == 1;
    ret_facts->is_h2 = chose_h2(channel->ssl);
}

const char *tls_channel_problem(const struct channel *base)
{
    const struct tls_channel *channel = known(base);
    return channel && channel->problem ? channel->problem : "";
}

struct span tls_alert_unrecognized_name(void)
{
    static const uint8_t record[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x70};
    return span_of(record, sizeof record);
}

struct span tls_alert_decode_error(void)
{
    static const uint8_t record[] = {0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x32};
    return span_of(record, sizeof record);
}
