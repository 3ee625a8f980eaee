// SPDX-License-Identifier: Apache-2.0
// SPNEGO (RFC 4178), as much as it takes to see what a Negotiate token carries and to wrap our own
// NTLM answers. Kerberos inside SPNEGO is left to GSSAPI. Pure: spans in, bytes out.
#pragma once

#include "bytes.h"

enum spnego_state {
    SPNEGO_COMPLETED = 0,
    SPNEGO_INCOMPLETE = 1,
    SPNEGO_REJECTED = 2,
    SPNEGO_REQUEST_MIC = 3
};

struct spnego_init {
    struct span mech_types; // the DER of MechTypeList, which the mechListMIC covers
    bool ntlm_offered;
    bool ntlm_first;
    bool kerberos_offered;
    struct span token; // mechToken, empty when absent
};

struct spnego_response {
    struct span token; // responseToken, empty when absent
    struct span mic;   // mechListMIC, empty when absent
};

// False when the bytes are not that message. NegTokenInit may come with the GSS wrapper or bare.
bool spnego_read_init(struct span in, struct spnego_init *ret_init);
bool spnego_read_response(struct span in, struct spnego_response *ret_response);

// NegTokenResp; names NTLMSSP as supportedMech when `name_mech`; empty spans leave their field out.
void spnego_add_response(struct buffer *out, enum spnego_state state, bool name_mech,
                         struct span token, struct span mic);

// The AP-REQ in a Kerberos token, with or without SPNEGO around it (RFC 4121 section 4.1).
bool spnego_find_ap_req(struct span in, struct span *ret_ap_req);
