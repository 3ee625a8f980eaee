// SPDX-License-Identifier: Apache-2.0
// Names in which proxies speak of their clients, in every spelling that a server may take for one;
// and names that only look like them.
#include "material.h"

#include "wire/claim.h"

static void knows_claims(void **state)
{
    static const char *const names[] = {
        "Forwarded",        "X-Forwarded-For", "x_forwarded_for",  "X-Forwarded_Proto",
        "X-FORWARDED-HOST", "X-Forwarded-",    "X_Forwarded-Port", "X-Forwarded-Prefix",
        "Front-End-Https",  "front_end_https", "Front_End-HTTPS",  "X-ARR-SSL",
        "X-ARR-ClientCert", "x_arr_log_id",    "X-Original-URL",   "X_Original_URL",
        "X-Rewrite-URL",    "x-rewrite_url",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_true(claim_is(span_text(names[i])));
}

static void leaves_other_names(void **state)
{
    static const char *const names[] = {
        "",
        "x",
        "f",
        "X-Forwarded",
        "XForwarded-For",
        "X.Forwarded-For",
        "X-Forward-",
        "X-ARR",
        "X-Arrival",
        "Front-End",
        "Front-End-Http",
        "Forwarded-By",
        "Host",
        "X-Real-Name",
        "X-Original-",
        "Authorization",
        "X-Rewrite-URLs",
        "Via",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(claim_is(span_text(names[i])));
}

static void knows_signs_of_a_proxy(void **state)
{
    static const char *const signs[] = {
        "Via", "VIA", "forwarded", "Forwarded", "X-Forwarded-For", "X_Forwarded_FOR"};
    static const char *const others[] = {"", "Vias", "Vi", "X-Forwarded-Proto", "Front-End-Https"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        assert_true(claim_shows_proxy(span_text(signs[i])));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(claim_shows_proxy(span_text(others[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_claims),
        cmocka_unit_test(leaves_other_names),
        cmocka_unit_test(knows_signs_of_a_proxy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
