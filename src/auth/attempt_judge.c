// SPDX-License-Identifier: Apache-2.0
// From a login that is over to its verdict. Pure; asks the likeliest cause first, and never says
// more than what passed can bear.
#include "auth/attempt.h"
#include "base/check.h"

#define SKEW_MAX_S       300  // what Kerberos allows (RFC 4120 section 8.2)
#define BIG_TOKEN_BYTES  8192 // in base64 two thirds of what http.sys takes for all headers
#define ETYPE_RC4        23
#define ETYPE_RC4_EXPORT 24

const char *bound_to_word(enum bound_to bound)
{
    static const char *const words[] = {"absent", "zero", "front", "back", "both", "other"};
    CHECK(bound < BOUND_TO_COUNT);
    return words[bound];
}

enum bound_to bound_to_of(enum channel_binding_form form, bool is_front, bool is_back)
{
    if (form == CHANNEL_BINDING_ABSENT)
        return BOUND_TO_UNSAID;
    if (form == CHANNEL_BINDING_ZERO)
        return BOUND_TO_NOTHING;
    if (is_front && is_back)
        return BOUND_TO_BOTH;
    if (is_front)
        return BOUND_TO_FRONT;
    return is_back ? BOUND_TO_BACK : BOUND_TO_OTHER;
}

// ---- names

// A host without its port: "www.example.test:8443", "[::1]:443". `ret_has_port` when it had one.
static struct span without_port(struct span host, bool *ret_has_port)
{
    size_t start = host.size && host.data[0] == '[' ? span_find(host, ']') : 0;
    size_t colon = start + span_find(span_after(host, start), ':');
    *ret_has_port = colon < host.size;
    host = span_first(host, colon);
    if (host.size && host.data[host.size - 1] == '.')
        host.size--;
    return host;
}

static bool is_dotless(struct span host)
{
    return span_find(host, '.') == host.size && span_find(host, ':') == host.size;
}

// Clients complete a short name before they ask for it.
static bool is_same_host(struct span named, struct span asked)
{
    if (span_equal_nocase(named, asked))
        return true;
    return is_dotless(asked) && span_equal_nocase(span_first(named, span_find(named, '.')), asked);
}

static bool is_name_of_server(struct span named, const struct span server_names[2])
{
    for (size_t i = 0; i < 2; i++)
        if (server_names[i].size && is_same_host(named, server_names[i]))
            return true;
    return false;
}

enum login_verdict attempt_name_verdict(struct span spn, struct span host,
                                        const struct span server_names[2])
{
    bool has_port = false;
    bool asked_port = false;
    size_t slash = span_find(spn, '/');
    struct span named = span_after(spn, slash + 1);
    named = span_first(named, span_find(named, '@')); // a realm
    named = span_first(named, span_find(named, '/')); // a service behind the host
    named = without_port(named, &has_port);
    struct span asked = without_port(host, &asked_port);
    if (spn.size == 0 || asked.size == 0)
        return JUDGED_SUCCESS;
    if (!span_equal_nocase(span_first(spn, slash), SPAN("HTTP")))
        return JUDGED_NAME_OTHER;
    if (is_same_host(named, asked))
        return has_port ? JUDGED_NAME_WITH_PORT : JUDGED_SUCCESS;
    return is_name_of_server(named, server_names) ? JUDGED_NAME_OF_SERVER : JUDGED_NAME_OTHER;
}

// ---- what was seen, whatever became of it

static bool is_rc4(int etype)
{
    return etype == ETYPE_RC4 || etype == ETYPE_RC4_EXPORT;
}

static bool is_skewed(const struct attempt *attempt)
{
    return attempt->has_skew && (attempt->skew_s > SKEW_MAX_S || attempt->skew_s < -SKEW_MAX_S);
}

static bool is_ntlm_for_kerberos(const struct attempt *attempt)
{
    bool could_be_kerberos =
        attempt->scheme == AUTH_SCHEME_NEGOTIATE || attempt->scheme == AUTH_SCHEME_NEGO2;
    return could_be_kerberos && attempt->mechanism == ATTEMPT_NTLM;
}

static bool is_of_other_server(const struct attempt *attempt)
{
    return attempt->server_name.size && attempt->echoed_server.size &&
           !span_equal_nocase(token_text_span(&attempt->server_name),
                              token_text_span(&attempt->echoed_server));
}

static bool has_proof(const struct attempt *attempt)
{
    return attempt->last_sent == TOKEN_NTLM_AUTHENTICATE;
}

static bool is_split(const struct attempt *attempt)
{
    return has_proof(attempt) && !attempt->is_challenged;
}

static enum login_verdict name_seen(const struct attempt *attempt,
                                    const struct attempt_scene *scene)
{
    struct span names[2] = {scene->server_names[0], scene->server_names[1]};
    if (!names[1].size)
        names[1] = token_text_span(&attempt->server_name);
    return attempt_name_verdict(token_text_span(&attempt->spn), token_text_span(&attempt->host),
                                names);
}

// A binding that the server would refuse if it looked at it; JUDGED_SUCCESS: none. One that this
// server has accepted before is no cause.
static enum login_verdict binding_seen(const struct attempt *attempt,
                                       const struct attempt_scene *scene)
{
    if (!has_proof(attempt) || scene->bound_accepted & 1u << scene->bound_to)
        return JUDGED_SUCCESS;
    switch (scene->bound_to) {
    case BOUND_TO_UNSAID:
        return JUDGED_BINDING_ABSENT;
    case BOUND_TO_NOTHING:
        return JUDGED_BINDING_ZERO;
    case BOUND_TO_FRONT:
        return JUDGED_BINDING_FRONT;
    case BOUND_TO_OTHER:
        return JUDGED_BINDING_OTHER;
    default:
        return JUDGED_SUCCESS;
    }
}

static uint64_t remark_if(bool is_so, enum login_verdict verdict)
{
    return is_so ? login_remark(verdict) : 0;
}

static uint64_t remarks_on(const struct attempt *attempt, const struct attempt_scene *scene)
{
    return login_remark(name_seen(attempt, scene)) |
           remark_if(is_ntlm_for_kerberos(attempt), JUDGED_NTLM_FOR_KERBEROS) |
           remark_if(is_rc4(attempt->ticket_etype), JUDGED_RC4_TICKET) |
           remark_if(is_skewed(attempt), JUDGED_CLOCK) |
           remark_if(attempt->ntlm_version == 1, JUDGED_NTLM_V1) |
           remark_if(attempt->is_anonymous, JUDGED_ANONYMOUS) |
           remark_if(is_split(attempt), JUDGED_LEGS_SPLIT) |
           remark_if(is_of_other_server(attempt), JUDGED_OTHER_SERVER) |
           remark_if(attempt->has_bad_token, JUDGED_TOKEN_BAD);
}

// ---- refused

// Kinds of bindings that a server is known to refuse by default (matched by nothing it knows) come
// before a wrong password, as long as this server was not seen to take them. A client that says
// nothing is refused only where that is required, and a server without TLS has nothing to compare:
// there the password is the likelier cause.
static bool is_likely_binding(enum login_verdict binding, const struct attempt_scene *scene)
{
    return binding != JUDGED_SUCCESS && binding != JUDGED_BINDING_ABSENT && scene->is_link_tls;
}

static enum login_verdict judge_ntlm_proof(const struct attempt *attempt,
                                           const struct attempt_scene *scene)
{
    enum login_verdict binding = binding_seen(attempt, scene);
    if (is_of_other_server(attempt))
        return JUDGED_OTHER_SERVER;
    if (is_split(attempt))
        return JUDGED_LEGS_SPLIT;
    if (attempt->is_anonymous)
        return JUDGED_ANONYMOUS;
    if (attempt->ntlm_version == 1)
        return JUDGED_NTLM_V1;
    if (is_skewed(attempt))
        return JUDGED_CLOCK;
    return is_likely_binding(binding, scene) ? binding : JUDGED_WRONG_CREDENTIALS;
}

// Error numbers of RFC 4120 section 7.5.9 that say what is wrong, whatever name was asked for.
static enum login_verdict judge_kerberos_time(int error)
{
    switch (error) {
    case 32: // KRB_AP_ERR_TKT_EXPIRED
    case 33: // KRB_AP_ERR_TKT_NYV
        return JUDGED_KRB_TICKET_TIME;
    case 34: // KRB_AP_ERR_REPEAT
        return JUDGED_KRB_REPEAT;
    case 37: // KRB_AP_ERR_SKEW
        return JUDGED_CLOCK;
    default:
        return JUDGED_SUCCESS;
    }
}

// Those that a wrong name explains as well.
static enum login_verdict judge_kerberos_key(int error)
{
    switch (error) {
    case 35: // KRB_AP_ERR_NOT_US
    case 36: // KRB_AP_ERR_BADMATCH
    case 68: // KDC_ERR_WRONG_REALM
        return JUDGED_KRB_WRONG_SERVICE;
    case 31: // KRB_AP_ERR_BAD_INTEGRITY
    case 41: // KRB_AP_ERR_MODIFIED
        return JUDGED_KRB_MODIFIED;
    case 44: // KRB_AP_ERR_BADKEYVER
    case 45: // KRB_AP_ERR_NOKEY
        return JUDGED_KRB_KEY;
    default:
        return error >= 0 ? JUDGED_KRB_ERROR : JUDGED_SUCCESS;
    }
}

static enum login_verdict judge_kerberos(const struct attempt *attempt,
                                         const struct attempt_scene *scene)
{
    const enum login_verdict causes[] = {
        judge_kerberos_time(attempt->krb_error),
        name_seen(attempt, scene),
        judge_kerberos_key(attempt->krb_error),
        is_rc4(attempt->ticket_etype) ? JUDGED_RC4_TICKET : JUDGED_SUCCESS,
    };
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++)
        if (causes[i] != JUDGED_SUCCESS)
            return causes[i];
    return JUDGED_KERBEROS_REFUSED;
}

static enum login_verdict judge_refused(const struct attempt *attempt,
                                        const struct attempt_scene *scene)
{
    if (attempt->has_bad_token)
        return JUDGED_TOKEN_BAD;
    switch (attempt->last_sent) {
    case TOKEN_NTLM_NEGOTIATE:
        return is_ntlm_for_kerberos(attempt) ? JUDGED_NTLM_FOR_KERBEROS : JUDGED_NTLM_REFUSED;
    case TOKEN_NTLM_AUTHENTICATE:
        return judge_ntlm_proof(attempt, scene);
    case TOKEN_KERBEROS_REQUEST:
        return judge_kerberos(attempt, scene);
    default:
        return JUDGED_REFUSED;
    }
}

// ---- answered otherwise

static unsigned last_status(const struct attempt *attempt)
{
    size_t last = attempt->leg_count < ATTEMPT_LEGS_MAX ? attempt->leg_count : ATTEMPT_LEGS_MAX;
    return last ? attempt->legs[last - 1].status : 0;
}

static enum login_verdict judge_accepted(const struct attempt *attempt)
{
    if (attempt->has_bad_token || is_split(attempt) || !attempt->is_proving)
        return JUDGED_NOT_ASKED;
    if (attempt->is_proved)
        return JUDGED_SUCCESS;
    return last_status(attempt) == 403 ? JUDGED_FORBIDDEN : JUDGED_UNPROVEN;
}

static enum login_verdict judge_unread(const struct attempt *attempt)
{
    unsigned status = last_status(attempt);
    bool is_big = attempt->token_bytes_max >= BIG_TOKEN_BYTES;
    if (status == 431 || (status == 400 && is_big))
        return JUDGED_HEAD_TOO_BIG_FOR_SERVER;
    return JUDGED_NOT_READ;
}

// ---- broken off

static bool is_never_sent(enum end end)
{
    switch (end) {
    case END_NO_SERVER:
    case END_CONNECT_FAILED:
    case END_CONNECT_REFUSED:
    case END_CONNECT_TIMEOUT:
    case END_SERVER_TLS_FAILED:
    case END_SERVER_CERTIFICATE:
    case END_LINK_LIMIT:
    case END_FILE_LIMIT:
    case END_OVERLOAD:
        return true;
    default:
        return false;
    }
}

// While credentials were on their way or the next were awaited.
static enum login_verdict judge_broken_leg(enum end end)
{
    if (end == END_HEADER_TOO_BIG || end == END_HEAD_TOO_BIG)
        return JUDGED_HEAD_TOO_BIG;
    if (end == END_LOGIN_THROUGH_PROXY)
        return JUDGED_THROUGH_PROXY;
    if (end == END_SERVER_TIMEOUT)
        return JUDGED_SERVER_SILENT;
    if (is_never_sent(end))
        return JUDGED_NOT_DELIVERED;
    if (end_side(end) == END_SIDE_SERVER)
        return JUDGED_SERVER_CLOSED;
    return end_side(end) == END_SIDE_US ? JUDGED_INTERRUPTED : JUDGED_CLIENT_LEFT;
}

static enum login_verdict judge_broken(const struct attempt *attempt)
{
    bool is_size = attempt->end == END_HEADER_TOO_BIG || attempt->end == END_HEAD_TOO_BIG;
    if (attempt->stand == ATTEMPT_CHALLENGED && !is_size)
        return end_side(attempt->end) == END_SIDE_US ? JUDGED_INTERRUPTED : JUDGED_NO_CREDENTIALS;
    return judge_broken_leg(attempt->end);
}

static enum login_verdict find_verdict(const struct attempt *attempt,
                                       const struct attempt_scene *scene)
{
    switch (attempt->stand) {
    case ATTEMPT_ACCEPTED:
        return judge_accepted(attempt);
    case ATTEMPT_REFUSED:
        return judge_refused(attempt, scene);
    case ATTEMPT_UNREAD:
        return judge_unread(attempt);
    default:
        return judge_broken(attempt);
    }
}

struct judgement attempt_judge(const struct attempt *attempt, const struct attempt_scene *scene)
{
    CHECK(attempt_is_over(attempt));
    struct judgement judgement = {.verdict = find_verdict(attempt, scene)};
    judgement.remarks = remarks_on(attempt, scene);
    if (attempt->stand == ATTEMPT_REFUSED)
        judgement.remarks |= login_remark(binding_seen(attempt, scene));
    judgement.remarks &= ~(login_remark(JUDGED_SUCCESS) | login_remark(judgement.verdict));
    return judgement;
}
