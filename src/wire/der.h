// SPDX-License-Identifier: Apache-2.0
// A bounded cursor over DER, as far as SPNEGO and Kerberos need it. It never reads outside its span
// and owns nothing. Tags are one byte; lengths are definite, in one to five bytes. A length written
// longer than needed is accepted: we only report what others will judge.
// Source: ITU-T X.690 sections 8 and 10.
#pragma once

#include "base/span.h"

enum der_tag {
    DER_INTEGER = 0x02,
    DER_BITS = 0x03,
    DER_OCTETS = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_TIME = 0x18,   // GeneralizedTime
    DER_STRING = 0x1b, // GeneralString
    DER_SEQUENCE = 0x30,
};

// [n], constructed, context class and application class.
#define DER_CONTEXT(n)     (0xa0u | (n))
#define DER_APPLICATION(n) (0x60u | (n))

struct der {
    struct span rest;
    bool is_cut; // the bytes end early: the last element may be longer than what is here
};

static inline struct der der_over(struct span bytes, bool is_cut)
{
    return (struct der){bytes, is_cut};
}

static inline bool der_is_at(const struct der *der, unsigned tag)
{
    return der->rest.size > 0 && der->rest.data[0] == tag;
}

// Takes the next element, whatever it is. When the cursor is cut, an element that ends beyond the
// bytes is returned as far as it goes, itself cut. False, with nothing taken, on anything
// malformed.
bool der_next(struct der *der, unsigned *ret_tag, struct der *ret_content);

// Takes the next element if its tag is `tag`; otherwise takes nothing and answers false.
bool der_take(struct der *der, unsigned tag, struct der *ret_content);

// Takes a two's complement INTEGER or ENUMERATED of one to eight bytes.
bool der_take_integer(struct der *der, unsigned tag, int64_t *ret_value);

// Enters [n] and takes what `der_take` and `der_take_integer` take from it.
bool der_take_in(struct der *der, unsigned n, unsigned tag, struct der *ret_content);
bool der_take_integer_in(struct der *der, unsigned n, unsigned tag, int64_t *ret_value);

// Skips elements until one with `tag` is next. False when there is none.
bool der_seek(struct der *der, unsigned tag);
