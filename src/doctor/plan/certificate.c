// SPDX-License-Identifier: Apache-2.0
// Certificate requests: an OpenSSL configuration for a site of the load balancer, an INF file for
// certreq on a server. Keys are made where they are used.
#include <string.h>

#include "base/check.h"
#include "doctor/plan/document.h"
#include "wire/host.h"

#define NAME_CAPACITY (HOST_NAME_MAX + 3)

static const struct requirement *find(const struct plan *plan, enum plan_scope scope,
                                      const char *owner)
{
    for (size_t i = 0; i < plan->requirement_count; i++) {
        const struct requirement *asked = &plan->requirements[i];
        if (asked->act == PLAN_ASK_CERTIFICATE && requirement_is_of(asked, scope, owner))
            return asked;
    }
    UNREACHABLE("a request for a certificate that is not required");
}

void plan_print_openssl_request(const struct plan *plan, const char *site, FILE *out)
{
    const struct requirement *asked = find(plan, PLAN_OF_SITE, site);
    char name[NAME_CAPACITY];
    print_origin(out, "#", plan, "Request for a certificate of the load balancer:");
    fputs("# openssl req -new -newkey rsa:3072 -noenc -keyout new.key -out new.csr "
          "-config THIS-FILE\n",
          out);
    print_reason(out, "#", "", asked);
    fputs("[req]\nprompt = no\ndefault_md = sha256\ndistinguished_name = subject\n"
          "req_extensions = extensions\n\n[subject]\nCN = ",
          out);
    const char *names = asked->value;
    if (plan_next_item(&names, name, sizeof name))
        quote_plain(out, strlen(name) <= 64 ? name : "handfast");
    fputs("\n\n[extensions]\nkeyUsage = critical, digitalSignature, keyEncipherment\n"
          "extendedKeyUsage = serverAuth\nsubjectAltName = @names\n\n[names]\n",
          out);
    unsigned number = 0;
    for (names = asked->value; plan_next_item(&names, name, sizeof name);) {
        fprintf(out, "%s.%u = ", plan_is_address(name) ? "IP" : "DNS", ++number);
        quote_plain(out, name);
        fputc('\n', out);
    }
}

void plan_print_certreq_request(const struct plan *plan, const char *server, FILE *out)
{
    const struct requirement *asked = find(plan, PLAN_OF_SERVER, server);
    char name[NAME_CAPACITY];
    print_origin(out, ";", plan, "Request for a certificate of the server, to be made there:");
    fputs("; certreq -new THIS-FILE request.csr, then certreq -submit and certreq -accept\n", out);
    print_reason(out, ";", "", asked);
    fputs("[Version]\nSignature = \"$Windows NT$\"\n\n[NewRequest]\nSubject = \"CN=", out);
    const char *names = asked->value;
    if (plan_next_item(&names, name, sizeof name))
        quote_plain(out, strlen(name) <= 64 ? name : "handfast");
    fputs("\"\nKeyLength = 3072\nKeyAlgorithm = RSA\nHashAlgorithm = SHA256\n"
          "MachineKeySet = TRUE\nExportable = FALSE\nRequestType = PKCS10\n"
          "KeyUsage = 0xA0\n\n[EnhancedKeyUsageExtension]\nOID = 1.3.6.1.5.5.7.3.1\n\n"
          "[Extensions]\n2.5.29.17 = \"{text}\"\n",
          out);
    for (names = asked->value; plan_next_item(&names, name, sizeof name);) {
        fprintf(out, "_continue_ = \"%s=", plan_is_address(name) ? "ipaddress" : "dns");
        quote_plain(out, name);
        fputs("&\"\n", out);
    }
}
