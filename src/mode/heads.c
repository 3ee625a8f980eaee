// SPDX-License-Identifier: Apache-2.0
// Composing heads. Lines go through as they came, in their order and spelling; only what concerns
// one hop is left out, and what a server must be told about the client is added behind. Tokens,
// challenges and Host are never touched.
#include <stdio.h>

#include "mode/client.h"
#include "wire/claim.h"

#define CRLF SPAN("\r\n")

static struct status put_line(struct h1_session *session, struct span line)
{
    TRY(h1_put(session, line));
    return h1_put(session, CRLF);
}

static struct status put_field(struct h1_session *session, const char *name, struct span value)
{
    TRY(h1_put(session, span_text(name)));
    TRY(h1_put(session, SPAN(": ")));
    return put_line(session, value);
}

// End-to-end by nature: a sender that lists one of these in Connection does not get it removed.
static bool is_never_hop(const struct field *field)
{
    switch (field->id) {
    case FIELD_AUTHORIZATION:
    case FIELD_CONTENT_LENGTH:
    case FIELD_HOST:
    case FIELD_PERSISTENT_AUTH:
    case FIELD_PROXY_AUTHENTICATE:
    case FIELD_PROXY_AUTHORIZATION:
    case FIELD_TRAILER:
    case FIELD_TRANSFER_ENCODING: // the framing passes as it came
    case FIELD_WWW_AUTHENTICATE:
        return true;
    default:
        return false;
    }
}

static bool is_dropped(const struct head *head, const struct field *field)
{
    return !is_never_hop(field) && head_field_is_hop(head, field);
}

// ---- requests

static struct status put_request_line(struct h1_session *session, const struct request_head *head)
{
    TRY(h1_put(session, head->method));
    TRY(h1_put(session, SPAN(" ")));
    if (head->target.form == TARGET_ABSOLUTE) {
        TRY(h1_put(session, head->target.path));
        TRY(h1_put(session, head->target.query));
    } else {
        TRY(h1_put(session, head->target_text));
    }
    return h1_put(session, SPAN(" HTTP/1.1\r\n"));
}

// What a trusted proxy before us said of its client is kept; the same from anyone else is a lie.
static bool is_trusted(const struct exchange *exchange)
{
    for (size_t i = 0; i < exchange->site->trusted_proxy_count; i++)
        if (address_within(&exchange->client->address, exchange->site->trusted_proxies[i]))
            return true;
    return false;
}

static const struct field *last_forwarded_for(const struct head *head)
{
    const struct field *last = NULL;
    for (size_t i = 0; i < head->field_count; i++)
        if (head->fields[i].id == FIELD_X_FORWARDED_FOR)
            last = &head->fields[i];
    return last;
}

// Who came: behind what a trusted proxy said, or alone.
static struct status put_forwarded_for(struct exchange *exchange, const struct field *before)
{
    struct h1_session *session = &exchange->link->session;
    char host[ADDRESS_TEXT_MAX];
    size_t size = address_print_host(&exchange->client->address, host);
    if (!before)
        return put_field(session, "X-Forwarded-For", span_of(host, size));
    TRY(h1_put(session, before->line));
    TRY(h1_put(session, SPAN(", ")));
    return put_line(session, span_of(host, size));
}

static struct status put_forwarded(struct exchange *exchange, const struct request_head *head,
                                   bool is_kept)
{
    struct client *client = exchange->client;
    char port[8];
    snprintf(port, sizeof port, "%u", client_port(client));
    const struct {
        enum field_id id;
        const char *name;
        struct span value;
    } ours[] = {
        {FIELD_X_FORWARDED_PROTO, "X-Forwarded-Proto",
         client->is_tls ? SPAN("https") : SPAN("http")},
        {FIELD_X_FORWARDED_HOST, "X-Forwarded-Host", head->host},
        {FIELD_X_FORWARDED_PORT, "X-Forwarded-Port", span_text(port)},
        {FIELD_FRONT_END_HTTPS, "Front-End-Https", client->is_tls ? SPAN("on") : SPAN("")},
    };
    TRY(put_forwarded_for(exchange, is_kept ? last_forwarded_for(&head->head) : NULL));
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        bool was_said = is_kept && head_field(&head->head, ours[i].id);
        if (!was_said && !span_is_empty(ours[i].value))
            TRY(put_field(&exchange->link->session, ours[i].name, ours[i].value));
    }
    return OK;
}

static struct status put_request_fields(struct exchange *exchange, const struct request_head *head)
{
    struct h1_session *session = &exchange->link->session;
    bool is_kept = exchange->site->trusted_proxy_count && is_trusted(exchange);
    const struct field *extended = is_kept ? last_forwarded_for(&head->head) : NULL;
    for (size_t i = 0; i < head->head.field_count; i++) {
        const struct field *field = &head->head.fields[i];
        bool is_upgrade = field->id == FIELD_UPGRADE && exchange->is_upgrade;
        if (is_dropped(&head->head, field) && !is_upgrade)
            continue;
        if (is_kept ? field == extended : claim_is(field->name))
            continue;
        TRY(put_line(session, field->line));
    }
    if (exchange->is_upgrade)
        TRY(h1_put(session, SPAN("Connection: Upgrade\r\n")));
    return put_forwarded(exchange, head, is_kept);
}

struct status heads_put_request(struct exchange *exchange, const struct request_head *head)
{
    struct h1_session *session = &exchange->link->session;
    TRY(put_request_line(session, head));
    if (!head_field(&head->head, FIELD_HOST)) {
        struct span name = span_is_empty(head->host) ? exchange_site_name(exchange) : head->host;
        TRY(put_field(session, "Host", name));
    }
    TRY(put_request_fields(exchange, head));
    return h1_put(session, CRLF);
}

// ---- answers

static struct status put_status_line(struct h1_session *session, const struct response_head *head)
{
    char line[16];
    snprintf(line, sizeof line, "HTTP/1.1 %03u ", head->status % 1000);
    TRY(h1_put(session, span_text(line)));
    return put_line(session, head->reason);
}

static bool is_kept_in_answer(const struct exchange *exchange, const struct response_head *head,
                              const struct field *field)
{
    if (field->id == FIELD_ALT_SVC)
        return false; // would lead clients to HTTP/3, where Windows authentication does not work
    if (field->id == FIELD_TRANSFER_ENCODING || field->id == FIELD_TRAILER)
        return !exchange->drops_framing;
    if (field->id == FIELD_UPGRADE && head->status == 101)
        return true;
    return !is_dropped(&head->head, field);
}

struct status heads_put_response(struct exchange *exchange, const struct response_head *head,
                                 bool closes)
{
    struct h1_session *session = &exchange->client->session;
    TRY(put_status_line(session, head));
    for (size_t i = 0; i < head->head.field_count; i++) {
        const struct field *field = &head->head.fields[i];
        if (is_kept_in_answer(exchange, head, field))
            TRY(put_line(session, field->line));
    }
    if (head->status == 101)
        TRY(h1_put(session, SPAN("Connection: Upgrade\r\n")));
    else if (closes)
        TRY(h1_put(session, SPAN("Connection: close\r\n")));
    else if (exchange->is_http10 && head->status >= 200)
        TRY(h1_put(session, SPAN("Connection: keep-alive\r\n")));
    return h1_put(session, CRLF);
}
