// SPDX-License-Identifier: Apache-2.0
// See channel.h.
#include "channel.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                       const unsigned char *in, unsigned in_len, void *offered)
{
    (void)ssl;
    const char *ours = offered;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_len, (const unsigned char *)ours, (unsigned)strlen(ours),
                              in, in_len) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// What a server with SNI bindings does with the name a client asks for, or does not.
static int choose_by_name(SSL *ssl, int *ret_alert, void *given)
{
    const struct settings *s = given;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    *ret_alert = SSL_AD_UNRECOGNIZED_NAME;
    if (s->sni_name && (!name || strcasecmp(name, s->sni_name) != 0))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    if (!name && s->no_name_cert && s->no_name_key &&
        (SSL_use_certificate_chain_file(ssl, s->no_name_cert) != 1 ||
         SSL_use_PrivateKey_file(ssl, s->no_name_key, SSL_FILETYPE_PEM) != 1))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    return SSL_TLSEXT_ERR_OK;
}

static int accept_any_certificate(int verified, X509_STORE_CTX *store)
{
    (void)verified;
    (void)store;
    return 1;
}

SSL_CTX *channel_context(const struct settings *s, const struct listener_settings *l)
{
    static char with_http2[] = "\x02h2\x08http/1.1", without_http2[] = "\x08http/1.1";
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    bool ok = context != NULL;
    for (unsigned i = 0; ok && i < l->cert_count; i++)
        ok = SSL_CTX_use_certificate_chain_file(context, l->certs[i]) == 1 &&
             SSL_CTX_use_PrivateKey_file(context, l->keys[i], SSL_FILETYPE_PEM) == 1;
    if (!ok) {
        fprintf(stderr, "handfast-iis: certificate or key of %s cannot be used\n", l->address);
        ERR_print_errors_fp(stderr);
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_alpn_select_cb(context, choose_alpn, s->http2 ? with_http2 : without_http2);
    SSL_CTX_set_tlsext_servername_callback(context, choose_by_name);
    SSL_CTX_set_tlsext_servername_arg(context, (void *)(uintptr_t)s);
    if (s->ask_client_certificate)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, accept_any_certificate);
    SSL_CTX_set_session_id_context(context, (const unsigned char *)"iis", 3);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return context;
}

// RFC 5929 section 4.1: the hash of the signature, SHA-256 in place of MD5 and SHA-1.
static bool compute_binding(SSL *ssl, uint8_t out[16])
{
    X509 *certificate = SSL_get_certificate(ssl);
    int digest = NID_undef;
    if (!certificate || X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) != 1)
        return false;
    if (digest == NID_md5 || digest == NID_sha1)
        digest = NID_sha256;
    const EVP_MD *md = EVP_get_digestbynid(digest);
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len;
    if (!md || X509_digest(certificate, md, hash, &len) != 1)
        return false;
    protection_binding((struct span){hash, len}, out);
    return true;
}

bool channel_open(struct channel *c, int fd, SSL_CTX *context, unsigned idle_ms)
{
    *c = (struct channel){.fd = fd};
    struct timeval wait = {.tv_sec = idle_ms / 1000, .tv_usec = idle_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (!context)
        return true;
    c->ssl = SSL_new(context);
    if (!c->ssl || SSL_set_fd(c->ssl, fd) != 1 || SSL_accept(c->ssl) != 1) {
        ERR_clear_error();
        return false;
    }
    c->has_binding = compute_binding(c->ssl, c->binding);
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(c->ssl, &protocol, &len);
    c->http2 = len == 2 && memcmp(protocol, "h2", 2) == 0;
    return true;
}

bool channel_read(struct channel *c, struct buffer *in)
{
    enum { PIECE = 16384 };
    buffer_reserve(in, PIECE);
    ssize_t got;
    if (c->ssl) {
        got = SSL_read(c->ssl, in->at + in->len, PIECE);
        if (got <= 0)
            ERR_clear_error();
    } else {
        do
            got = recv(c->fd, in->at + in->len, PIECE, 0);
        while (got < 0 && errno == EINTR);
    }
    if (got <= 0)
        return false;
    in->len += (size_t)got;
    return true;
}

static ssize_t write_some(struct channel *c, struct span out)
{
    if (!c->ssl)
        return send(c->fd, out.at, out.len, MSG_NOSIGNAL);
    size_t wrote;
    if (SSL_write_ex(c->ssl, out.at, out.len, &wrote) != 1) {
        ERR_clear_error();
        return -1;
    }
    return (ssize_t)wrote;
}

bool channel_write(struct channel *c, struct span out)
{
    while (out.len > 0) {
        ssize_t wrote = write_some(c, out);
        if (wrote < 0 && !c->ssl && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        out = span_cut(out, (size_t)wrote, out.len);
    }
    return true;
}

void channel_close(struct channel *c, bool cut)
{
    if (cut)
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    else if (c->ssl && SSL_is_init_finished(c->ssl))
        SSL_shutdown(c->ssl);
    ERR_clear_error();
    SSL_free(c->ssl);
    close(c->fd);
    *c = (struct channel){.fd = -1};
}
