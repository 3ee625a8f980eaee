// SPDX-License-Identifier: Apache-2.0
// Is a file text at all? UTF-8 (RFC 3629) without control characters, checked before the YAML
// parser sees it, because the parser is lenient with both and what it lets through could end in a
// message on a terminal.
#include "config/load.h"

// Bytes that follow a leading byte, or 0 for a byte that cannot lead.
static size_t continuations(uint8_t lead)
{
    if (lead >= 0xc2 && lead <= 0xdf)
        return 1;
    if (lead >= 0xe0 && lead <= 0xef)
        return 2;
    return lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
}

// Length of the character at the front, 0 when it is none.
static size_t character_size(struct span text)
{
    uint8_t lead = text.data[0];
    if (lead < 0x80)
        return 1;
    size_t more = continuations(lead);
    if (more == 0 || text.size <= more)
        return 0;
    for (size_t i = 1; i <= more; i++)
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
    uint8_t second = text.data[1];
    // overlong forms, surrogates, beyond U+10FFFF
    bool is_wrong = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                    (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
    return is_wrong ? 0 : more + 1;
}

// ASCII's controls and those of Latin-1, which are U+0080 to U+009F.
static bool is_control(struct span character)
{
    uint8_t c = character.data[0];
    return c < 0x20 || c == 0x7f || (c == 0xc2 && character.data[1] < 0xa0);
}

size_t encoding_character(struct span text)
{
    size_t size = character_size(text);
    return size && !is_control(span_first(text, size)) ? size : 0;
}

bool encoding_check(struct span text, struct findings *findings)
{
    struct place place = {1, 1};
    while (!span_is_empty(text)) {
        uint8_t c = text.data[0];
        size_t size = character_size(text);
        if (size == 0) {
            findings_add(findings, FINDING_ERROR, place, NULL, "UTF-8",
                         "save the file in that encoding", "the byte 0x%02x is not text", c);
            return false;
        }
        bool is_space = c == '\t' || c == '\n' || c == '\r';
        if (!is_space && is_control(span_first(text, size))) {
            findings_add(findings, FINDING_ERROR, place, NULL, "text", NULL,
                         "control character U+%04X", size == 1 ? c : text.data[1]);
            return false;
        }
        place.column++;
        if (c == '\n')
            place = (struct place){place.line + 1, 1};
        text = span_after(text, size);
    }
    return true;
}
