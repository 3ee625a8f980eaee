// SPDX-License-Identifier: Apache-2.0
// Fuzzes base64_decode: with any room, the same answer, the same front part, and not a byte beyond.
#include <stdlib.h>

#include "base/check.h"
#include "wire/base64.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    size_t capacity = size / 4 * 3 + 3;
    size_t written, total, less_written, less_total;
    uint8_t *whole = malloc(capacity);
    CHECK(whole);
    bool is_good = base64_decode(text, whole, capacity, &written, &total);

    size_t less = size % 17;
    uint8_t *part = malloc(less ? less : 1);
    CHECK(part);
    CHECK(base64_decode(text, part, less, &less_written, &less_total) == is_good);
    if (is_good) {
        CHECK(written == total && total <= size * 3 / 4);
        CHECK(less_total == total && less_written == (total < less ? total : less));
        CHECK(less_written == 0 || memcmp(part, whole, less_written) == 0);
    }
    free(part);
    free(whole);
    return 0;
}
