// SPDX-License-Identifier: Apache-2.0
// What the readers of single values share: the value at hand and how to refuse it. Internal to
// value*.c.
#pragma once

#include <stdio.h>

#include "config/value.h"

// One value being read: `text` by the row `option` into `field`.
struct value {
    const struct option *option;
    struct span text;
    struct snapshot *snapshot;
    void *field;
    struct value_fault *fault;
};

#define FAULT(value, member, ...)                                                                  \
    snprintf((value)->fault->member, sizeof(value)->fault->member, __VA_ARGS__)

// Says that the quoted text `why`; always false.
bool value_refuse(struct value *value, const char *why);
// Writes a number to the field, in the width of the option's member.
void value_store_number(struct value *value, uint64_t number);

// value_number.c
// The digits that `text` begins with.
struct span value_digits(struct span text);
bool value_read_number(struct value *value);
bool value_read_status(struct value *value);
bool value_read_boolean(struct value *value);
bool value_read_word(struct value *value);
bool value_read_choice(struct value *value);

// value_text.c
bool value_read_name(struct value *value);
bool value_read_file(struct value *value);
bool value_read_bind(struct value *value);
bool value_read_address(struct value *value);
bool value_read_host(struct value *value);
bool value_read_pattern(struct value *value);
bool value_read_network(struct value *value);
bool value_read_url_path(struct value *value);
bool value_read_request(struct value *value);
