// SPDX-License-Identifier: Apache-2.0
// Words, sentences and hints of login_verdict.tbl.
#include "auth/login_verdict.h"

#include "base/check.h"

static const struct {
    const char *word;
    enum login_how how;
    const char *sentence;
    const char *mend;
} verdicts[LOGIN_VERDICT_COUNT] = {
#define LOGIN_VERDICT(id, w, h, text, hint) [JUDGED_##id] = {w, LOGIN_HOW_##h, text, hint},
#include "auth/login_verdict.tbl"
#undef LOGIN_VERDICT
};

const char *login_verdict_word(enum login_verdict verdict)
{
    CHECK(verdict < LOGIN_VERDICT_COUNT);
    return verdicts[verdict].word;
}

enum login_how login_verdict_how(enum login_verdict verdict)
{
    CHECK(verdict < LOGIN_VERDICT_COUNT);
    return verdicts[verdict].how;
}

const char *login_verdict_sentence(enum login_verdict verdict)
{
    CHECK(verdict < LOGIN_VERDICT_COUNT);
    return verdicts[verdict].sentence;
}

const char *login_verdict_mend(enum login_verdict verdict)
{
    CHECK(verdict < LOGIN_VERDICT_COUNT);
    return verdicts[verdict].mend;
}
