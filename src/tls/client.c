// SPDX-License-Identifier: Apache-2.0
// How a pool speaks TLS to its servers: whom it trusts and what it offers. Names are checked per
// connection.
#include "tls/tls.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/check.h"
#include "tls/certificate.h"
#include "tls/context.h"
#include "tls/session.h"

static atomic_uint_fast64_t clients_made;

static bool trust(SSL_CTX *context, const char *ca_file, struct tls_problem *ret_problem)
{
    if (ca_file && !tls_file_check(ca_file, ret_problem))
        return false;
    int trusted = ca_file ? SSL_CTX_load_verify_file(context, ca_file)
                          : SSL_CTX_set_default_verify_paths(context);
    if (trusted == 1)
        return true;
    unsigned long error = tls_error_take();
    if (!ca_file)
        tls_problem_say(ret_problem, "the system's certificate store cannot be read");
    else if (access(ca_file, R_OK) != 0)
        tls_problem_say(ret_problem, "%s: %s", ca_file, strerror(errno));
    else
        tls_problem_say(ret_problem, "%s: holds no usable CA certificate: %s", ca_file,
                        tls_error_words(error, "OpenSSL gives no reason"));
    return false;
}

static bool client_fill(struct tls_client *client, const char *ca_file,
                        struct tls_problem *ret_problem)
{
    static const uint8_t alpn[] = "\x08http/1.1";
    client->context = tls_context_new(TLS_client_method());
    if (!client->context || SSL_CTX_set_alpn_protos(client->context, alpn, sizeof alpn - 1) != 0) {
        ERR_clear_error();
        tls_problem_say(ret_problem, "no memory for a TLS context");
        return false;
    }
    SSL_CTX_set_verify(client->context, client->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    tls_sessions_serve(client->context);
    return !client->verify || trust(client->context, ca_file, ret_problem);
}

struct tls_client *tls_client_new(const char *ca_file, bool verify, struct tls_problem *ret_problem)
{
    struct tls_client *client = calloc(1, sizeof *client);
    if (!client) {
        tls_problem_say(ret_problem, "no memory for a TLS context");
        return NULL;
    }
    client->number = atomic_fetch_add(&clients_made, 1) + 1;
    client->verify = verify;
    return client_fill(client, ca_file, ret_problem) ? client : tls_client_free(client);
}

struct tls_client *tls_client_share(const struct tls_client *client)
{
    struct tls_client *shared = malloc(sizeof *shared);
    CHECK(shared && SSL_CTX_up_ref(client->context) == 1);
    *shared = *client;
    return shared;
}

struct tls_client *tls_client_free(struct tls_client *client)
{
    if (client)
        SSL_CTX_free(client->context);
    free(client);
    return NULL;
}
