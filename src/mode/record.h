// SPDX-License-Identifier: Apache-2.0
// What lines of the log have in common, for those that write them.
#pragma once

#include "mode/client.h"

// Begins a line in the keeper's scratch: its time and what it is about.
void record_begin(struct client *client, struct text *text, struct json *json, const char *what);
// Ends and hands it over, if there is a log.
void record_finish(struct client *client, struct json *json);
void record_add_client(struct json *json, const struct client *client);
// Nothing when it is empty.
void record_add_text(struct json *json, const char *key, const struct token_text *text);
// `server_index` SIZE_MAX: none was chosen.
void record_add_server(struct json *json, const struct pool_side *side, size_t server_index);
void record_add_end(struct json *json, enum end end);
