// SPDX-License-Identifier: Apache-2.0
// See digest.h. Every call makes and frees its own OpenSSL library context: the configuration of
// the machine does not reach it, and nothing of it outlives the call.
#include "tls/digest.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

struct footing {
    OSSL_LIB_CTX *library;
    OSSL_PROVIDER *provider;
};

static void footing_done(struct footing *footing)
{
    if (footing->provider)
        OSSL_PROVIDER_unload(footing->provider);
    OSSL_LIB_CTX_free(footing->library);
}

static bool footing_init(struct footing *footing, const char *provider)
{
    footing->provider = NULL;
    footing->library = OSSL_LIB_CTX_new();
    if (footing->library)
        footing->provider = OSSL_PROVIDER_load(footing->library, provider);
    if (footing->provider)
        return true;
    footing_done(footing);
    return false;
}

static bool digest(const char *provider, const char *name, struct span in,
                   uint8_t ret_digest[DIGEST_BYTES])
{
    struct footing footing;

    if (!footing_init(&footing, provider))
        return false;
    EVP_MD *md = EVP_MD_fetch(footing.library, name, NULL);
    bool is_done = md && EVP_Digest(in.data, in.size, ret_digest, NULL, md, NULL) == 1;
    EVP_MD_free(md);
    footing_done(&footing);
    return is_done;
}

bool digest_md4(struct span in, uint8_t ret_digest[DIGEST_BYTES])
{
    return digest("legacy", "MD4", in, ret_digest);
}

bool digest_md5(struct span in, uint8_t ret_digest[DIGEST_BYTES])
{
    return digest("default", "MD5", in, ret_digest);
}

bool digest_hmac_md5(const uint8_t key[DIGEST_BYTES], struct span in,
                     uint8_t ret_digest[DIGEST_BYTES])
{
    struct footing footing;
    size_t size = 0;

    if (!footing_init(&footing, "default"))
        return false;
    bool is_done = EVP_Q_mac(footing.library, "HMAC", NULL, "MD5", NULL, key, DIGEST_BYTES, in.data,
                             in.size, ret_digest, DIGEST_BYTES, &size) != NULL;
    footing_done(&footing);
    return is_done && size == DIGEST_BYTES;
}

static bool encrypt(EVP_CIPHER_CTX *context, const EVP_CIPHER *cipher, const uint8_t *key,
                    struct span in, uint8_t *out)
{
    int written = 0;

    return context && cipher && EVP_EncryptInit_ex2(context, cipher, key, NULL, NULL) == 1 &&
           EVP_EncryptUpdate(context, out, &written, in.data, (int)in.size) == 1 &&
           (size_t)written == in.size;
}

bool digest_rc4(const uint8_t key[DIGEST_BYTES], const uint8_t *in, uint8_t *out, size_t size)
{
    struct footing footing;

    if (size > INT_MAX || !footing_init(&footing, "legacy"))
        return false;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(footing.library, "RC4", NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool is_done = encrypt(context, cipher, key, span_of(in, size), out);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    footing_done(&footing);
    return is_done;
}
