// SPDX-License-Identifier: Apache-2.0
// Fuzzes negoex_read: counts keep their bounds, providers lie inside and are whole GUIDs, and front parts say
// no more than the whole.
#include "base/check.h"
#include "wire/negoex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span token = span_of(data, size);
    struct negoex negoex = {.type_count = 77};
    struct negoex part;

    if (!negoex_read(token, &negoex)) {
        CHECK(negoex.type_count == 77);
        return 0;
    }
    CHECK(negoex.type_count <= NEGOEX_MESSAGES_MAX);
    for (size_t i = 0; i < negoex.type_count; i++)
        CHECK(negoex.types[i] <= NEGOEX_ALERT);
    CHECK(negoex.schemes.size % NEGOEX_GUID_BYTES == 0);
    CHECK(negoex.schemes.size == 0 || (negoex.schemes.data >= data &&
                                       negoex.schemes.data + negoex.schemes.size <= data + size));
    CHECK(!negoex.is_whole || negoex.type_count > 0);
    CHECK(negoex_read(span_first(token, size / 2 + 8), &part));
    CHECK(part.type_count <= negoex.type_count);
    return 0;
}
