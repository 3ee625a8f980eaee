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
    UNSENT_LIMIT_BYTES = 256 * 1024,
    UNSENT_FIRST_BYTES = 4096,
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
    if (!footing->is_corked && tls_footing_is_clear(footing))
        bytes = span_after(bytes, send_below(footing, bytes));
    *ret_bytes = size;
    return !footing->is_broken && unsent_add(footing, bytes);
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

// ---- one per thread

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t of_thread; // frees the BIO with its thread
static BIO_METHOD *method;

static void bio_free(void *bio)
{
    BIO_free(bio);
}

static void prepare(void)
{
    CHECK(pthread_key_create(&of_thread, bio_free) == 0);
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "handfast channel");
    CHECK(method && BIO_meth_set_read_ex(method, bio_read) == 1 &&
          BIO_meth_set_write_ex(method, bio_write) == 1 &&
          BIO_meth_set_ctrl(method, bio_control) == 1 &&
          BIO_meth_set_create(method, bio_create) == 1);
}

BIO *tls_footing_bio(void)
{
    pthread_once(&once, prepare);
    BIO *bio = pthread_getspecific(of_thread);
    if (!bio) {
        bio = BIO_new(method);
        if (bio && pthread_setspecific(of_thread, bio) != 0) {
            BIO_free(bio);
            bio = NULL;
        }
    }
    return bio;
}

void tls_footing_enter(struct tls_footing *footing, BIO *bio)
{
    footing->is_dry = false;
    BIO_set_data(bio, footing);
}
