// SPDX-License-Identifier: Apache-2.0
// See verify_measure.h. The certificates that people are shown on a way: a login that works proves
// nothing about them, because our client goes on where every browser refuses.
#include <stdio.h>

#include "doctor/verify_measure.h"

static bool is_connect_problem(struct status status)
{
    return status.end == END_CONNECT_REFUSED || status.end == END_CONNECT_TIMEOUT ||
           status.end == END_CONNECT_FAILED;
}

static void judge(const struct call *call, const char *host, char ret_problem[256])
{
    struct tls_dialogue_certificate certificate;
    struct tls_problem problem;

    call_certificate(call, &certificate);
    if (!call_is_trusted(call, &problem)) // by its chain and its dates
        snprintf(ret_problem, 256, "the certificate shown for %.100s is not trusted: %.100s", host,
                 problem.text);
    else if (!certificate.covers_name)
        snprintf(ret_problem, 256, "the certificate shown for %.100s is for other names: %.100s",
                 host, certificate.facts.names);
}

// False, with words, when nobody listens there.
static bool look_at(const struct verify_place *place, char ret_certificate[256],
                    char ret_problem[256])
{
    struct call *call = NULL;
    struct call_problem problem = {.text = ""};
    struct status status = call_open(&place->way.address, &place->way.call, &call, &problem);

    if (is_connect_problem(status)) {
        snprintf(ret_problem, 256, "%s", problem.text);
        return false;
    }
    if (is_ok(status) && place->location.is_tls)
        judge(call, place->location.host, ret_certificate);
    call_close(call);
    return true;
}

bool verify_certificates(const struct verifier *verifier, const struct verify_way *way,
                         struct verify_row *row)
{
    struct verify_way front = *way;
    struct verify_place place;
    char problem[256];

    front.mode = VERIFY_FORWARD; // the place itself, wherever it leads
    if (!verify_place_find(verifier, &front, &place, row->problem) ||
        !look_at(&place, row->certificate, row->problem))
        return false;
    if (way->mode == VERIFY_REDIRECT && row->certificate[0] == 0 &&
        verify_place_find(verifier, way, &place, problem))
        (void)look_at(&place, row->certificate, problem); // who logs in says so if nobody is there
    return true;
}
