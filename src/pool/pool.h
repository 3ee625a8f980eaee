// SPDX-License-Identifier: Apache-2.0
// The door of pool: servers, what health says of them, how one is chosen, and the links to them.
// A server outlives reloads and is shared by all threads through a few atomics; a side is what one
// worker keeps of a pool; a link belongs to exactly one holder: a client, an exchange, or the
// side's idle list.
#pragma once

#include <stdatomic.h>

#include "auth/auth.h"
#include "base/text.h"
#include "config/config.h"
#include "http/http.h"
#include "pool/verdict.h"
#include "tls/tls.h"

// ---- the addresses of servers that are written as names

#define LOOKUP_PATIENCE_S 5

struct lookup;

struct lookup *lookup_new(void);
struct lookup *lookup_free(struct lookup *lookup); // NULL is allowed; returns NULL
// To be looked up; nothing happens for an address or a name that is there already.
void lookup_add(struct lookup *lookup, const char *host);
void lookup_add_servers(struct lookup *lookup, const struct snapshot *snapshot);
size_t lookup_count(const struct lookup *lookup);
// Asks for all of them side by side and waits, at most LOOKUP_PATIENCE_S. Once.
void lookup_run(struct lookup *lookup);
enum lookup_result {
    LOOKUP_NOT_ASKED = 0, // an address, or never added
    LOOKUP_FOUND,
    LOOKUP_ABSENT,     // there is no such name, or it has no address
    LOOKUP_UNANSWERED, // proves nothing
};

// `ret_problem` is written for the last two: words of static storage. `lookup` may be NULL in these
// two functions: nothing was asked for.
enum lookup_result lookup_result(const struct lookup *lookup, const char *host,
                                 const char **ret_problem);
// Where to reach that server: the address it is written as, else `kept` if that is still one of its
// name's, else the first of them, IPv4 before IPv6. A name that does not resolve just now, in the
// family of `kept`, keeps its address. False when there is none. `kept` may be NULL.
bool lookup_address(const struct lookup *lookup, const struct server_config *config,
                    const struct address *kept, struct address *ret_address);

// ---- servers

#define SERVER_DETAIL_MAX 160

// What the checks of a server have found. The control thread's alone; workers look at the verdict
// only.
struct server_health {
    struct verdict_run run;
    enum end why; // of the last failed check; END_OK: none since the server was up
    char detail[SERVER_DETAIL_MAX]; // more words about it, or ""
    uint64_t changed_us;            // when the verdict last changed (loop_now_us); 0: never
    uint64_t checks_passed;
    uint64_t checks_failed;
    uint64_t rises; // how often the verdict became up, and down
    uint64_t falls;
};

#define SERVER_NAME_MAX 256

// The certificate a server showed in the last whole handshake of ours, and the name it was asked
// for.
struct server_shown {
    struct tls_leaf leaf;
    char name[SERVER_NAME_MAX]; // "": none has been seen
    uint64_t seen_us;           // loop_now_us
};

// What one worker has done with one server. Only its thread writes; the control thread reads while
// it runs. It lives as long as the server, so a reload does not set it back.
struct server_tally {
    _Alignas(
        64) struct server_tally *next; // of the server's; no two workers write to one cache line
    const void *worker;
    uint64_t exchanges;
    uint64_t links_opened;
    uint64_t connect_errors;
    uint64_t bytes_to_server; // above TLS; of a relay when it has ended
    uint64_t bytes_from_server;
};

static inline void server_count(uint64_t *count, uint64_t more)
{
    __atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + more, __ATOMIC_RELAXED);
}

struct server {
    atomic_uint references;
    struct address address;
    char *pool_name;
    char *name;
    struct server_health health;
    struct server_shown shown; // the control thread's alone
    // What a worker's link saw; the control thread takes it away. The mark tells workers that it is
    // nothing new.
    _Atomic(struct server_shown *) shown_to_link;
    atomic_uint_fast64_t shown_mark;
    _Atomic(enum verdict) verdict;      // written by the control thread
    atomic_uint_fast64_t links;         // open, over all workers
    atomic_uint connect_errors;         // in a row
    atomic_uint_fast64_t avoided_until; // loop time in ms: passively marked after connect errors
    _Atomic(struct server_tally *) tallies;
};

// `previous` itself when its address is the same, with its verdict; else a new one. `previous` may
// be NULL.
struct server *server_new(const struct pool_config *pool, const struct server_config *config,
                          const struct address *address, struct server *previous);
struct server *server_ref(struct server *server);
struct server *server_unref(struct server *server);
// A worker has seen this certificate on a link of its own. Where nothing else looks (no checks).
void server_note_link_leaf(struct server *server, const char *name, const struct tls_leaf *leaf);
// On the control thread: takes over what a link saw, or what was seen otherwise. True when that is
// another certificate than before, or the first, or one for another name.
bool server_take_link_leaf(struct server *server);
bool server_note_leaf(struct server *server, const char *name, const struct tls_leaf *leaf);
// The tally of that worker (whatever pointer tells workers apart), made when it has none. NULL
// without memory.
struct server_tally *server_tally_of(struct server *server, const void *worker);
// Over all workers. Any thread.
void server_tally_sum(const struct server *server, struct server_tally *ret_sum);

// ---- pools: immutable, shared by threads

struct pool {
    const struct pool_config *config;
    struct server **servers; // in the order of the configuration
    size_t server_count;
    struct tls_client *tls; // NULL: plain
};

// `lookup` has looked for the servers' names; `previous` may be NULL. On failure NULL, with the
// reason in `ret_problem`.
struct pool *pool_new(const struct pool_config *config, const struct pool *previous,
                      const struct lookup *lookup, struct tls_problem *ret_problem);
// Would the pool have other addresses if it was built with these names?
bool pool_has_moved(const struct pool *pool, const struct lookup *lookup);
struct pool *pool_free(struct pool *pool);
// The name its servers are asked for in TLS (SNI) and verified by.
const char *pool_tls_name(const struct pool *pool, const struct server *server);

// ---- the side of one worker

struct pool_side {
    struct pool *pool;
    struct io_thread *io;
    const struct timeouts_config *timeouts;
    uint64_t *next_link_id; // of the worker
    uint64_t id_step;
    struct list idle; // shared links, the most recently used first
    size_t idle_count;
    size_t link_count; // open, whoever holds them
    int64_t *turns;    // smooth weighted round robin
    struct tls_sessions **sessions;
    struct server_tally **tallies; // this worker's, of each server
};

// False without memory.
bool pool_side_init(struct pool_side *side, struct pool *pool, struct io_thread *io,
                    const struct timeouts_config *timeouts, uint64_t *next_link_id,
                    uint64_t id_step);
// Closes the idle links. No other may be open.
void pool_side_done(struct pool_side *side);

// Servers of one pool, by index, that need not be tried again; empty when it is zero.
#define TRIED_MAX 31
struct tried {
    uint32_t count;
    uint32_t servers[TRIED_MAX];
};

// Enough have been tried for one client: no other is.
static inline bool tried_is_full(const struct tried *tried)
{
    return tried->count == TRIED_MAX;
}

static inline bool tried_has(const struct tried *tried, size_t server_index)
{
    for (uint32_t i = 0; i < tried->count; i++)
        if (tried->servers[i] == server_index)
            return true;
    return false;
}

// Not when it is full.
static inline void tried_add(struct tried *tried, size_t server_index)
{
    if (!tried_is_full(tried))
        tried->servers[tried->count++] = (uint32_t)server_index;
}

// Chooses among the servers that may take a client now and have not been tried. `client` are the
// bytes of its address. SIZE_MAX: none.
size_t pool_choose(struct pool_side *side, struct span client, const struct tried *tried);
// May this one take a client now?
bool pool_may_take(const struct pool_side *side, size_t server_index);

// ---- links

struct link;
// Something happened: it opened, it can be read or written, it broke or was ended by the server.
typedef void link_event_fn(struct link *link, unsigned ready);

struct link {
    struct list siblings; // of its holder
    struct pool_side *side;
    size_t server_index;
    struct server *server;
    struct channel *channel;
    struct h1_session session;
    struct timer idle_timer;
    struct task burial;
    enum binding binding;
    uint64_t id;
    uint64_t exchanges;    // begun on it
    uint64_t counted_sent; // bytes that the tally knows of
    uint64_t counted_received;
    uint64_t opened_us;  // when connecting began
    uint64_t connect_us; // how long that took, TLS included; 0 while it lasts
    link_event_fn *on_event;
    void *holder;
};

// Begins to connect; on_event comes when it is open or broken. END_FILE_LIMIT, END_OVERLOAD,
// END_CONNECT_*. `is_raw`: no TLS of ours, whatever the pool says (passthrough).
struct status link_open(struct pool_side *side, size_t server_index, bool is_raw,
                        link_event_fn *on_event, void *holder, struct link **ret_link);
// Closes at once; memory goes at the end of the turn. `abort` resets the connection.
void link_close(struct link *link, bool abort);
static inline bool link_is_open(const struct link *link)
{
    return link->channel->is_open;
}
// An exchange begins on it.
void link_begin_exchange(struct link *link);
// A relay on it has ended; the bytes it moved.
void link_note_relayed(struct link *link, uint64_t to_server_bytes, uint64_t from_server_bytes);
// Open both ways, with nothing received or composed that waits.
bool link_is_clean(const struct link *link);
// Why it broke, as a reason for an exchange that was waiting for it.
enum end link_end(const struct link *link);

// An idle link to that server of a shared pool, never near credentials and with nothing to be read,
// or NULL. It is the caller's now.
struct link *link_take_idle(struct pool_side *side, size_t server_index, link_event_fn *on_event,
                            void *holder);
// It did not open in time: counted like any other connect error.
void link_note_timeout(struct link *link);
// Back to the side: only if it may be shared, is open, and nothing waits in it; otherwise it is
// closed.
void link_give_idle(struct link *link);
// Moves the binding and keeps the invariant: what may no longer be shared is on no idle list.
void link_bind(struct link *link, enum binding_event event);

// ---- probes: the active checks of servers, on the loop of the control thread, beside the workers
// and never on them

struct probes;

// The verdict of `server` has changed; server->health says why.
typedef void probe_tell_fn(void *owner, const struct server *server, enum verdict before);

// `server` has shown another certificate than before: server->shown.
typedef void probe_shown_fn(void *owner, const struct server *server);

// NULL without memory. `io` is the control thread's.
struct probes *probes_new(struct io_thread *io, probe_tell_fn *tell, probe_shown_fn *shown,
                          void *owner);
// Checks the servers of these pools from now on and no others: new ones at once, those it knew go
// on where they were. A check that is under way is begun anew, since what it should look for may
// have changed. The pools must outlive the next probes_adopt or probes_free.
void probes_adopt(struct probes *probes, struct pool *const *pools, size_t pool_count);
struct probes *probes_free(struct probes *probes);
// How many descriptors the checks may hold at one time.
size_t probes_descriptors(size_t server_count);

// ---- looks: which certificate a server shows, where no check sees it by the way

struct looks;

#define LOOKS_AT_ONCE_MAX 32 // the others wait a moment

// A look at `server` is over. END_OK: server->shown is what it showed; else the end of the
// connection, with words in `problem`, or "".
typedef void look_tell_fn(void *owner, struct server *server, enum end why, const char *problem);

// NULL without memory.
struct looks *looks_new(struct io_thread *io, look_tell_fn *tell, void *owner);
// From now on: at every server of a pool that speaks TLS and whose checks do not, once for each
// round of its checks while it is not down; for pools without checks it only takes over what links
// saw. The pools must outlive the next call.
void looks_adopt(struct looks *looks, struct pool *const *pools, size_t pool_count);
// Once, under that name, whatever the pool's checks are; told in every case. `name` must outlive
// it.
void looks_ask(struct looks *looks, const struct pool *pool, struct server *server,
               const char *name);
struct looks *looks_free(struct looks *looks);
