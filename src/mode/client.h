// SPDX-License-Identifier: Apache-2.0
// Inside mode: the client, its ties to servers, and the exchange under way. A keeper owns its
// clients; a client owns its channel, its ties and at most one exchange or relay.
#pragma once

#include "mode/mode.h"

enum client_state {
    CLIENT_PEEKING = 0, // waiting for the first bytes
    CLIENT_RESTING,     // between exchanges (or in the TLS handshake)
    CLIENT_READING,     // a head has begun
    CLIENT_BUSY,        // an exchange is under way
    CLIENT_RELAYING,    // passthrough, or after an upgrade
    CLIENT_LINGERING,   // answered and shut; reading on so that the answer is not lost to a reset
    CLIENT_CLOSED,      // freed at the end of the turn
};

// The client's standing with one pool and authority: the server chosen for it and, while one is
// open, its link. A tie whose link may no longer be shared is the pin.
struct tie {
    struct list siblings;
    struct client *client;
    struct pool_side *side;
    struct link *link; // NULL: none open
    size_t server_index;
    bool is_lent; // to the exchange under way
    size_t authority_size;
    char authority[];
};

struct relayed; // a relay with its link, of passthrough.c

struct client {
    struct list siblings;
    struct keeper *keeper;
    struct service_side *side;
    const struct listener_config *listener;
    struct entrance *entrance;
    size_t site_index; // chosen by name; SIZE_MAX on a plain listener
    int socket_fd;     // of the channel's socket, whatever stands above it
    struct channel *channel;
    struct h1_session session;
    struct list ties;
    size_t tie_count;
    struct exchange *exchange;
    struct relayed *relayed;
    struct login_watch *login_watch; // NULL: no login is under way
    struct timer timer;
    struct task again; // there is more to do, and no event will say so
    struct task burial;
    uint64_t id;
    uint64_t accepted_us;
    uint64_t exchanges;
    uint64_t head_began_ms;
    struct address address;
    char *sni; // NULL: none
    enum client_state state;
    bool is_tls;
    bool is_outdated;  // see client_is_outdated, as it was
    uint64_t adoption; // when the keeper's was this
    uint16_t port;     // the client connected to; 0: not looked up yet
    size_t seen_bytes; // of a hello that is not complete; the socket's low-water mark stands above
                       // them
    bool is_default_site; // the name did not choose the site
    size_t rescue_pool;   // its named server is down: every request is redirected within this pool;
                          // SIZE_MAX: no
    size_t rescue_from;   // the index there of the named server: this client is not sent to it
    uint64_t lingered_bytes;
    uint64_t counted_in; // bytes of the session that the tally knows of
    uint64_t counted_out;
};

// ---- client.c

// NULL without memory; the channel is then still the caller's.
struct client *client_new(struct keeper *keeper, struct channel *channel);
void client_enter(struct client *client, enum client_state state);
// Closes now: the pin's links with it, the exchange with that end. `abort`: the client shall see a
// reset.
void client_close(struct client *client, enum end end, bool abort);
// Sends what is composed, ends our direction and reads on for a moment before closing.
// Its pins end by `end`.
void client_linger(struct client *client, enum end end);
// The deadline of the client's state; every step that moves bytes calls it.
void client_rearm(struct client *client);
// Tells the tally of the bytes that have moved since.
void client_count_bytes(struct client *client);
// The port the client connected to.
unsigned client_port(struct client *client);
struct snapshot *client_snapshot(const struct client *client);
const struct site_config *client_site(const struct client *client);
bool client_is_between_legs(const struct client *client);
// Is its site shown with another certificate by now? A login on its connection would be bound to
// the one that servers no longer have.
bool client_is_outdated(struct client *client);
// It is outdated, and nothing is lost by ending it: nobody is logged in on it, or between legs.
bool client_is_due(struct client *client);
// It is served by the keeper's newest side from now on. It has no ties, and its listener is still
// there.
void client_move(struct client *client, size_t site_index);
// The site of that name whose HTTP is ours to read; SIZE_MAX: none.
size_t client_site_in(const struct client *client, const struct snapshot *snapshot);

// ---- terminate.c: a client whose HTTP is ours to read

// Takes over the client's channel (TLS is above the socket already).
void terminate_start(struct client *client);
// Does everything that can be done now; called after every event on the client or its link.
void terminate_run(struct client *client);
// Why a client's connection ended by itself.
enum end terminate_closing_end(const struct client *client);

// ---- tie.c

struct tie *tie_find(struct client *client, const struct pool_side *side, struct span authority);
// NULL without memory or above links_per_client.
struct tie *tie_new(struct client *client, struct pool_side *side, struct span authority);
// Its link, if it has one, is closed; should that be a pin, it ends by `end`.
void tie_free(struct tie *tie, enum end end);
// The link is the tie's now and rests until the next exchange.
void tie_keep(struct tie *tie, struct link *link);
bool tie_is_pin(const struct tie *tie);
// Before its link is lent: what the server has said by now is not the answer to what comes next, so
// such a link is closed. Fails with the reason when it was the pin, for then the client must end.
struct status tie_wake(struct tie *tie);
// Closes a link that a tie or an exchange held, and counts by what a pin ended.
void tie_close_link(struct keeper *keeper, struct link *link, enum end end, bool abort);

// ---- keeper.c

// One client less lives on that side.
void keeper_release_side(struct keeper *keeper, struct service_side *side);

// ---- exchange.c

enum request_phase {
    REQUEST_STREAMING = 0,
    REQUEST_DISCARDED, // answered early: read on and thrown away, within a limit
    REQUEST_DONE,
};

enum response_phase {
    RESPONSE_AWAITED = 0,
    RESPONSE_STREAMING,
    RESPONSE_DONE,
};

#define EXCHANGE_PATH_MAX 1024

// What the log says of a login; only there when the request or the answer carried a token or
// challenge.
struct login {
    enum login_mechanism mechanism;
    enum login_leg leg;
    enum login_outcome outcome;
    bool is_proved;     // the answer proves that the server took it
    struct token token; // of the request
    int krb_error;      // that the server answered with, -1: none
};

struct exchange {
    struct client *client;
    const struct site_config *site;
    const struct route_config *route;
    struct pool_side *pool_side;
    struct tie *tie;
    struct link *link;
    struct login *login;
    enum request_phase request;
    enum response_phase response;
    size_t server_index;  // of the last link; SIZE_MAX: none
    uint64_t link_id;     // 0: none
    enum binding binding; // of the last link, as it was last seen
    uint64_t id;
    uint64_t mark; // of its method and target, see login_mark
    uint64_t started_us;
    uint64_t first_byte_us; // since started, 0: none yet
    uint64_t connect_us;
    uint64_t progress_ms; // when a byte last moved
    uint64_t request_bytes;
    uint64_t response_bytes;
    uint64_t discarded_bytes;
    struct tried tried; // whose connect failed
    unsigned status;
    enum end end;
    bool is_head;
    bool is_upgrade; // 101 may come
    bool expects_continue;
    bool wants_close; // the client will be closed after this exchange
    bool is_http10;
    bool drops_framing;    // an HTTP/1.0 client is sent the content of chunks only
    bool link_wants_close; // the server will close, or the answer has no end of its own
    bool is_pinned;
    bool is_own_answer;
    bool is_outdated;     // the client is ended after it, because its site has another certificate
    bool has_credentials; // of any scheme, for a proxy too
    uint8_t problem_size;
    uint8_t method_size;
    uint16_t path_size;
    uint8_t host_size;
    char problem[120]; // what TLS said when connecting failed
    char method[32];
    char host[255];
    char path[EXCHANGE_PATH_MAX];
};

// The client waits for "100 Continue": once it has its answer it may send the body or not, and
// nobody could say where its next request begins.
bool exchange_may_never_send(const struct exchange *exchange);
// Nobody takes the rest of the request any more: it is read on and thrown away, within a limit.
void exchange_discard_request(struct exchange *exchange);
// Begins with the parsed head of keeper->request (whose bytes are still in the session). It may be
// answered at once.
void exchange_begin(struct client *client, size_t head_bytes);
// Goes on as far as it can. True when it has finished and the client may go on with its next
// request.
bool exchange_run(struct exchange *exchange);
// Ends it: the log line, the tallies, the link back to where it belongs. True when the client must
// not go on.
bool exchange_finish(struct exchange *exchange, enum end end);
// Moves the binding of its link; counts the pin when that is what it has just become.
void exchange_bind(struct exchange *exchange, enum binding_event event);
// Takes the link away from the exchange and from its tie. NULL when there is none.
struct link *exchange_part(struct exchange *exchange);
struct span exchange_host(const struct exchange *exchange);
// A name for its site where the request has none: the first host that is no pattern, or the server
// name the client asked for; empty when there is neither.
struct span exchange_site_name(const struct exchange *exchange);

// ---- forward.c

void forward_begin(struct exchange *exchange, const struct request_head *head);
// Connecting failed: goes on with a server that was not tried yet, or answers when there is none.
void forward_connect_failed(struct exchange *exchange, enum end end);
void forward_pump_request(struct exchange *exchange);

// ---- response.c

// How much of the answer may wait in the link's session.
size_t response_fill_limit(const struct exchange *exchange);
// The link is of no more use: it is closed and the exchange goes on without it.
void response_drop_link(struct exchange *exchange, enum end end);
void response_pump(struct exchange *exchange);

// ---- login.c

// A number for the method and target of a request: different ones have different marks, as far as
// anybody can tell who does not know the keeper's secret. Never 0.
uint64_t login_mark(const struct keeper *keeper, const struct request_head *head);
// Notes the credentials of Authorization, read into keeper->token.
void login_note_request(struct exchange *exchange);
// The request fails before it has a link: its credentials, if any, are noted all the same.
void login_note_undelivered(struct exchange *exchange, const struct request_head *head);
// Reads the challenges of an answer into keeper->challenges, those of the server before those of a
// proxy; how many, and how many are the server's.
size_t login_read_challenges(struct exchange *exchange, const struct response_head *head,
                             size_t *ret_of_server);
// `challenge_count`: of the server's.
void login_note_response(struct exchange *exchange, const struct response_head *head,
                         size_t challenge_count);
struct login *login_free(struct login *login);

// ---- login_watch.c: logins with their legs, until there is a verdict

struct login_watch {
    struct attempt attempt;
    const struct site_config *site; // these belong to the client's side; NULL: not known
    const struct route_config *route;
    const struct pool_side *side;
    size_t server_index;  // SIZE_MAX: none
    uint64_t id;          // of the login; only grows
    uint64_t link_id;     // 0: none yet
    uint64_t exchange_id; // the last that belonged to it
    enum bound_to bound_to;
};

// A request is about to be sent: with credentials, or NULL.
void login_watch_request(struct exchange *exchange, const struct token *credentials);
// Its answer has come. True when it proves that the server took the login.
bool login_watch_answer(struct exchange *exchange, const struct attempt_answer *answer);
// The exchange ends; its link is still there.
void login_watch_finish(struct exchange *exchange, enum end end);
// The client closes in the middle of a login.
void login_watch_close(struct client *client, enum end end);
// A head was refused before it became an exchange.
void login_watch_refused(struct client *client, enum end end);
// The client has sent credentials twice in one request: no record says which it meant.
void login_watch_confused(struct exchange *exchange);
// Forgets it without a verdict.
void login_watch_drop(struct client *client);

// ---- heads.c

// Composes the request as it goes to the server, into the link's session.
struct status heads_put_request(struct exchange *exchange, const struct request_head *head);
// Composes the answer's head as it goes to the client. `closes`: the client is told that the
// connection ends.
struct status heads_put_response(struct exchange *exchange, const struct response_head *head,
                                 bool closes);

// ---- entry.c

// A client that came in is gone.
void entry_leave(struct keeper *keeper, struct entrance *entrance);

// ---- answer.c

// Answers by ourselves with the status of `end` (see end.tbl), a short page that names reason and
// request id, and ends the exchange with it. Without an exchange (a bad head) the client is closed
// after it.
void answer_end(struct client *client, enum end end);
// A redirect to `location`.
void answer_redirect(struct exchange *exchange, unsigned status, struct span location);

// ---- redirect.c

void redirect_begin(struct exchange *exchange, const struct request_head *head);
// The same for a client whose named server is down.
void redirect_rescue(struct exchange *exchange, const struct request_head *head);
// From a plain listener to https.
void redirect_to_https(struct exchange *exchange, const struct request_head *head);

// ---- passthrough.c

// Relays the client, whose hello was only peeked at, to a server of the site's pool.
void passthrough_start(struct client *client);
// After 101: bytes both ways between the client and the exchange's link.
void passthrough_upgrade(struct exchange *exchange);
void passthrough_close(struct client *client, enum end end);
// Its time is over: another server is tried while connecting, an idle relay is closed.
void passthrough_give_up(struct client *client);
bool passthrough_is_idle_too_long(const struct client *client, uint64_t now_ms,
                                  uint64_t *ret_deadline_ms);
const struct link *passthrough_link(const struct client *client);

// ---- record.c

void record_exchange(const struct exchange *exchange);
void record_relay(struct client *client, const struct link *link, enum end end, uint64_t to_server,
                  uint64_t to_client, bool is_upgrade);
// A client that ended without an exchange or a relay, when there is something to say.
void record_client(struct client *client, enum end end);
// A bad request head that never became an exchange.
void record_refused(struct client *client, enum end end, uint64_t exchange_id);
// A login that is over: a line of the log, and the same for the logbook.
void record_login(struct client *client, const struct login_watch *watch,
                  const struct judgement *judgement);
