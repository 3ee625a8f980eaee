// SPDX-License-Identifier: Apache-2.0
// A call: one connection to an end, TCP or TLS, with HTTP/1.1 on it, one question at a time. It
// waits, as a tool may, but never longer than its patience. Never used inside the daemon.
#pragma once

#include <stdatomic.h>

#include "base/status.h"
#include "tls/tls.h"
#include "wire/h1_head.h"

struct call;

// How to call. Zeroed: TCP, or TLS as a browser of today would, without a server name. The texts
// are only read while opening.
struct call_wish {
    bool is_tls;
    const char *server_name; // SNI, and the name the certificate must cover; NULL: none is sent
    const char *alpn;        // "http/1.1", "h2,http/1.1"; NULL: no ALPN
    const char *max_version; // "TLSv1.2"; NULL: the newest
    const char *min_version;
    const char *groups;  // OpenSSL's list; NULL: its own
    const char *sigalgs; // "RSA+SHA256:…" or ECDSA only; NULL: OpenSSL's
    bool pads_hello;     // a ClientHello beyond one TCP segment, as with a post-quantum share
    bool splits_hello;   // in two segments, the second one late
    const struct call *earlier; // offers to resume its TLS session; NULL: none
    const char *ca_file;        // trust this besides the system's store
    unsigned patience_ms;       // for each step: connect, handshake, a whole answer
    uint64_t until_us;          // as loop_now_us: no step lasts longer than that; 0: no such end
    atomic_uint *silences;      // counts steps that ran out of time; NULL: nobody asks
};

struct call_problem {
    char text[160]; // words for people; "" when there is none
};

// Connects and shakes hands. A certificate that does not verify is no failure: call_certificate
// tells. Failures: END_CONNECT_REFUSED, END_CONNECT_TIMEOUT, END_CONNECT_FAILED (unreachable and
// the like), END_SERVER_TLS_FAILED, END_SERVER_TIMEOUT, END_SERVER_RESET, END_SERVER_CLOSED (of the
// handshake), END_FILE_LIMIT, END_OVERLOAD. `ret_problem`, which may be NULL, is set on failure.
struct status call_open(const struct address *address, const struct call_wish *wish,
                        struct call **ret_call, struct call_problem *ret_problem);
struct call *call_close(struct call *call); // NULL is allowed; returns NULL

// What the other side showed in TLS. All false and empty without TLS.
void call_certificate(const struct call *call, struct tls_dialogue_certificate *ret_certificate);
// Reads the system's store of trusted certificates now. Not trusted without TLS.
bool call_is_trusted(const struct call *call, struct tls_problem *ret_problem);
void call_tls(const struct call *call, struct tls_dialogue_facts *ret_facts);

#define CALL_CHALLENGES_MAX 8
#define CALL_BODY_MAX       (64 * 1024)
#define CALL_BODY_READ_MAX  (8 * 1024 * 1024)

struct call_challenge {
    char scheme[24];
    char *token; // base64 text; NULL: bare. Owned by the answer
};

// An answer; its texts live until call_answer_done.
struct call_answer {
    unsigned status; // 0: none came; `end` says why
    enum end end;    // END_OK with a whole answer that is in order. A bad or broken one may still
                     // have a status and the fields up to where it broke
    unsigned minor_version;
    char reason[64];  // all texts are UTF-8 without control characters
    char server[128]; // of Server
    char location[512];
    char persistent_auth[16];
    char connection[64];
    char alt_svc[128];
    char via[128];
    int64_t date_s;           // Date as seconds since 1970; 0: none or not readable
    unsigned challenge_lines; // WWW-Authenticate fields
    struct call_challenge challenges[CALL_CHALLENGES_MAX];
    size_t challenge_count;
    bool is_persistent; // the connection may be asked again
    enum body_kind body_kind;
    uint64_t body_bytes; // of content, whole
    char *body;          // the first CALL_BODY_MAX bytes of it
    size_t body_size;
    char problem[128]; // what is not in order in a head, as half a sentence; "" when all is
    uint64_t took_us;  // from the first byte sent to the end of the head
};

struct call_request {
    const char *method; // NULL: GET
    const char *target;
    const char *host;          // of Host, with the port where it is not the scheme's
    const char *authorization; // whole value; NULL: none
    const char *fields;        // more lines, each ended by CRLF; NULL: none
    struct span body;          // sent with Content-Length when `has_body`
    bool has_body;
};

// Asks and waits for the whole answer; interim answers are passed over. A body beyond
// CALL_BODY_READ_MAX is not read to its end: the call is of no use then (is_persistent is false).
// The caller frees the answer with call_answer_done, also after a failure.
void call_ask(struct call *call, const struct call_request *request,
              struct call_answer *ret_answer);
void call_answer_done(struct call_answer *answer);
// The token of the first challenge of that scheme (any case); NULL: none, or it is bare.
const char *call_answer_token(const struct call_answer *answer, const char *scheme);
bool call_answer_offers(const struct call_answer *answer, const char *scheme);

// Bytes as they are, below HTTP: for looks that send what no well-behaved client would. Failures as
// call_open. Receiving 0 bytes is the orderly end.
struct status call_send(struct call *call, struct span bytes);
struct status call_receive(struct call *call, uint8_t *bytes, size_t capacity, size_t *ret_size);
// Has the other side closed, seen within `wait_ms`? False as soon as it sends something.
bool call_has_ended(struct call *call, unsigned wait_ms);
