// SPDX-License-Identifier: Apache-2.0
// `handfast reload`: has the running process read its configuration again, and says what it found.
// A file that is wrong changes nothing.
#include <stdio.h>

#include "cmd/ask.h"
#include "cmd/command.h"

int reload_main(int argc, char **argv)
{
    struct ask ask;
    unsigned status = 0;
    int wrong = ask_arguments(
        argc, argv, "reload",
        "Has the running process read its configuration again. A file with errors changes nothing.",
        &ask);
    if (wrong >= 0)
        return wrong;
    json_t *answer = ask_send(&ask, "POST", "/reload", &status);
    bool is_adopted = status == 200 && json_is_true(json_object_get(answer, "adopted"));
    if (answer && !ask.is_json) {
        fputs(ask_text(answer, "findings"), stdout);
        puts(is_adopted ? "reloaded" : "refused: the configuration in use has not changed");
    }
    json_decref(answer);
    ask_done(&ask);
    return is_adopted ? 0 : 1;
}
