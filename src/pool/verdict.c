// SPDX-License-Identifier: Apache-2.0
// Results into verdicts.
#include "pool/verdict.h"

#include "wire/token.h"

const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {"untried", "up", "down"};
    return words[verdict];
}

bool verdict_note(struct verdict_run *run, bool has_passed, unsigned rise, unsigned fall)
{
    enum verdict before = run->verdict;
    run->passed = has_passed ? run->passed + 1 : 0;
    run->failed = has_passed ? 0 : run->failed + 1;
    if (has_passed && (before == VERDICT_UNTRIED || run->passed >= rise))
        run->verdict = VERDICT_UP;
    if (!has_passed && (before == VERDICT_UNTRIED || run->failed >= fall))
        run->verdict = VERDICT_DOWN;
    return run->verdict != before;
}

uint64_t verdict_wait_ms(uint64_t interval_ms, uint64_t random)
{
    uint64_t reach = interval_ms / 10;
    uint64_t wait = interval_ms - reach + random % (2 * reach + 1);
    return wait ? wait : 1;
}

static bool offers_scheme(const struct head *head)
{
    for (size_t i = 0; i < head->field_count; i++) {
        struct span parameter;
        const struct field *field = &head->fields[i];
        if (field->id == FIELD_WWW_AUTHENTICATE &&
            auth_scheme_of(field->value, &parameter) != AUTH_SCHEME_NONE)
            return true;
    }
    return false;
}

bool verdict_accepts(const struct health_config *health, const struct response_head *head)
{
    for (size_t i = 0; i < health->expect_count; i++)
        if (health->expect[i] == head->status)
            return true;
    if (health->expect_count)
        return false;
    return (head->status >= 200 && head->status <= 399) ||
           (head->status == 401 && offers_scheme(&head->head));
}
