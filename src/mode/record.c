// SPDX-License-Identifier: Apache-2.0
// The log: one JSON line per exchange and per relayed connection. User, domain, workstation, SPN
// and the like are logged; a token, a response or a key never is.
#include <time.h>

#include "mode/record.h"

void record_begin(struct client *client, struct text *text, struct json *json, const char *what)
{
    struct keeper *keeper = client->keeper;
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    char time[40];
    size_t size = strftime(time, sizeof time, "%Y-%m-%dT%H:%M:%S", &utc);
    struct text stamp = {time, sizeof time, size, false};
    text_add_printf(&stamp, ".%03ldZ", now.tv_nsec / 1000000);
    *text = text_over(keeper->line, sizeof keeper->line);
    *json = (struct json){text, false};
    json_put_open(json, NULL, '{');
    json_put_text(json, "time", text_span(&stamp));
    json_put_string(json, "what", what);
}

void record_finish(struct client *client, struct json *json)
{
    struct keeper *keeper = client->keeper;
    if (!keeper->log)
        return;
    json_put_close(json, '}');
    text_add_string(json->text, "\n");
    if (json->text->cut)
        tally_one(&keeper->tally, TALLY_LOG_LINES_LOST);
    else
        keeper->log(keeper, text_span(json->text));
}

void record_add_client(struct json *json, const struct client *client)
{
    char address[ADDRESS_TEXT_MAX];
    size_t size = address_print(&client->address, address);
    json_put_u64(json, "client", client->id);
    json_put_text(json, "address", span_of(address, size));
    if (client->listener->bind)
        json_put_string(json, "listener", client->listener->bind);
    if (client->sni)
        json_put_string(json, "sni", client->sni);
}

static void add_tls(struct json *json, const struct client *client)
{
    if (!client->is_tls || !client->channel->is_open)
        return;
    struct tls_facts facts;
    tls_channel_facts(client->channel, &facts);
    json_put_string(json, "tls", facts.version);
    json_put_string(json, "cipher", facts.cipher);
    if (facts.resumed)
        json_put_bool(json, "resumed", true);
}

void record_add_end(struct json *json, enum end end)
{
    json_put_string(json, "end", end_word(end));
    if (end_side(end) != END_SIDE_NOBODY)
        json_put_string(json, "by", end_side_word(end));
}

void record_add_server(struct json *json, const struct pool_side *side, size_t server_index)
{
    json_put_string(json, "pool", side->pool->config->name);
    if (server_index != SIZE_MAX)
        json_put_string(json, "server", side->pool->config->servers[server_index].name);
}

// ---- logins

void record_add_text(struct json *json, const char *key, const struct token_text *text)
{
    if (text->size)
        json_put_text(json, key, token_text_span(text));
}

static void add_kerberos(struct json *json, const struct token *token)
{
    record_add_text(json, "realm", &token->realm);
    if (token->ticket_etype)
        json_put_u64(json, "etype", (uint64_t)token->ticket_etype);
    if (token->ticket_kvno >= 0)
        json_put_u64(json, "kvno", (uint64_t)token->ticket_kvno);
}

static void add_ntlm(struct json *json, const struct token *token)
{
    static const char *const bindings[] = {"absent", "zero", "present"};
    if (token->kind != TOKEN_NTLM_AUTHENTICATE)
        return;
    json_put_u64(json, "ntlm_version", token->ntlm_version);
    json_put_string(json, "channel_binding",
                    bindings[token->binding]); // what Extended Protection looks at
}

static void add_login(struct json *json, const struct login *login)
{
    const struct token *token = &login->token;
    json_put_open(json, "login", '{');
    json_put_string(json, "scheme", login_mechanism_word(login->mechanism));
    json_put_string(json, "outcome", login_outcome_word(login->outcome));
    json_put_string(json, "via", auth_scheme_word(token->scheme));
    json_put_string(json, "leg", token_kind_word(token->kind));
    json_put_u64(json, "bytes", token->token_bytes);
    record_add_text(json, "domain", &token->domain);
    record_add_text(json, "user", &token->user);
    if (token->user.size) // anyone can claim a name; the server's answer says whether it was proved
        json_put_string(json, "user_is", login->is_proved ? "authenticated" : "claimed");
    record_add_text(json, "workstation", &token->workstation);
    record_add_text(json, "spn", &token->spn);
    add_ntlm(json, token);
    if (login->mechanism == LOGIN_KERBEROS)
        add_kerberos(json, token);
    if (login->krb_error >= 0)
        json_put_u64(json, "krb_error", (uint64_t)login->krb_error);
    json_put_close(json, '}');
}

// ---- lines

static const char *mode_word(const struct exchange *exchange)
{
    if (exchange->client->rescue_pool != SIZE_MAX)
        return "redirect";
    if (!exchange->route)
        return "answer";
    return exchange->route->action == ROUTE_REDIRECT ? "redirect" : "forward";
}

static void add_request(struct json *json, const struct exchange *exchange)
{
    json_put_text(json, "method", span_of(exchange->method, exchange->method_size));
    json_put_text(json, "host", exchange_host(exchange));
    json_put_text(json, "path", span_of(exchange->path, exchange->path_size));
    json_put_u64(json, "status", exchange->status);
    json_put_u64(json, "request_bytes", exchange->request_bytes);
    json_put_u64(json, "response_bytes", exchange->response_bytes);
}

static void add_times(struct json *json, const struct exchange *exchange)
{
    if (exchange->connect_us)
        json_put_milliseconds(json, "connect_ms", exchange->connect_us);
    if (exchange->first_byte_us)
        json_put_milliseconds(json, "first_byte_ms", exchange->first_byte_us);
    json_put_milliseconds(json, "total_ms", loop_now_us() - exchange->started_us);
}

void record_exchange(const struct exchange *exchange)
{
    struct client *client = exchange->client;
    struct text text;
    struct json json;
    if (!client->keeper->log)
        return;
    record_begin(client, &text, &json, "exchange");
    json_put_u64(&json, "request", exchange->id);
    record_add_client(&json, client);
    add_tls(&json, client);
    if (exchange->site)
        json_put_string(&json, "site", exchange->site->name);
    if (exchange->route)
        json_put_string(&json, "route", exchange->route->path);
    json_put_string(&json, "mode", mode_word(exchange));
    if (exchange->pool_side)
        record_add_server(&json, exchange->pool_side, exchange->server_index);
    if (exchange->link_id)
        json_put_u64(&json, "link", exchange->link_id);
    if (exchange->is_pinned)
        json_put_string(&json, "pin", binding_word(exchange->binding));
    add_request(&json, exchange);
    add_times(&json, exchange);
    if (exchange->login)
        add_login(&json, exchange->login);
    if (exchange->problem_size)
        json_put_text(&json, "problem", span_of(exchange->problem, exchange->problem_size));
    record_add_end(&json, exchange->end);
    record_finish(client, &json);
}

void record_relay(struct client *client, const struct link *link, enum end end, uint64_t to_server,
                  uint64_t to_client, bool is_upgrade)
{
    struct tally *tally = &client->keeper->tally;
    struct text text;
    struct json json;
    tally_one(tally, TALLY_RELAYS);
    tally_add(&tally->ends[end], 1);
    if (link && link->connect_us)
        histogram_note(&tally->connect, link->connect_us);
    if (!client->keeper->log)
        return;
    record_begin(client, &text, &json, "relay");
    record_add_client(&json, client);
    if (client_site(client))
        json_put_string(&json, "site", client_site(client)->name);
    json_put_string(&json, "mode", is_upgrade ? "upgrade" : "passthrough");
    if (link) {
        record_add_server(&json, link->side, link->server_index);
        json_put_u64(&json, "link", link->id);
        json_put_milliseconds(&json, "connect_ms", link->connect_us);
    }
    json_put_u64(&json, "bytes_to_server", to_server);
    json_put_u64(&json, "bytes_to_client", to_client);
    json_put_milliseconds(&json, "total_ms", loop_now_us() - client->accepted_us);
    record_add_end(&json, end);
    record_finish(client, &json);
}

// A client that came and went without a word is not worth a line, one that was sent away is.
void record_client(struct client *client, enum end end)
{
    struct text text;
    struct json json;
    tally_add(&client->keeper->tally.ends[end], 1);
    bool is_ordinary = end_side(end) == END_SIDE_NOBODY;
    if (!client->keeper->log || is_ordinary)
        return;
    record_begin(client, &text, &json, "client");
    record_add_client(&json, client);
    if (client_site(client))
        json_put_string(&json, "site", client_site(client)->name);
    json_put_u64(&json, "exchanges", client->exchanges);
    if (end == END_TLS_FAILED)
        json_put_string(&json, "problem", tls_channel_problem(client->channel));
    json_put_milliseconds(&json, "total_ms", loop_now_us() - client->accepted_us);
    record_add_end(&json, end);
    record_finish(client, &json);
}

void record_refused(struct client *client, enum end end, uint64_t exchange_id)
{
    struct text text;
    struct json json;
    tally_add(&client->keeper->tally.ends[end], 1);
    tally_add(&client->keeper->tally.statuses[end_http_status(end) / 100 % 6], 1);
    if (!client->keeper->log)
        return;
    record_begin(client, &text, &json, "exchange");
    json_put_u64(&json, "request", exchange_id);
    record_add_client(&json, client);
    add_tls(&json, client);
    json_put_string(&json, "mode", "answer");
    json_put_u64(&json, "status", end_http_status(end));
    record_add_end(&json, end);
    record_finish(client, &json);
}
