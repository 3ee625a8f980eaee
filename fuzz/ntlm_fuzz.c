// SPDX-License-Identifier: Apache-2.0
// Fuzzes ntlm_read: every name lies inside the message, and the three lengths that mean something hold.
#include "base/check.h"
#include "wire/ntlm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct span inner, struct span outer)
{
    CHECK(inner.size == 0 || (inner.data >= outer.data &&
                              inner.data + inner.size <= outer.data + outer.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_of(data, size);
    struct ntlm ntlm = {.type = 77};

    if (!ntlm_read(message, &ntlm)) {
        CHECK(ntlm.type == 77);
        return 0;
    }
    const struct span all[] = {
        ntlm.domain.bytes,   ntlm.user.bytes,  ntlm.workstation.bytes, ntlm.netbios_computer,
        ntlm.netbios_domain, ntlm.dns_computer, ntlm.dns_domain,       ntlm.dns_tree,
        ntlm.spn,            ntlm.channel_binding,
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        check_inside(all[i], message);
    CHECK(ntlm.type >= 1 && ntlm.type <= 3);
    CHECK(ntlm.response_version <= 2);
    CHECK(ntlm.has_mic == !!(ntlm.av_flags & NTLM_AV_MIC));
    CHECK(ntlm.channel_binding.size == 0 || ntlm.channel_binding.size == 16);
    CHECK(!ntlm.is_anonymous || (ntlm.type == 3 && ntlm.response_version == 0 && ntlm.user.bytes.size == 0));
    CHECK(ntlm.type == 3 || (ntlm.user.bytes.size == 0 && ntlm.response_version == 0));
    return 0;
}
