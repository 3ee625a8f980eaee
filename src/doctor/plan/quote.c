// SPDX-License-Identifier: Apache-2.0
// Quoting for every kind of document. Owns nothing; a quote_ function writes and remembers nothing.
#include "doctor/plan/quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

static bool is_printable(uint32_t character)
{
    return character >= 0x20 && character < 0x7f;
}

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// How many bytes continue a character that begins with `first`; -1: none does.
static int continuation_count(uint8_t first)
{
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first < 0xe0)
        return 1;
    if (first >= 0xe0 && first < 0xf0)
        return 2;
    return first >= 0xf0 && first < 0xf5 ? 3 : -1;
}

// The next character; moves `text` behind it. A byte that begins none is REPLACEMENT.
static uint32_t next_character(const char **text)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t *at = (const uint8_t *)*text;
    int count = continuation_count(at[0]);
    *text += 1;
    if (count <= 0)
        return count == 0 ? at[0] : REPLACEMENT;
    uint32_t character = at[0] & (0x3fu >> count);
    for (int i = 1; i <= count; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return REPLACEMENT;
        character = character << 6 | (at[i] & 0x3fu);
    }
    bool is_surrogate = character >= 0xd800 && character < 0xe000;
    if (character < least[count] || character > 0x10ffff || is_surrogate)
        return REPLACEMENT;
    *text += count;
    return character;
}

void quote_powershell(FILE *out, const char *text)
{
    bool is_plain_text = true;
    for (const char *c = text; *c; c++)
        is_plain_text &= is_printable((uint8_t)*c);
    fputs(is_plain_text ? "'" : "('", out);
    while (*text) {
        uint32_t character = next_character(&text);
        if (character == '\'')
            fputs("''", out);
        else if (is_printable(character))
            fputc((int)character, out);
        else
            fprintf(out, "' + [char]::ConvertFromUtf32(%u) + '", character);
    }
    fputs(is_plain_text ? "'" : "')", out);
}

void quote_comment(FILE *out, const char *text)
{
    while (*text) {
        uint32_t character = next_character(&text);
        fputc(is_printable(character) ? (int)character : '?', out);
    }
}

void quote_zone_name(FILE *out, const char *name)
{
    if (strncmp(name, "*.", 2) == 0) {
        fputs("*.", out);
        name += 2;
    }
    for (; *name; name++) {
        if (is_plain(*name) || strchr("-_.", *name))
            fputc(*name, out);
        else
            fprintf(out, "\\%03u", (unsigned)(uint8_t)*name);
    }
    fputc('.', out);
}

// Letters of any script, but nothing that turns the direction of a line or ends it.
static bool is_readable(uint32_t character)
{
    bool is_special = (character >= 0x2000 && character < 0x2070) || character == 0xfeff;
    return is_printable(character) || (character >= 0xa0 && character < 0xfff0 && !is_special);
}

void quote_markdown(FILE *out, const char *text)
{
    while (*text) {
        const char *start = text;
        uint32_t character = next_character(&text);
        if (!is_readable(character)) {
            fputc('?', out);
            continue;
        }
        if (character < 0x80 && strchr("\\`*_{}[]<>#|~&", (int)character))
            fputc('\\', out);
        fwrite(start, 1, (size_t)(text - start), out);
    }
}

void quote_markdown_code(FILE *out, const char *text)
{
    fputc('`', out);
    while (*text) {
        const char *start = text;
        uint32_t character = next_character(&text);
        if (is_readable(character) && character != '`' && character != '|')
            fwrite(start, 1, (size_t)(text - start), out);
        else
            fputc('?', out);
    }
    fputc('`', out);
}

void quote_plain(FILE *out, const char *text)
{
    for (; *text; text++)
        fputc(is_plain(*text) || strchr(".-_*:", *text) ? *text : '_', out);
}
