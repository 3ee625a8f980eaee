// SPDX-License-Identifier: Apache-2.0
// Does anybody listen? One TCP connection, closed at once.
#include <errno.h>

#include "base/check.h"
#include "base/clock.h"
#include "doctor/look/look.h"

static const char *words_of(enum end end, int error)
{
    if (end == END_CONNECT_REFUSED)
        return "refused";
    if (end == END_CONNECT_TIMEOUT)
        return "timeout";
    if (error == EHOSTUNREACH || error == ENETUNREACH)
        return "unreachable";
    return error ? strerror(error) : end_sentence(end);
}

json_t *look_tcp(const struct look_round *round, const struct look_end *end)
{
    struct dial *dial = NULL;
    uint64_t began_us = loop_now_us();
    errno = 0;
    struct status status =
        dial_open(&end->address, began_us + round->subject->patience_ms * US_PER_MS, &dial);
    int error = errno;
    // of the two families this machine may have only one; that says nothing about the front
    if (end->is_further && !is_ok(status) && error == ENETUNREACH)
        return NULL;
    json_t *node = json_pack("{s:b,s:o,s:f}", "is_open", is_ok(status), "error",
                             look_text(is_ok(status) ? "" : words_of(status.end, error)), "ms",
                             (double)(loop_now_us() - began_us) / (double)US_PER_MS);
    CHECK(node);
    dial_close(dial);
    return node;
}
