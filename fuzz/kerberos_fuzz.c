// SPDX-License-Identifier: Apache-2.0
// Fuzzes kerberos_read: names lie inside, numbers keep their ranges, and what is read whole is read alike by
// a reader that expects the end to be missing.
#include "base/check.h"
#include "wire/kerberos.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct span inner, struct span outer)
{
    CHECK(inner.size == 0 || (inner.data >= outer.data &&
                              inner.data + inner.size <= outer.data + outer.size));
}

static bool read(struct span message, bool is_cut, struct kerberos *kerberos)
{
    *kerberos = (struct kerberos){.kvno = 77};
    if (!kerberos_read(der_over(message, is_cut), kerberos)) {
        CHECK(kerberos->kvno == 77);
        return false;
    }
    check_inside(kerberos->realm, message);
    CHECK(kerberos->name_part_count <= KERBEROS_NAME_PARTS_MAX);
    for (size_t i = 0; i < kerberos->name_part_count; i++)
        check_inside(kerberos->name_parts[i], message);
    CHECK(kerberos->kvno >= -1 && kerberos->kvno <= UINT32_MAX);
    CHECK(kerberos->error >= -1 && (kerberos->error == -1 || kerberos->kind == KERBEROS_ERROR));
    CHECK(kerberos->ticket_bytes < message.size);
    // from 1970 to the end of 9999
    CHECK(kerberos->server_time >= -1 && kerberos->server_time <= 253402300800 + 3 * 86400);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span message = span_of(data, size);
    struct kerberos whole, cut;

    bool is_whole = read(message, false, &whole);
    bool is_cut = read(message, true, &cut);
    if (is_whole) {
        CHECK(is_cut && whole.kind == cut.kind && whole.error == cut.error);
        CHECK(whole.etype == cut.etype && whole.kvno == cut.kvno);
        CHECK(whole.sender_etype == cut.sender_etype && whole.ticket_bytes == cut.ticket_bytes);
        CHECK(whole.ap_options == cut.ap_options);
        CHECK(whole.name_part_count == cut.name_part_count);
    }
    return 0;
}
