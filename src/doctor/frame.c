// SPDX-License-Identifier: Apache-2.0
// See frame.h. DER is written from its end to its beginning, so that every length is known when its
// turn comes.
#include "doctor/frame.h"

#include <stdlib.h>

#include "base/check.h"
#include "wire/base64.h"

#define WRAPPING_MAX 128 // of all heads and object identifiers together

#define KERBEROS_OID 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02

static const uint8_t kerberos_oid[] = {KERBEROS_OID};
static const uint8_t ntlm_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a};
static const uint8_t spnego_oid[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x02};

// Filled from the end.
struct writer {
    uint8_t *bytes;
    size_t capacity;
    size_t at; // where the written part begins
};

static bool writer_init(struct writer *writer, struct span content)
{
    writer->capacity = writer->at = content.size + WRAPPING_MAX;
    writer->bytes = malloc(writer->capacity);
    return writer->bytes;
}

static size_t written(const struct writer *writer)
{
    return writer->capacity - writer->at;
}

static void put(struct writer *writer, const void *bytes, size_t size)
{
    CHECK(size <= writer->at);
    writer->at -= size;
    if (size)
        memcpy(writer->bytes + writer->at, bytes, size);
}

static void put_byte(struct writer *writer, size_t byte)
{
    put(writer, &(uint8_t){(uint8_t)byte}, 1);
}

// The head of an element whose content was written since `end` bytes stood there.
static void put_head(struct writer *writer, unsigned tag, size_t end)
{
    size_t size = written(writer) - end;
    size_t long_bytes = 0;

    if (size < 0x80) {
        put_byte(writer, size);
    } else {
        for (size_t left = size; left; left >>= 8, long_bytes++)
            put_byte(writer, left & 0xff);
        put_byte(writer, 0x80 | long_bytes);
    }
    put_byte(writer, tag);
}

static void put_oid(struct writer *writer, struct span oid)
{
    size_t end = written(writer);

    put(writer, oid.data, oid.size);
    put_head(writer, DER_OID, end);
}

static char *writer_end(struct writer *writer)
{
    char *text = frame_plain(span_of(writer->bytes + writer->at, written(writer)));

    explicit_bzero(writer->bytes, writer->capacity);
    free(writer->bytes);
    return text;
}

char *frame_plain(struct span token)
{
    char *text = calloc(1, base64_size(token.size) + 1);

    if (text)
        base64_encode(token, text);
    return text;
}

static void put_token(struct writer *writer, struct span token)
{
    put(writer, token.data, token.size);
    put_head(writer, DER_OCTETS, 0);
    put_head(writer, DER_CONTEXT(2), 0);
}

char *frame_init(enum token_mech mech, struct span token)
{
    struct span oid = mech == TOKEN_MECH_NTLM ? span_of(ntlm_oid, sizeof(ntlm_oid))
                                              : span_of(kerberos_oid, sizeof(kerberos_oid));
    struct writer writer;

    if (!writer_init(&writer, token))
        return NULL;
    put_token(&writer, token);
    size_t end = written(&writer);
    put_oid(&writer, oid);
    put_head(&writer, DER_SEQUENCE, end);
    put_head(&writer, DER_CONTEXT(0), end);
    put_head(&writer, DER_SEQUENCE, 0);
    put_head(&writer, DER_CONTEXT(0), 0);
    put_oid(&writer, span_of(spnego_oid, sizeof(spnego_oid)));
    put_head(&writer, DER_APPLICATION(0), 0);
    return writer_end(&writer);
}

char *frame_response(struct span token)
{
    struct writer writer;

    if (!writer_init(&writer, token))
        return NULL;
    put_token(&writer, token);
    put_head(&writer, DER_SEQUENCE, 0);
    put_head(&writer, DER_CONTEXT(1), 0);
    return writer_end(&writer);
}

uint8_t *frame_kerberos(struct span ap_req, size_t *ret_size)
{
    static const uint8_t tok_id[2] = {1, 0};
    struct writer writer;

    if (!writer_init(&writer, ap_req))
        return NULL;
    put(&writer, ap_req.data, ap_req.size);
    put(&writer, tok_id, sizeof(tok_id));
    put_oid(&writer, span_of(kerberos_oid, sizeof(kerberos_oid)));
    put_head(&writer, DER_APPLICATION(0), 0);
    *ret_size = written(&writer);
    memmove(writer.bytes, writer.bytes + writer.at, *ret_size);
    return writer.bytes;
}

bool frame_open(const char *base64, struct frame *ret_frame)
{
    struct span text = span_text(base64);
    size_t capacity = text.size / 4 * 3 + 3;
    size_t size = 0;
    size_t total = 0;
    struct spnego spnego;

    if (text.size == 0 || capacity > FRAME_TOKEN_MAX)
        return false;
    uint8_t *bytes = malloc(capacity);
    if (!bytes || !base64_decode(text, bytes, capacity, &size, &total)) {
        free(bytes);
        return false;
    }
    *ret_frame = (struct frame){.bytes = bytes, .inner = span_of(bytes, size), .neg_state = -1};
    if (spnego_read(der_over(ret_frame->inner, false), &spnego)) {
        ret_frame->in_spnego = true;
        ret_frame->neg_state = spnego.neg_state;
        ret_frame->inner = spnego.mech_token.rest;
    }
    return true;
}

void frame_done(struct frame *frame)
{
    free(frame->bytes);
    *frame = (struct frame){.neg_state = -1};
}
