// SPDX-License-Identifier: Apache-2.0
// The numbers of RFC 4120 section 7.5.9: their names, and which of them are the last word about an
// account. Declared in kerberos_client.h.
#include <stdio.h>

#include "doctor/kerberos_client.h"

static const struct {
    int code;
    const char *name;
} error_names[] = {
    {3, "BAD_PVNO"},
    {6, "C_PRINCIPAL_UNKNOWN"},
    {7, "S_PRINCIPAL_UNKNOWN"},
    {8, "PRINCIPAL_NOT_UNIQUE"},
    {9, "NULL_KEY"},
    {12, "POLICY"},
    {13, "BADOPTION"},
    {14, "ETYPE_NOSUPP"},
    {15, "SUMTYPE_NOSUPP"},
    {18, "CLIENT_REVOKED"},
    {23, "KEY_EXP"},
    {24, "PREAUTH_FAILED"},
    {25, "PREAUTH_REQUIRED"},
    {26, "SERVER_NOMATCH"},
    {27, "MUST_USE_USER2USER"},
    {28, "PATH_NOT_ACCEPTED"},
    {29, "SVC_UNAVAILABLE"},
    {31, "BAD_INTEGRITY"},
    {32, "TKT_EXPIRED"},
    {33, "TKT_NYV"},
    {34, "REPEAT"},
    {35, "NOT_US"},
    {36, "BADMATCH"},
    {37, "SKEW"},
    {38, "BADADDR"},
    {39, "BADVERSION"},
    {40, "MSG_TYPE"},
    {41, "MODIFIED"},
    {44, "BADKEYVER"},
    {45, "NOKEY"},
    {46, "MUT_FAIL"},
    {50, "INAPP_CKSUM"},
    {51, "PATH_NOT_ACCEPTED"},
    {52, "RESPONSE_TOO_BIG"},
    {60, "GENERIC"},
    {68, "WRONG_REALM"},
    {69, "USER_TO_USER_REQUIRED"},
    {85, "IAKERB_KDC_NOT_FOUND"},
    {86, "IAKERB_KDC_NO_RESPONSE"},
};

const char *kerberos_error_name(int code, char scratch[static 24])
{
    for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++)
        if (error_names[i].code == code)
            return error_names[i].name;
    snprintf(scratch, 24, "ERROR_%d", code);
    return scratch;
}

bool kerberos_problem_is_refusal(const struct kerberos_problem *problem)
{
    static const int codes[] = {6, 18, 23, 24, 31};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (problem->code == codes[i])
            return true;
    return false;
}
