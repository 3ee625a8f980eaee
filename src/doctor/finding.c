// SPDX-License-Identifier: Apache-2.0
// Builds findings and puts them in order. Every text passes one gate here: bounded, and safe to
// print on a terminal, because names and messages in it come from servers nobody vouches for.
#include "doctor/finding.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

// Of one text after formatting; longer ones end in "…".
#define TEXT_BYTES_MAX 1200

// The length of the character at `at` that a terminal may be given as it is, 0 when it may not:
// controls (C0, DEL, C1), what reorders or hides text, and bytes that are no UTF-8.
static size_t printable_length(const unsigned char *at)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f;
    size_t length = at[0] >= 0xf0 && at[0] < 0xf5 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc2 ? 2 : 0;
    if (at[0] >= 0xf5)
        return 0;
    uint32_t code = length == 0 ? 0 : at[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3fu);
    }
    bool is_control = code < 0xa0;
    bool is_surrogate = code >= 0xd800 && code < 0xe000;
    bool hides = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
                 (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
    bool is_short = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    return is_control || is_surrogate || hides || is_short || code > 0x10ffff ? 0 : length;
}

char *finding_clean(const char *text)
{
    char *clean = malloc(TEXT_BYTES_MAX + sizeof "\\xff…");
    CHECK(clean != NULL);
    size_t size = 0;
    const unsigned char *at = (const unsigned char *)text;
    while (*at != '\0' && size < TEXT_BYTES_MAX) {
        size_t length = printable_length(at);
        if (length == 0)
            size += (size_t)sprintf(clean + size, "\\x%02x", *at);
        else
            memcpy(clean + size, at, length);
        size += length;
        at += length == 0 ? 1 : length;
    }
    strcpy(clean + size, *at == '\0' ? "" : "…");
    return clean;
}

static char *formatted(const char *format, va_list arguments)
{
    char *text = NULL;
    int size = vasprintf(&text, format, arguments);
    CHECK(size >= 0);
    char *clean = finding_clean(text);
    free(text);
    return clean;
}

// A word that a sentence names may be missing by right, as the reason of a status is: its blank
// goes with it.
static char *sentence(char *text)
{
    size_t size = 0;
    for (const char *at = text; *at != '\0'; at++) {
        bool is_lost = *at == ' ' && (size == 0 || at[1] == '\0' || strchr(" ,;)", at[1]) != NULL);
        if (!is_lost)
            text[size++] = *at;
    }
    text[size] = '\0';
    return text;
}

static void finding_free_texts(struct finding *finding)
{
    free(finding->place);
    free(finding->what);
    free(finding->cause);
    for (size_t i = 0; i < finding->evidence_count; i++)
        free(finding->evidence[i]);
    for (size_t i = 0; i < finding->remedy_count; i++) {
        free(finding->remedies[i].what);
        free(finding->remedies[i].command);
    }
}

void diagnosis_init(struct diagnosis *diagnosis)
{
    *diagnosis = (struct diagnosis){0};
}

void diagnosis_done(struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++)
        finding_free_texts(&diagnosis->findings[i]);
    free(diagnosis->findings);
    diagnosis_init(diagnosis);
}

void diagnosis_drop(struct diagnosis *diagnosis, size_t index)
{
    finding_free_texts(&diagnosis->findings[index]);
    diagnosis->count--;
    memmove(&diagnosis->findings[index], &diagnosis->findings[index + 1],
            (diagnosis->count - index) * sizeof diagnosis->findings[0]);
}

static bool stands_before(const struct finding *a, const struct finding *b)
{
    if (a->weight != b->weight)
        return a->weight < b->weight;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->confidence < b->confidence;
}

// By insertion: stable, and there are never more than some dozens.
void diagnosis_sort(struct diagnosis *diagnosis)
{
    for (size_t i = 1; i < diagnosis->count; i++) {
        struct finding moved = diagnosis->findings[i];
        size_t at = i;
        for (; at > 0 && stands_before(&moved, &diagnosis->findings[at - 1]); at--)
            diagnosis->findings[at] = diagnosis->findings[at - 1];
        diagnosis->findings[at] = moved;
    }
}

bool diagnosis_is_ill(const struct diagnosis *diagnosis)
{
    for (size_t i = 0; i < diagnosis->count; i++)
        if (diagnosis->findings[i].weight < WEIGHT_NOTE)
            return true;
    return false;
}

const struct finding *diagnosis_find(const struct diagnosis *diagnosis, const char *id)
{
    for (size_t i = 0; i < diagnosis->count; i++)
        if (strcmp(diagnosis->findings[i].id, id) == 0)
            return &diagnosis->findings[i];
    return NULL;
}

struct finding *diagnosis_add(struct diagnosis *diagnosis, const char *id, enum weight weight,
                              enum confidence confidence, const char *what, ...)
{
    if (diagnosis->count == diagnosis->capacity) {
        diagnosis->capacity = diagnosis->capacity == 0 ? 16 : diagnosis->capacity * 2;
        diagnosis->findings =
            realloc(diagnosis->findings, diagnosis->capacity * sizeof diagnosis->findings[0]);
        CHECK(diagnosis->findings != NULL);
    }
    va_list arguments;
    va_start(arguments, what);
    struct finding *finding = &diagnosis->findings[diagnosis->count++];
    *finding = (struct finding){.id = id,
                                .weight = weight,
                                .confidence = confidence,
                                .what = sentence(formatted(what, arguments))};
    va_end(arguments);
    return finding;
}

void finding_place(struct finding *finding, const char *place)
{
    free(finding->place);
    finding->place = place == NULL || *place == '\0' ? NULL : finding_clean(place);
}

void finding_cause(struct finding *finding, const char *cause, ...)
{
    va_list arguments;
    va_start(arguments, cause);
    free(finding->cause);
    finding->cause = sentence(formatted(cause, arguments));
    va_end(arguments);
}

void finding_evidence(struct finding *finding, const char *evidence, ...)
{
    if (finding->evidence_count == FINDING_EVIDENCE_MAX)
        return;
    va_list arguments;
    va_start(arguments, evidence);
    finding->evidence[finding->evidence_count++] = sentence(formatted(evidence, arguments));
    va_end(arguments);
}

void finding_remedy(struct finding *finding, enum remedy_place place, const char *what,
                    const char *command, ...)
{
    CHECK(finding->remedy_count < FINDING_REMEDIES_MAX);
    struct remedy *remedy = &finding->remedies[finding->remedy_count++];
    *remedy = (struct remedy){.place = place, .what = finding_clean(what)};
    if (command == NULL)
        return;
    va_list arguments;
    va_start(arguments, command);
    remedy->command = formatted(command, arguments);
    va_end(arguments);
}
