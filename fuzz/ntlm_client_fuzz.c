// SPDX-License-Identifier: Apache-2.0
// Fuzzes the NTLM client: whatever a server sends as its challenge, the client answers with a whole Type 3 or not at
// all.
#include "base/check.h"
#include "doctor/frame.h"
#include "doctor/ntlm_client.h"
#include "wire/ntlm.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_answer(const char *type3)
{
    struct frame frame;
    struct ntlm ntlm;

    CHECK(frame_open(type3, &frame));
    CHECK(ntlm_read(frame.inner, &ntlm));
    CHECK(ntlm.type == 3 && ntlm.is_whole && ntlm.response_version == 2);
    CHECK(ntlm.channel_binding.size == 16);
    frame_done(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char password[] = "Password";
    struct account account = {
        .proof = PROOF_PASSWORD, .user = "User", .ntlm_domain = "Domain", .password = password};
    struct ntlm_wish wish = {.spn = "HTTP/a", .binding = NTLM_BINDING_ZERO};
    const char *problem = NULL;

    if (size > 64 * 1024)
        return 0;
    char *type1 = ntlm_client_negotiate(false);
    char *type2 = frame_plain(span_of(data, size));
    char *type3 = ntlm_client_authenticate(type1, type2, &account, &wish, &problem);
    CHECK((type3 == NULL) == (problem != NULL));
    if (type3)
        check_answer(type3);
    free(type1);
    free(type2);
    free(type3);
    return 0;
}
