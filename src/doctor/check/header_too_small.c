// SPDX-License-Identifier: Apache-2.0
// Header lines of the size that tickets have are refused.
// A ticket of somebody in hundreds of groups has 12 KB and more, in base64 16 KB; Windows
// allows 48.
#include "doctor/check/check.h"
#include "doctor/check/remedy.h"
#include "doctor/check/view.h"

#define LARGE_BYTES 48000

// The largest line that passed, where larger ones were seen to be refused; -1: none was. One that
// stays without an answer may have other reasons than its size.
static long long limit_of(const json_t *end)
{
    long long limit = fact_number(end, "http.limit_bytes", -1);
    size_t refused = 0;
    for (size_t i = 0; i < fact_count(end, "http.limits"); i++) {
        const json_t *probe = json_array_get(fact(end, "http.limits"), i);
        if (fact_number(probe, "bytes", 0) > limit)
            refused += fact_number(probe, "status", 0) != 0 ? 2 : 1;
    }
    return refused >= 2 ? limit : -1;
}

static bool is_from_node(const struct facts *facts, long long limit)
{
    const json_t *node;
    for (size_t i = 0; (node = facts_node(facts, i)) != NULL; i++)
        if (limit_of(node) >= 0 && limit_of(node) <= limit)
            return true;
    return false;
}

static void advise(struct finding *finding, bool is_node)
{
    if (!is_node) {
        remedy_large_headers(finding);
        return;
    }
    finding_remedy(finding, REMEDY_SERVER,
                   "On every node, then restart it (65534 is the most that "
                   "http.sys takes):",
                   "reg add HKLM\\System\\CurrentControlSet\\Services\\HTTP\\"
                   "Parameters /v MaxFieldLength /t REG_DWORD /d 65534 /f");
    finding_remedy(finding, REMEDY_SERVER, "and",
                   "reg add HKLM\\System\\CurrentControlSet\\Services"
                   "\\HTTP\\Parameters /v MaxRequestBytes /t REG_DWORD /d 131072 /f");
}

void check_header_too_small(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *front = facts_front(facts);
    long long limit = limit_of(front);
    long long ticket = fact_number(view_ticket(facts, "host"), "bytes", 0);
    long long token = (ticket + 1000) * 4 / 3; // with authenticator and wrapping, in base64
    bool is_told = fact_is(front, "kerberos.answer.body_says", "header too long");
    bool is_felt = is_told || (ticket > 0 && limit >= 0 && token > limit);
    if (!is_felt && (limit < 0 || limit >= LARGE_BYTES))
        return;
    if (limit < 0) // not measured, but the login itself was too large
        limit = token;
    bool is_node = is_from_node(facts, limit);
    struct finding *finding = diagnosis_add(diagnosis, "header_too_small",
                                            is_felt   ? WEIGHT_CAUSE
                                            : is_node ? WEIGHT_RISK
                                                      : WEIGHT_FAULT,
                                            CONFIDENCE_SURE,
                                            "Header lines of more than %lld bytes are refused: "
                                            "Kerberos fails for people in many groups.",
                                            limit);
    finding_place(finding, is_node ? "the nodes" : view_name(front));
    for (size_t i = 0; i < fact_count(front, "http.limits"); i++) {
        const json_t *probe = json_array_get(fact(front, "http.limits"), i);
        if (fact_number(probe, "bytes", 0) > limit) {
            finding_evidence(finding, "one line of %lld bytes: %lld",
                             fact_number(probe, "bytes", 0), fact_number(probe, "status", 0));
            break;
        }
    }
    if (ticket > 0)
        finding_evidence(finding,
                         "the ticket of the test account has %lld bytes, its header line "
                         "about %lld",
                         ticket, token);
    finding_cause(finding, is_node ? "http.sys takes 16384 bytes unless it is told otherwise."
                                   : "The load balancer's buffer for a request is too small.");
    advise(finding, is_node);
}
