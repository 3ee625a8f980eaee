// SPDX-License-Identifier: Apache-2.0
// What the commands that talk to a running Handfast share: their options, and one question over its
// admin socket.
#pragma once

#include <stdbool.h>

#include <jansson.h>

#define ASK_SOCKET "/run/handfast/admin.sock"

#define ASK_OPTIONS_MAX 8

struct ask {
    char *socket;  // malloc'ed
    bool is_json;  // print the answer as it came
    bool is_quiet; // do not say why there was no answer
};

// An option that one command has besides: a flag, or a word.
struct ask_option {
    const char *name; // without the dashes; NULL ends a list
    const char *help;
    bool *flag;        // one of these two is there
    const char **word; // points into argv
};

// Reads -s SOCKET, -c FILE (whose admin option names the socket), --json and --help. Returns -1 to
// go on, or the exit status, having said why. `name` is the command, `what` one sentence about it.
int ask_arguments(int argc, char **argv, const char *name, const char *what, struct ask *ret_ask);
// The same with further options; a list ended by a row without a name, of at most ASK_OPTIONS_MAX.
int ask_arguments_besides(int argc, char **argv, const char *name, const char *what,
                          const struct ask_option *besides, struct ask *ret_ask);
// Asks, waits and reads the answer. NULL, having said why on standard error unless it is to be
// quiet, when there was none; otherwise the JSON (a new reference) and its status.
json_t *ask_send(const struct ask *ask, const char *method, const char *path, unsigned *ret_status);
void ask_done(struct ask *ask);
// A whole command that shows what GET /NAME answers: `print` gets the answer unless --json was
// asked for. The exit status.
int ask_and_print(int argc, char **argv, const char *name, const char *what,
                  void (*print)(const json_t *answer));

// For everything that is printed: the text of that member; "" when there is none.
const char *ask_text(const json_t *object, const char *key);
json_int_t ask_number(const json_t *object, const char *key);
