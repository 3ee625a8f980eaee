// SPDX-License-Identifier: Apache-2.0
// The bytes between OpenSSL and the channel below. Writing never blocks OpenSSL: what `below` does
// not take is kept here, so OpenSSL holds no half-sent record and has no rules about retries.
// Within one call reading does not ask `below` again after it gave less than it was asked for:
// readiness of `below` is level-triggered and will tell.
#include "tls/footing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
    // More than any handshake sends. A peer that asks for answers (key updates) and never reads
    // them ends here.
    UNSENT_LIMIT_BYTES = 512 * 1024,
    UNSENT_FIRST_BYTES = 4096,
    GATHERED_BYTES = 288 * 1024, // a run of TLS_RUN_BYTES, sealed by any cipher suite
};

// ---- unsent bytes

static bool unsent_reserve(struct tls_footing *footing, size_t bytes)
{
    size_t need = footing->unsent_end + bytes;
    if (need <= footing->unsent_capacity)
        return true;
    if (need > UNSENT_LIMIT_BYTES)
        return false;
    size_t capacity = footing->unsent_capacity ? footing->unsent_capacity : UNSENT_FIRST_BYTES;
    while (capacity < need)
        capacity *= 2;
    uint8_t *grown = realloc(footing->unsent, capacity);
    if (!grown)
        return false;
    footing->unsent = grown;
    footing->unsent_capacity = (uint32_t)capacity;
    return true;
}

static bool unsent_add(struct tls_footing *footing, struct span bytes)
{
    if (span_is_empty(bytes))
        return true;
    if (!unsent_reserve(footing, bytes.size)) {
        footing->is_broken = true;
        return false;
    }
    memcpy(footing->unsent + footing->unsent_end, bytes.data, bytes.size);
    footing->unsent_end += (uint32_t)bytes.size;
    return true;
}

void tls_footing_done(struct tls_footing *footing)
{
    free(footing->unsent);
    footing->unsent = NULL;
    footing->unsent_start = footing->unsent_end = footing->unsent_capacity = 0;
}

// How much of `bytes` the channel below takes now.
static size_t send_below(struct tls_footing *footing, struct span bytes)
{
    struct moved moved = channel_write(footing->below, bytes);
    if (moved.outcome == CHANNEL_BROKEN)
        footing->is_broken = true;
    return moved.outcome == CHANNEL_MOVED ? moved.bytes : 0;
}

// Sends `bytes` after what is unsent; what is not taken is kept.
static bool send_or_keep(struct tls_footing *footing, struct span bytes)
{
    if (tls_footing_is_clear(footing))
        bytes = span_after(bytes, send_below(footing, bytes));
    return !footing->is_broken && unsent_add(footing, bytes);
}

void tls_footing_flush(struct tls_footing *footing)
{
    while (!tls_footing_is_clear(footing)) {
        size_t sent = send_below(footing, span_of(footing->unsent + footing->unsent_start,
                                                  footing->unsent_end - footing->unsent_start));
        if (sent == 0)
            return;
        footing->unsent_start += (uint32_t)sent;
    }
    tls_footing_done(footing);
}

// ---- what all of a thread share

// Between cork and uncork nothing but one footing is at work in a thread, so they gather in one
// place. It is touched only as far as somebody gathers.
struct footing_shared {
    BIO *bio;
    size_t gathered_bytes;
    uint8_t gathered[GATHERED_BYTES];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t of_thread; // owns this thread's footing_shared
static BIO_METHOD *method;

static bool send_gathered(struct tls_footing *footing, struct footing_shared *shared)
{
    struct span bytes = span_of(shared->gathered, shared->gathered_bytes);
    shared->gathered_bytes = 0;
    return span_is_empty(bytes) || send_or_keep(footing, bytes);
}

static bool gather(struct tls_footing *footing, struct span bytes)
{
    struct footing_shared *shared = pthread_getspecific(of_thread);
    CHECK(bytes.size <= GATHERED_BYTES); // OpenSSL gives a record at a time
    if (bytes.size > GATHERED_BYTES - shared->gathered_bytes && !send_gathered(footing, shared))
        return false;
    memcpy(shared->gathered + shared->gathered_bytes, bytes.data, bytes.size);
    shared->gathered_bytes += bytes.size;
    return true;
}

void tls_footing_cork(struct tls_footing *footing)
{
    footing->is_corked = true;
}

void tls_footing_uncork(struct tls_footing *footing)
{
    if (footing->is_corked)
        send_gathered(footing, pthread_getspecific(of_thread));
    footing->is_corked = false;
}

// ---- the BIO

static int bio_read(BIO *bio, char *data, size_t size, size_t *ret_bytes)
{
    struct tls_footing *footing = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    struct moved moved = {0, CHANNEL_BLOCKED};
    if (!footing->is_dry)
        moved = channel_read(footing->below, data, size);
    *ret_bytes = moved.bytes;
    footing->is_dry =
        moved.outcome == CHANNEL_BLOCKED || (moved.outcome == CHANNEL_MOVED && moved.bytes < size);
    footing->has_ended = moved.outcome == CHANNEL_ENDED;
    if (moved.outcome == CHANNEL_BROKEN)
        footing->is_broken = true;
    if (moved.outcome == CHANNEL_BLOCKED)
        BIO_set_retry_read(bio);
    return moved.outcome == CHANNEL_MOVED;
}

static int bio_write(BIO *bio, const char *data, size_t size, size_t *ret_bytes)
{
    struct tls_footing *footing = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    struct span bytes = span_of(data, size);
    *ret_bytes = size;
    return footing->is_corked ? gather(footing, bytes) : send_or_keep(footing, bytes);
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH; // and to everything else: no
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static void shared_free(void *pointer)
{
    struct footing_shared *shared = pointer;
    if (shared)
        BIO_free(shared->bio);
    free(shared);
}

static void prepare(void)
{
    CHECK(pthread_key_create(&of_thread, shared_free) == 0);
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "handfast channel");
    CHECK(method && BIO_meth_set_read_ex(method, bio_read) == 1 &&
          BIO_meth_set_write_ex(method, bio_write) == 1 &&
          BIO_meth_set_ctrl(method, bio_control) == 1 &&
          BIO_meth_set_create(method, bio_create) == 1);
}

static struct footing_shared *shared_new(void)
{
    struct footing_shared *shared = malloc(sizeof *shared);
    if (!shared)
        return NULL;
    shared->gathered_bytes = 0;
    shared->bio = BIO_new(method);
    if (shared->bio && pthread_setspecific(of_thread, shared) == 0)
        return shared;
    shared_free(shared);
    return NULL;
}

BIO *tls_footing_bio(void)
{
    pthread_once(&once, prepare);
    struct footing_shared *shared = pthread_getspecific(of_thread);
    if (!shared)
        shared = shared_new();
    return shared ? shared->bio : NULL;
}

void tls_footing_enter(struct tls_footing *footing, BIO *bio)
{
    footing->is_dry = false;
    BIO_set_data(bio, footing);
}
