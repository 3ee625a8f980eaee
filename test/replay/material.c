// SPDX-License-Identifier: Apache-2.0
// Fills the placeholders of scenario texts. A placeholder that nobody knows is an error of the
// scenario.
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/status.h"
#include "scenario.h"

#define SECRETS_MAX  32
#define SECRET_BYTES 24

static char secrets[SECRETS_MAX][SECRET_BYTES + 1];
static size_t secret_count;

const char *material_secret(size_t index)
{
    return index < secret_count ? secrets[index] : NULL;
}

static void add_text(struct bytes *out, const char *text)
{
    bytes_add(out, span_text(text));
}

static void read_fixture(const char *folder, const char *name, const char *suffix,
                         struct bytes *out)
{
    char path[512];
    uint8_t content[8192];
    const char *root = getenv("SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/test/fixtures/%s/%s%s", root ? root : ".", folder, name,
             suffix);
    FILE *file = fopen(path, "re");
    if (!file) {
        fprintf(stderr, "%s cannot be read (is SOURCE_ROOT set?)\n", path);
        abort();
    }
    size_t size = fread(content, 1, sizeof content, file);
    fclose(file);
    CHECK(size > 0 && size < sizeof content);
    bytes_add(out, span_of(content, size));
}

// The end of a token is the part that differs from one to the next.
static void keep_secret(struct span token)
{
    if (token.size < 2 * SECRET_BYTES)
        return;
    const char *tail = (const char *)token.data + token.size - SECRET_BYTES;
    for (size_t i = 0; i < secret_count; i++)
        if (memcmp(secrets[i], tail, SECRET_BYTES) == 0)
            return;
    CHECK(secret_count < SECRETS_MAX);
    memcpy(secrets[secret_count++], tail, SECRET_BYTES);
}

static void put_token(const char *name, struct bytes *out)
{
    size_t before = out->size;
    read_fixture("token", name, ".txt", out);
    while (out->size > before &&
           (out->data[out->size - 1] == '\n' || out->data[out->size - 1] == '\r'))
        out->size--;
    keep_secret(span_of(out->data + before, out->size - before));
}

static void put_fill(size_t count, struct bytes *out)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t c = (uint8_t)('a' + i % 23);
        bytes_add(out, span_of(&c, 1));
    }
}

static void put_via(const char *client, const char *host, struct bytes *out)
{
    char lines[768];
    snprintf(lines, sizeof lines,
             "X-Forwarded-For: 192.0.2.%s\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: %s\r\n"
             "X-Forwarded-Port: 80\r\n",
             client, host);
    add_text(out, lines);
}

static enum end end_of_word(const char *word)
{
    for (unsigned end = 0; end < END_COUNT; end++)
        if (strcmp(end_word((enum end)end), word) == 0)
            return (enum end)end;
    fprintf(stderr, "no end is called %s\n", word);
    abort();
}

static void put_own_head(const char *status, const char *how, const char *location,
                         size_t body_size, struct bytes *out)
{
    char lines[1024];
    snprintf(lines, sizeof lines,
             "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %zu\r\n"
             "Cache-Control: no-store\r\n",
             status, body_size);
    add_text(out, lines);
    if (location) {
        snprintf(lines, sizeof lines, "Location: %s\r\n", location);
        add_text(out, lines);
    }
    if (strncmp(status, "503", 3) == 0)
        add_text(out, "Retry-After: 5\r\n");
    if (strncmp(how, "close", 5) == 0)
        add_text(out, "Connection: close\r\n");
    if (strncmp(how, "alive", 5) == 0)
        add_text(out, "Connection: keep-alive\r\n");
    add_text(out, "\r\n");
}

// STATUS|WORD|ID|HOW|LOCATION
static void put_own(char *parts, struct bytes *out)
{
    const char *part[5] = {NULL};
    for (size_t i = 0; i < 5; i++)
        part[i] = strsep(&parts, "|");
    CHECK(part[3]);
    enum end end = end_of_word(part[1]);
    char body[768];
    int size = snprintf(body, sizeof body, "%s\n\n%s.\nReason: %s\nRequest id: %s\n", part[0],
                        end_sentence(end), part[1], part[2]);
    put_own_head(part[0], part[3], part[4], (size_t)size, out);
    if (!strstr(part[3], "-head"))
        add_text(out, body);
}

static void put_placeholder(char *text, const char *host, struct bytes *out)
{
    if (strcmp(text, "host") == 0)
        add_text(out, host);
    else if (strncmp(text, "via ", 4) == 0)
        put_via(text + 4, host, out);
    else if (strncmp(text, "token ", 6) == 0)
        put_token(text + 6, out);
    else if (strncmp(text, "hello ", 6) == 0)
        read_fixture("hello", text + 6, ".bin", out);
    else if (strncmp(text, "fill ", 5) == 0)
        put_fill((size_t)atol(text + 5), out);
    else if (strncmp(text, "own|", 4) == 0)
        put_own(text + 4, out);
    else {
        fprintf(stderr, "nobody knows the placeholder {%s}\n", text);
        abort();
    }
}

void material_expand(const char *text, const char *host, struct bytes *out)
{
    while (*text) {
        size_t plain = strcspn(text, "{");
        bytes_add(out, span_of(text, plain));
        text += plain;
        if (!*text)
            return;
        size_t size = strcspn(text, "}");
        char name[256];
        CHECK(text[size] == '}' && size < sizeof name);
        memcpy(name, text + 1, size - 1);
        name[size - 1] = '\0';
        put_placeholder(name, host, out);
        text += size + 1;
    }
}
