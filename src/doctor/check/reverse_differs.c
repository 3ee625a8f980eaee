// SPDX-License-Identifier: Apache-2.0
// The address leads back to another name.
#include <string.h>
#include <strings.h>

#include "doctor/check/check.h"
#include "doctor/check/view.h"

void check_reverse_differs(const struct facts *facts, struct diagnosis *diagnosis)
{
    const json_t *reverse = fact(facts->root, "dns.reverse");
    const char *host = view_host(facts);
    for (size_t i = 0; i < json_array_size(reverse); i++) {
        const json_t *entry = json_array_get(reverse, i);
        const char *name = fact_text(entry, "name");
        size_t size = strlen(name);
        bool is_same =
            strncasecmp(name, host, strlen(host)) == 0 &&
            (size == strlen(host) || (size == strlen(host) + 1 && name[size - 1] == '.'));
        if (size == 0 || *host == '\0' || is_same ||
            fact_bool(facts->root, "subject.host_is_address"))
            continue;
        struct finding *finding =
            diagnosis_add(diagnosis, "reverse_differs", WEIGHT_NOTE, CONFIDENCE_SURE,
                          "The address %s leads back to %s, not to %s.",
                          view_words(entry, "address"), name, host);
        finding_cause(finding,
                      "Clients on Linux that look addresses up backwards (rdns in krb5.conf) "
                      "ask for a ticket of that name; Windows does not.");
        finding_remedy(finding, REMEDY_CLIENT,
                       "On Linux, in the section [libdefaults] of "
                       "/etc/krb5.conf:",
                       "rdns = false");
        return;
    }
}
