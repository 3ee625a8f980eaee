// SPDX-License-Identifier: Apache-2.0
// One attempt to log in, as it can be seen without a key: the legs between one client and one
// server, what their tokens said, and the verdict. Pure: it is told what passes and what time it
// is, and owns nothing but its own bounded copies. It watches only; the binding decides.
#pragma once

#include "auth/login_verdict.h"
#include "base/status.h"
#include "wire/token.h"

#define ATTEMPT_LEGS_MAX 8

// One request and its answer.
struct attempt_leg {
    uint64_t at_us;   // since the attempt began
    uint64_t took_us; // to the head of the answer; 0: none came
    size_t bytes;     // of the client's token, decoded; 0: none
    unsigned status;  // of the answer; 0: none came
    uint8_t sent;     // enum token_kind; TOKEN_EMPTY: no credentials, or a bare scheme
    uint8_t got;      // enum token_kind of the answer's token; TOKEN_EMPTY: none
};

enum attempt_stand {
    ATTEMPT_CHALLENGED = 0, // the server asked for a login, and nothing was sent yet
    ATTEMPT_ASKED,          // a token was sent: the server's turn
    ATTEMPT_CONTINUED,      // the server sent a token: the client's turn
    ATTEMPT_ACCEPTED,       // over, as the three below
    ATTEMPT_REFUSED,
    ATTEMPT_UNREAD, // answered before anybody looked at the credentials
};

enum attempt_mechanism {
    ATTEMPT_KERBEROS = 0,
    ATTEMPT_NTLM,
    ATTEMPT_NEGOTIATE, // SPNEGO whose content could not be told, or NegoEx
    ATTEMPT_NONE,      // no credentials were sent
    ATTEMPT_MECHANISMS,
};

struct attempt {
    uint64_t began_us;
    uint64_t ended_us; // 0: not over
    enum attempt_stand stand;
    enum end end; // why it broke off without an answer; END_OK: it did not
    struct attempt_leg legs[ATTEMPT_LEGS_MAX];
    size_t leg_count;        // may be more than are kept
    unsigned offered;        // bits 1 << enum auth_scheme, of the challenges
    enum auth_scheme scheme; // of the last credentials
    enum attempt_mechanism mechanism;
    enum token_kind last_sent; // the client's last token
    bool is_challenged;        // the server gave an NTLM challenge (Type 2) in this attempt
    bool is_proving;           // a token was sent that may prove somebody
    uint64_t mark_sent;        // of the last request; 0: not known
    uint64_t mark_asked;       // of the last that was answered with a challenge; 0: none
    bool is_proved;            // the last answer cannot be had without a login
    bool has_bad_token;
    uint8_t mechs[8]; // enum token_mech, in the order the client offered them
    size_t mech_count;
    int neg_state; // the server's last word; -1: none
    size_t token_bytes_max;
    // NTLM
    unsigned ntlm_version; // 1 or 2; 0: not known
    uint32_t ntlm_flags;   // of the last message of the client
    bool is_anonymous;
    bool has_mic;
    enum channel_binding_form binding;
    uint8_t binding_hash[16];
    struct token_build client_build;
    struct token_build server_build;
    // Kerberos
    int ticket_etype; // 0: none
    int sender_etype;
    int64_t ticket_kvno; // -1: none
    uint32_t ap_options;
    size_t ticket_bytes;
    int krb_error; // -1: none
    bool has_skew;
    int64_t skew_s;         // the server's clock less ours
    struct token_text host; // asked for, in lower case, as in the Host header
    struct token_text domain;
    struct token_text user;
    struct token_text workstation;
    struct token_text spn;
    struct token_text realm;
    struct token_text server_name; // that gave the NTLM challenge, by its own word
    struct token_text dns_domain;  // of that server
    struct token_text forest;
    struct token_text echoed_server; // whose challenge the client answered, by its own word
};

// A new one, on a request to `host` (as in the Host header).
void attempt_begin(struct attempt *attempt, struct span host, uint64_t now_us);

// Does `credentials` begin another login, so that this one is over? (The client starts again with
// an opening message although it was challenged.)
bool attempt_is_restarted_by(const struct attempt *attempt, const struct token *credentials);

// A request went out. `credentials`: NULL for one without any of a scheme that binds. `mark`: the
// same for the same method and target only, whatever a client does; 0: not known.
void attempt_see_request(struct attempt *attempt, const struct token *credentials, uint64_t mark,
                         uint64_t now_us);

struct attempt_answer {
    unsigned status; // any from 200, and 101
    const struct token *challenges;
    size_t challenge_count;   // of schemes that bind, of the server: WWW-Authenticate
    bool has_persistent_auth; // the header that servers add to answers to somebody they know
};

// The answer to it came. `now_filetime`: our clock, to compare the server's with.
void attempt_see_answer(struct attempt *attempt, const struct attempt_answer *answer,
                        uint64_t now_us, uint64_t now_filetime);
// It broke off: `end` says why. Whatever was answered stays.
void attempt_break(struct attempt *attempt, enum end end, uint64_t now_us);

static inline bool attempt_is_over(const struct attempt *attempt)
{
    return attempt->ended_us != 0;
}

// ---- the verdict

// Which certificate a login was bound to by the client (NTLM AV pair 10). Front is what we showed
// to the client, back what the server showed to us.
enum bound_to {
    BOUND_TO_UNSAID = 0, // the client says nothing
    BOUND_TO_NOTHING,    // it says that there is no TLS: zeros
    BOUND_TO_FRONT,
    BOUND_TO_BACK,
    BOUND_TO_BOTH, // the same certificate on both sides
    BOUND_TO_OTHER,
    BOUND_TO_COUNT,
};

// "absent", "zero", "front", "back", "both", "other"
const char *bound_to_word(enum bound_to bound);
enum bound_to bound_to_of(enum channel_binding_form form, bool is_front, bool is_back);

// What stands around an attempt and is not in its tokens.
struct attempt_scene {
    enum bound_to bound_to;
    unsigned bound_accepted;     // bits 1 << enum bound_to that this server was seen to accept
    bool is_link_tls;            // the server showed a certificate
    struct span server_names[2]; // names of the server: configured, or anything else; may be empty
};

struct judgement {
    enum login_verdict verdict;
    uint64_t remarks; // bits 1 << enum login_verdict; never the verdict itself
};

// The verdict on an attempt that is over.
struct judgement attempt_judge(const struct attempt *attempt, const struct attempt_scene *scene);

// Is the service name the one of that host? JUDGED_SUCCESS when it is, or when there is nothing to
// compare; otherwise one of JUDGED_NAME_*. `server_names` are those of the server behind us.
enum login_verdict attempt_name_verdict(struct span spn, struct span host,
                                        const struct span server_names[2]);

// "kerberos", "ntlm", "negotiate", "none"
const char *attempt_mechanism_word(enum attempt_mechanism mechanism);
