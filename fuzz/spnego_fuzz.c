// SPDX-License-Identifier: Apache-2.0
// Fuzzes spnego_read: the inner token lies inside, the counts hold, and what is read whole is read alike
// by a reader that expects the end to be missing.
#include "base/check.h"
#include "wire/spnego.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read(struct span message, bool is_cut, struct spnego *spnego)
{
    *spnego = (struct spnego){.neg_state = 77};
    if (!spnego_read(der_over(message, is_cut), spnego)) {
        CHECK(spnego->neg_state == 77);
        return false;
    }
    struct span token = spnego->mech_token.rest;
    CHECK(token.size == 0 || (token.data >= message.data &&
                              token.data + token.size <= message.data + message.size));
    CHECK(spnego->mech_count <= SPNEGO_MECHS_MAX);
    CHECK(spnego->neg_state >= -1 && spnego->neg_state <= 3);
    CHECK(spnego->is_response ? spnego->mech_count <= 1 : spnego->neg_state == -1);
    CHECK(is_cut || !spnego->mech_token.is_cut);
    for (size_t i = 0; i < spnego->mech_count; i++)
        CHECK(spnego->mechs[i] <= TOKEN_MECH_IAKERB);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_of(data, size);
    struct spnego whole, cut;

    bool is_whole = read(message, false, &whole);
    bool is_cut = read(message, true, &cut);
    if (is_whole) {
        CHECK(is_cut && whole.mech_count == cut.mech_count);
        CHECK(span_equal(whole.mech_token.rest, cut.mech_token.rest));
    }
    return 0;
}
