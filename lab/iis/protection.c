// SPDX-License-Identifier: Apache-2.0
// See protection.h. The two tables are written as code so that each row can be read beside the
// documented one.
#include "protection.h"

#include <string.h>

#include "digest.h"

// flags None: the binding is compared, the SPN is not looked at.
static bool binding_fits_direct(const struct protection *p, const struct claim *c,
                                const uint8_t *own)
{
    switch (c->binding) {
    case CLAIM_SILENT:
        return p->level == PROTECTION_ALLOW;
    case CLAIM_EMPTY:
        return false;
    case CLAIM_BOUND:
        return own && memcmp(own, c->bound_to, 16) == 0;
    }
    return false;
}

// flag Proxy: the binding cannot be this server's, so it only has to be there.
static bool binding_fits_proxy(const struct protection *p, const struct claim *c)
{
    if (p->cohosting || c->binding == CLAIM_BOUND)
        return true;
    return c->binding == CLAIM_SILENT && p->level == PROTECTION_ALLOW;
}

static bool spn_fits(const struct protection *p, const struct claim *c)
{
    if (p->no_spn_check)
        return true;
    if (!c->has_spn)
        return p->level == PROTECTION_ALLOW;
    for (size_t i = 0; i < p->spn_count; i++)
        if (span_is_word(span_of(c->spn), p->spns[i]))
            return true;
    return false;
}

const char *protection_objects(const struct protection *p, const struct claim *c,
                               const uint8_t *own)
{
    if (p->level == PROTECTION_NONE)
        return NULL;
    if (!p->proxy)
        return binding_fits_direct(p, c, own) ? NULL : "bad-binding";
    if (!binding_fits_proxy(p, c))
        return "bad-binding";
    return spn_fits(p, c) ? NULL : "bad-spn";
}

void protection_binding(struct span certificate_hash, uint8_t out[16])
{
    struct buffer flat = {0};
    buffer_add_u64le(&flat, 0); // initiator: address type, length
    buffer_add_u64le(&flat, 0); // acceptor: address type, length
    static const char prefix[] = "tls-server-end-point:";
    buffer_add_u32le(&flat, (uint32_t)(sizeof prefix - 1 + certificate_hash.len));
    buffer_add_text(&flat, prefix);
    buffer_add_span(&flat, certificate_hash);
    digest_md5(buffer_span(&flat), out);
    buffer_done(&flat);
}
