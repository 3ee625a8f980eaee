// SPDX-License-Identifier: Apache-2.0
// Reads durations, sizes, counts, statuses, booleans and words out of a list. A number that is
// nearly right gets the spelling that is.
#include "base/check.h"
#include "config/reader.h"

struct unit {
    const char *name;
    uint64_t factor;
};

static const struct unit durations[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}, {NULL, 0},
};
static const struct unit sizes[] = {
    {"B", 1},  {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40},
    {NULL, 0},
};

struct span value_digits(struct span text)
{
    size_t count = 0;
    while (count < text.size && text.data[count] >= '0' && text.data[count] <= '9')
        count++;
    return span_first(text, count);
}

static const struct unit *unit_find(const struct unit *units, struct span name)
{
    for (const struct unit *unit = units; unit->name; unit++)
        if (span_equal(span_text(unit->name), name))
            return unit;
    return NULL;
}

static const struct unit *unit_like(const struct unit *units, struct span name)
{
    uint8_t first = name.size ? ascii_lower(name.data[0]) : 0;
    for (const struct unit *unit = units; unit->name; unit++)
        if (ascii_lower((uint8_t)unit->name[0]) == first)
            return unit;
    return units + 1;
}

static const struct unit *units_of(enum option_type type)
{
    if (type == TYPE_DURATION)
        return durations;
    return type == TYPE_SIZE ? sizes : NULL;
}

bool value_number(enum option_type type, struct span text, uint64_t *ret_number)
{
    struct span digits = value_digits(text);
    struct span name = span_after(text, digits.size);
    const struct unit *units = units_of(type);
    uint64_t number;
    if (!span_to_u64(digits, &number))
        return false;
    uint64_t factor = 1;
    if (!span_is_empty(name)) {
        const struct unit *unit = units ? unit_find(units, name) : NULL;
        if (!unit)
            return false;
        factor = unit->factor;
    } else if (type == TYPE_DURATION && number != 0) {
        return false;
    }
    return !__builtin_mul_overflow(number, factor, ret_number);
}

static bool refuse_number(struct value *value)
{
    struct span digits = value_digits(value->text);
    struct span name = span_trim(span_after(value->text, digits.size));
    const struct unit *units = units_of(value->option->type);
    uint64_t number;
    if (digits.size && name.size && name.data[0] == '.')
        return value_refuse(value, "is not a whole number");
    bool is_negative = value->text.size > 1 && value->text.data[0] == '-';
    if (is_negative && value_digits(span_after(value->text, 1)).size)
        return value_refuse(value, "is negative");
    if (span_is_empty(digits) || (!units && !span_is_empty(name)))
        return value_refuse(value, "is not a number");
    if (!span_to_u64(digits, &number))
        return value_refuse(value, "is far too large");
    if (span_is_empty(name)) {
        FAULT(value, advice, "write %.*ss or %.*sms", SPAN_PRINT(digits), SPAN_PRINT(digits));
        return value_refuse(value, "has no unit");
    }
    const struct unit *known = unit_find(units, name);
    if (known && span_equal(span_after(value->text, digits.size), name))
        return value_refuse(value, "is far too large");
    FAULT(value, advice, "write %.*s%s", SPAN_PRINT(digits),
          known ? known->name : unit_like(units, name)->name);
    if (known)
        return value_refuse(value, "has a space before its unit");
    FAULT(value, what, "%s has an unknown unit %s", value_quote(value->text).text,
          value_quote(name).text);
    return false;
}

static bool is_in_range(const struct option *option, uint64_t number)
{
    uint64_t bound;
    if (option->minimum) {
        CHECK(value_number(option->type, span_text(option->minimum), &bound));
        if (number < bound)
            return false;
    }
    if (option->maximum) {
        CHECK(value_number(option->type, span_text(option->maximum), &bound));
        if (number > bound)
            return false;
    }
    return true;
}

bool value_read_number(struct value *value)
{
    uint64_t number;
    if (!value_number(value->option->type, value->text, &number))
        return refuse_number(value);
    if (!is_in_range(value->option, number))
        return value_refuse(value, "is out of range");
    value_store_number(value, number);
    return true;
}

bool value_read_status(struct value *value)
{
    uint64_t number;
    if (!span_to_u64(value->text, &number) || number < 100 || number > 599)
        return value_refuse(value, "is not an HTTP status");
    value_store_number(value, number);
    return true;
}

bool value_read_boolean(struct value *value)
{
    bool is_true = span_equal(value->text, SPAN("true"));
    if (!is_true && !span_equal(value->text, SPAN("false"))) {
        bool is_yes = span_equal_nocase(value->text, SPAN("yes")) ||
                      span_equal_nocase(value->text, SPAN("on")) ||
                      span_equal_nocase(value->text, SPAN("true"));
        bool is_no = span_equal_nocase(value->text, SPAN("no")) ||
                     span_equal_nocase(value->text, SPAN("off")) ||
                     span_equal_nocase(value->text, SPAN("false"));
        if (is_yes || is_no)
            FAULT(value, advice, "write %s", is_yes ? "true" : "false");
        return value_refuse(value, "is not a boolean");
    }
    *(bool *)value->field = is_true;
    return true;
}

static void suggest_word(struct value *value)
{
    struct span rest = span_text(value->option->words);
    struct span word;
    struct span best = {0};
    size_t best_distance = SIZE_MAX;
    while (words_next(&rest, &word)) {
        size_t distance = spelling_distance(value->text, word);
        if (distance < best_distance) {
            best_distance = distance;
            best = word;
        }
    }
    if (spelling_is_close(best_distance, value->text))
        FAULT(value, advice, "did you mean %.*s?", SPAN_PRINT(best));
}

bool value_read_word(struct value *value)
{
    struct span rest = span_text(value->option->words);
    struct span word;
    for (uint64_t position = 0; words_next(&rest, &word); position++) {
        if (span_equal(word, value->text)) {
            value_store_number(value, position);
            return true;
        }
    }
    suggest_word(value);
    return value_refuse(value, "is not known here");
}

bool value_read_choice(struct value *value)
{
    struct span rest = span_text(value->option->words);
    struct span word;
    uint64_t number;
    while (words_next(&rest, &word))
        if (span_equal(word, value->text) && span_to_u64(word, &number)) {
            value_store_number(value, number);
            return true;
        }
    return value_refuse(value, "is not possible here");
}
