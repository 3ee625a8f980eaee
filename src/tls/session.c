// SPDX-License-Identifier: Apache-2.0
// Remembers one session of one server, so that the next link resumes instead of verifying again. A
// session made under other rules (another client context) or another name is never offered. Belongs
// to one worker; holds one reference on the OpenSSL session.
#include "tls/session.h"

#include <stdlib.h>
#include <string.h>

#include "tls/channel.h"

struct tls_sessions {
    unsigned shares; // the owner's and one per channel: a link may outlive the pool that made it
    SSL_SESSION *session;
    char *name;
    uint64_t client_number;
    uint32_t generation; // changes with name and client, so that late sessions of older channels
                         // are refused
};

struct tls_sessions *tls_sessions_new(void)
{
    struct tls_sessions *sessions = calloc(1, sizeof *sessions);
    if (sessions)
        sessions->shares = 1;
    return sessions;
}

struct tls_sessions *tls_sessions_free(struct tls_sessions *sessions)
{
    if (sessions && --sessions->shares == 0) {
        SSL_SESSION_free(sessions->session);
        free(sessions->name);
        free(sessions);
    }
    return NULL;
}

static void sessions_forget(struct tls_sessions *sessions, const struct tls_client *client,
                            const char *name)
{
    SSL_SESSION_free(sessions->session);
    free(sessions->name);
    sessions->session = NULL;
    sessions->name = strdup(name); // without memory nothing is ever offered, which is safe
    sessions->client_number = client->number;
    sessions->generation++;
}

// OpenSSL forbids a TLS 1.3 session to resume twice, for the sake of clients who do not want to be
// recognized; a server may well recognize its load balancer. So each link of TLS 1.3 gets a copy.
static void offer(SSL *ssl, SSL_SESSION *session)
{
    bool is_spent_by_use = SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION;
    SSL_SESSION *copy = is_spent_by_use ? SSL_SESSION_dup(session) : NULL;
    SSL_set_session(ssl, copy ? copy : session);
    SSL_SESSION_free(copy);
}

uint32_t tls_sessions_offer(struct tls_sessions *sessions, const struct tls_client *client,
                            const char *name, SSL *ssl)
{
    bool same = sessions->client_number == client->number && sessions->name &&
                strcmp(sessions->name, name) == 0;
    if (!same)
        sessions_forget(sessions, client, name);
    else if (sessions->session && SSL_SESSION_is_resumable(sessions->session))
        offer(ssl, sessions->session);
    sessions->shares++;
    return sessions->generation;
}

// OpenSSL has a session that can be resumed: TLS 1.2 at the end of the handshake, TLS 1.3 with each
// ticket. Answers whether we keep the reference.
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    const struct tls_channel *channel = tls_channel_of(ssl);
    struct tls_sessions *sessions = channel->sessions;
    if (!sessions || channel->sessions_generation != sessions->generation)
        return 0;
    SSL_SESSION_free(sessions->session);
    sessions->session = session;
    return 1;
}

void tls_sessions_serve(SSL_CTX *context)
{
    SSL_CTX_set_session_cache_mode(context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(context, on_session);
}
