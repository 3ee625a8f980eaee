// SPDX-License-Identifier: Apache-2.0
// What TLS shows to clients of different kinds: today's, old ones, ones that take one kind of
// certificate only, ones without SNI, ones with a large or a split ClientHello, ones that come
// back. Each look is a few handshakes; they run side by side and fill one place.
#include <stdio.h>

#include "base/check.h"
#include "doctor/look/look.h"

// Opens; NULL with the problem. `ret_end` tells a server that refused from one that was not there.
static struct call *open_call(const struct look_end *end, const struct call_wish *wish,
                              struct call_problem *ret_problem, enum end *ret_end)
{
    struct call *call = NULL;
    *ret_problem = (struct call_problem){0};
    *ret_end = call_open(&end->address, wish, &call, ret_problem).end;
    return call;
}

// Nothing was learnt about TLS: there was no connection, or we had no room for one.
static bool is_unreached(enum end end)
{
    return end == END_CONNECT_REFUSED || end == END_CONNECT_TIMEOUT || end == END_CONNECT_FAILED ||
           end == END_FILE_LIMIT || end == END_OVERLOAD;
}

// ---- certificates

static json_t *names_of(const char *list)
{
    json_t *names = json_array();
    struct span rest = span_text(list);
    while (!span_is_empty(rest))
        json_array_append_new(names, look_text_span(span_trim(span_cut(&rest, ','))));
    return names;
}

static json_t *sha256_of(const struct tls_dialogue_certificate *certificate)
{
    return look_hex(span_of(certificate->facts.sha256, sizeof certificate->facts.sha256));
}

static json_t *certificate_node(const struct tls_dialogue_certificate *certificate)
{
    const struct tls_certificate_facts *facts = &certificate->facts;
    json_t *node =
        json_pack("{s:o,s:o,s:o,s:o,s:I,s:I,s:b,s:o,s:s}", "sha256", sha256_of(certificate),
                  "subject", look_text(facts->subject), "issuer", look_text(certificate->issuer),
                  "names", names_of(facts->names), "not_before_s", (json_int_t)facts->not_before_s,
                  "not_after_s", (json_int_t)facts->not_after_s, "covers_name",
                  certificate->covers_name, "signature", look_text(certificate->signature), "key",
                  facts->is_rsa     ? "rsa"
                  : facts->is_ecdsa ? "ecdsa"
                                    : "other");
    CHECK(node);
    if (certificate->has_binding)
        json_object_set_new(node, "binding",
                            look_hex(span_of(certificate->binding, TLS_BINDING_BYTES)));
    return node;
}

static json_t *judged_node(const struct call *call,
                           const struct tls_dialogue_certificate *certificate)
{
    struct tls_problem problem;
    json_t *node = certificate_node(certificate);
    bool is_trusted = call_is_trusted(call, &problem);
    json_object_set_new(node, "is_trusted", json_boolean(is_trusted));
    json_object_set_new(node, "trust_problem", look_text(problem.text));
    return node;
}

// ---- today's client

static json_t *describe(const struct call *call)
{
    struct tls_dialogue_facts facts;
    struct tls_dialogue_certificate certificate;
    call_tls(call, &facts);
    call_certificate(call, &certificate);
    json_t *node =
        json_pack("{s:b,s:s,s:s,s:s,s:o,s:b,s:b}", "ok", 1, "problem", "", "version", facts.version,
                  "cipher", facts.cipher, "alpn", look_text(facts.alpn), "ocsp_stapled",
                  facts.is_stapled, "asks_client_certificate", facts.asks_certificate);
    CHECK(node);
    if (certificate.is_there)
        json_object_set_new(node, "certificate", judged_node(call, &certificate));
    return node;
}

json_t *look_tls(const struct look_round *round, const struct look_end *end)
{
    struct call_problem problem;
    enum end why;
    struct call_wish wish = look_wish(round, end);
    wish.alpn = "h2,http/1.1";
    if (!end->is_tls)
        return NULL;
    struct call *call = open_call(end, &wish, &problem, &why);
    json_t *node = call ? describe(call)
                   : is_unreached(why)
                       ? NULL
                       : json_pack("{s:b,s:o}", "ok", 0, "problem", look_text(problem.text));
    call_close(call);
    return node;
}

// ---- versions

// A server that lets a hello hang will do so again: what is left then stays unknown.
static bool try_version(const struct look_round *round, const struct look_end *end,
                        const char *version, json_t *versions)
{
    struct call_problem problem;
    enum end why;
    struct call_wish wish = look_wish(round, end);
    wish.min_version = wish.max_version = version;
    struct call *call = open_call(end, &wish, &problem, &why);
    if (!call && (is_unreached(why) || why == END_SERVER_TIMEOUT))
        return false;
    json_object_set_new(versions, version, json_boolean(call != NULL));
    call_close(call);
    return true;
}

json_t *look_tls_versions(const struct look_round *round, const struct look_end *end)
{
    static const char *const versions[] = {"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0"};
    if (!end->is_tls)
        return NULL;
    json_t *found = json_object();
    for (size_t i = 0; i < sizeof versions / sizeof *versions && look_has_time(round, end); i++) {
        if (!try_version(round, end, versions[i], found))
            break;
    }
    return json_pack("{s:o}", "versions", found);
}

// ---- kinds of certificate

static const char rsa_only[] = "RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
                               "RSA+SHA256:RSA+SHA384:RSA+SHA512:RSA+SHA1";
static const char ecdsa_only[] = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ECDSA+SHA1";

// The leaf's SHA-256, null when such a client is refused, NULL when that is not known.
static json_t *leaf_for(const struct look_round *round, const struct look_end *end,
                        const char *sigalgs, bool is_ecdsa)
{
    struct call_problem problem;
    enum end why;
    struct call_wish wish = look_wish(round, end);
    struct tls_dialogue_certificate certificate = {0};
    wish.sigalgs = sigalgs;
    struct call *call = open_call(end, &wish, &problem, &why);
    if (call)
        call_certificate(call, &certificate);
    call_close(call);
    if (!call && (is_unreached(why) || why == END_SERVER_TIMEOUT))
        return NULL;
    // key exchange with RSA needs no signature, so the other kind may come all the same
    bool is_that =
        certificate.is_there && (is_ecdsa ? certificate.facts.is_ecdsa : certificate.facts.is_rsa);
    return is_that ? sha256_of(&certificate) : json_null();
}

json_t *look_tls_kinds(const struct look_round *round, const struct look_end *end)
{
    if (!end->is_tls)
        return NULL;
    json_t *node = json_object();
    json_t *rsa = leaf_for(round, end, rsa_only, false);
    json_t *ecdsa =
        rsa && look_has_time(round, end) ? leaf_for(round, end, ecdsa_only, true) : NULL;
    if (rsa)
        json_object_set_new(node, "rsa_sha256", rsa);
    if (ecdsa)
        json_object_set_new(node, "ecdsa_sha256", ecdsa);
    return node;
}

// ---- one hello of another kind

// {ok, problem} and, when asked for, the leaf.
static json_t *outcome_of(const struct look_end *end, const struct call_wish *wish, bool tells_leaf)
{
    struct call_problem problem;
    enum end why;
    struct tls_dialogue_certificate certificate = {0};
    struct call *call = open_call(end, wish, &problem, &why);
    if (!call && is_unreached(why))
        return NULL;
    json_t *node = json_pack("{s:b,s:o}", "ok", call != NULL, "problem", look_text(problem.text));
    CHECK(node);
    if (call)
        call_certificate(call, &certificate);
    if (tells_leaf && certificate.is_there)
        json_object_set_new(node, "sha256", sha256_of(&certificate));
    call_close(call);
    return node;
}

static json_t *under(const char *key, json_t *value)
{
    return value ? json_pack("{s:o}", key, value) : NULL;
}

json_t *look_tls_no_name(const struct look_round *round, const struct look_end *end)
{
    struct call_wish wish = look_wish(round, end);
    wish.server_name = NULL;
    wish.silences = NULL;
    return end->is_tls ? under("no_name", outcome_of(end, &wish, true)) : NULL;
}

json_t *look_tls_large(const struct look_round *round, const struct look_end *end)
{
    struct call_wish wish = look_wish(round, end);
    wish.pads_hello = true;
    wish.silences = NULL; // tells about this hello only
    return end->is_tls ? under("large_hello", outcome_of(end, &wish, false)) : NULL;
}

json_t *look_tls_split(const struct look_round *round, const struct look_end *end)
{
    struct call_wish wish = look_wish(round, end);
    wish.splits_hello = true;
    wish.silences = NULL;
    return end->is_tls ? under("split_hello", outcome_of(end, &wish, false)) : NULL;
}

// ---- coming back

// Opens and asks once: in TLS 1.3 the ticket comes with or behind the first answer, and in TLS 1.2
// a server may only then ask for a certificate.
static struct call *open_and_ask(const struct look_round *round, const struct look_end *end,
                                 const struct call_wish *wish)
{
    char host[LOOK_HOST_MAX];
    struct call *call = NULL;
    if (!is_ok(call_open(&end->address, wish, &call, NULL)))
        return NULL;
    struct call_answer answer;
    struct call_request request = {.target = round->subject->target,
                                   .host = look_host(round, host)};
    call_ask(call, &request, &answer);
    call_answer_done(&answer);
    return call;
}

static void try_return(const struct look_round *round, const struct look_end *end,
                       const char *version, const char *key, json_t *node)
{
    struct tls_dialogue_facts facts;
    struct call_wish wish = look_wish(round, end);
    wish.min_version = wish.max_version = version;
    struct call *first = open_and_ask(round, end, &wish);
    if (!first)
        return;
    call_tls(first, &facts);
    if (facts.asks_certificate)
        json_object_set_new(node, "asks_client_certificate", json_true());
    wish.earlier = first;
    struct call *second = NULL;
    if (is_ok(call_open(&end->address, &wish, &second, NULL))) {
        call_tls(second, &facts);
        json_object_set_new(node, key, json_boolean(facts.is_resumed));
    }
    call_close(second);
    call_close(first);
}

json_t *look_tls_return(const struct look_round *round, const struct look_end *end)
{
    if (!end->is_tls)
        return NULL;
    json_t *node = json_object();
    try_return(round, end, "TLSv1.2", "tls12_resumes", node);
    if (look_has_time(round, end))
        try_return(round, end, "TLSv1.3", "tls13_resumes", node);
    return node;
}

// ---- HTTP where TLS is expected

// Who recognises HTTP on a port for TLS answers 400 (nginx inside: 497) and means: not here.
json_t *look_tls_plain(const struct look_round *round, const struct look_end *end)
{
    char host[LOOK_HOST_MAX];
    struct call_wish wish = look_wish(round, end);
    struct call *call = NULL;
    wish.is_tls = false;
    wish.silences = NULL; // a server may well wait for the rest of a ClientHello
    if (!end->is_tls || !is_ok(call_open(&end->address, &wish, &call, NULL)))
        return NULL;
    struct call_answer answer;
    struct call_request request = {.target = round->subject->target,
                                   .host = look_host(round, host)};
    call_ask(call, &request, &answer);
    bool speaks = answer.status && answer.status != 400 && answer.status != 497;
    call_answer_done(&answer);
    call_close(call);
    return json_pack("{s:b}", "speaks_plain", speaks);
}
