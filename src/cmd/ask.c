// SPDX-License-Identifier: Apache-2.0
// One question over a Unix socket. It waits, as a person does, but not for ever.
#include "cmd/ask.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/check.h"
#include "config/config.h"
#include "io/io.h"
#include "wire/h1_head.h"

#define PATIENCE_S  15
#define ANSWER_MAX  ((size_t)256 * 1024 * 1024)
#define CHUNK_BYTES ((size_t)64 * 1024)

// ---- options

static const struct option options[] = {
    {"socket", required_argument, NULL, 's'},
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
};

#define OPTION_COUNT (sizeof options / sizeof options[0])
#define BESIDES      256 // above every letter: getopt's number of the first option besides

static void print_option(FILE *out, const struct ask_option *option)
{
    char text[32];
    snprintf(text, sizeof text, "%s%s", option->name, option->word ? " WORD" : "");
    fprintf(out, "      --%-14s %s\n", text, option->help);
}

static int usage(FILE *out, const char *name, const char *what, const struct ask_option *besides,
                 int status)
{
    fprintf(out,
            "usage: handfast %s [-s SOCKET | -c FILE] [--json]%s\n\n%s\n\n"
            "  -s, --socket SOCKET  the admin socket (" ASK_SOCKET ")\n"
            "  -c, --config FILE    take the socket from the admin option of this file\n"
            "      --json           print the answer as it came\n",
            name, besides->name ? " [options]" : "", what);
    for (; besides->name; besides++)
        print_option(out, besides);
    fputs("\nExit status: 0 fine, 1 no answer or a refusal, 2 wrong usage.\n", out);
    return status;
}

static char *socket_of(const char *file)
{
    struct findings *findings = findings_new(file);
    struct snapshot *snapshot = snapshot_load(file, findings);
    char *socket = snapshot && snapshot->admin ? strdup(snapshot->admin) : NULL;
    if (!snapshot) {
        char *text = findings_print(findings);
        fputs(text, stderr);
        free(text);
    } else if (!socket) {
        fprintf(stderr, "handfast: %s has no admin option, so there is no socket to talk to\n",
                file);
    }
    snapshot_unref(snapshot);
    findings_free(findings);
    return socket;
}

// All options as getopt wants them.
static void list_options(const struct ask_option *besides,
                         struct option ret_list[OPTION_COUNT + ASK_OPTIONS_MAX + 1])
{
    size_t count = OPTION_COUNT;
    memcpy(ret_list, options, sizeof options);
    for (int i = 0; besides[i].name; i++) {
        CHECK(i < ASK_OPTIONS_MAX);
        ret_list[count++] = (struct option){
            besides[i].name, besides[i].word ? required_argument : no_argument, NULL, BESIDES + i};
    }
    ret_list[count] = (struct option){0};
}

static void take_option(const struct ask_option *option)
{
    if (option->word)
        *option->word = optarg;
    else
        *option->flag = true;
}

int ask_arguments(int argc, char **argv, const char *name, const char *what, struct ask *ret_ask)
{
    const struct ask_option none[] = {{0}};
    return ask_arguments_besides(argc, argv, name, what, none, ret_ask);
}

int ask_arguments_besides(int argc, char **argv, const char *name, const char *what,
                          const struct ask_option *besides, struct ask *ret_ask)
{
    struct option list[OPTION_COUNT + ASK_OPTIONS_MAX + 1];
    const char *socket = NULL;
    const char *file = NULL;
    bool is_json = false;
    int letter;
    optind = 1;
    list_options(besides, list);
    while ((letter = getopt_long(argc, argv, "s:c:h", list, NULL)) != -1) {
        if (letter == 's')
            socket = optarg;
        else if (letter == 'c')
            file = optarg;
        else if (letter == 'j')
            is_json = true;
        else if (letter >= BESIDES)
            take_option(&besides[letter - BESIDES]);
        else
            return usage(letter == 'h' ? stdout : stderr, name, what, besides,
                         letter == 'h' ? 0 : 2);
    }
    if (optind != argc || (socket && file))
        return usage(stderr, name, what, besides, 2);
    char *chosen = file ? socket_of(file) : strdup(socket ? socket : ASK_SOCKET);
    if (!chosen)
        return 1;
    *ret_ask = (struct ask){.socket = chosen, .is_json = is_json};
    return -1;
}

void ask_done(struct ask *ask)
{
    free(ask->socket);
}

// ---- the question

static bool say_failed(const struct ask *ask, const char *why)
{
    if (!ask->is_quiet)
        fprintf(stderr, "handfast: %s: %s\n", ask->socket, why);
    return false;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size) {
        ssize_t written = send(fd, bytes, size, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

// Everything until the other side closes; NULL with errno. malloc'ed.
static char *read_all(int fd, size_t *ret_size)
{
    char *bytes = NULL;
    size_t size = 0;
    for (ssize_t count = 1; count > 0 && size < ANSWER_MAX; size += (size_t)count) {
        char *more = realloc(bytes, size + CHUNK_BYTES);
        CHECK(more);
        bytes = more;
        do
            count = recv(fd, bytes + size, CHUNK_BYTES, 0);
        while (count < 0 && errno == EINTR);
        if (count < 0) {
            free(bytes);
            return NULL;
        }
    }
    *ret_size = size;
    return bytes;
}

static char *converse(const struct ask *ask, const char *method, const char *path, size_t *ret_size)
{
    char request[512];
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int size = snprintf(
        request, sizeof request,
        "%s %s HTTP/1.1\r\nHost: handfast\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        method, path);
    CHECK(size > 0 && (size_t)size < sizeof request);
    int fd = local_connect(ask->socket);
    if (fd < 0) {
        say_failed(ask, errno == ECONNREFUSED || errno == ENOENT
                            ? "no running Handfast answers here"
                            : strerror(errno));
        return NULL;
    }
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    char *answer = write_all(fd, request, (size_t)size) ? read_all(fd, ret_size) : NULL;
    if (!answer)
        say_failed(ask, errno == EAGAIN ? "no answer in time" : strerror(errno));
    close(fd);
    return answer;
}

static bool read_answer(struct span bytes, struct span *ret_body, unsigned *ret_status)
{
    struct response_head *head = malloc(sizeof *head);
    const struct head_limits limits = {8192, 16384};
    size_t scanned = 0;
    size_t head_bytes = 0;
    CHECK(head);
    struct parse parse = h1_head_end(bytes, &limits, &scanned, &head_bytes);
    bool is_good = parse.state == PARSE_DONE &&
                   is_ok(h1_response_parse(span_first(bytes, head_bytes), false, false, head));
    if (is_good) {
        *ret_status = head->status;
        *ret_body = span_after(bytes, head_bytes);
        is_good = head->head.body == BODY_LENGTH && head->head.length == ret_body->size;
    }
    free(head);
    return is_good;
}

json_t *ask_send(const struct ask *ask, const char *method, const char *path, unsigned *ret_status)
{
    size_t size = 0;
    struct span body;
    char *answer = converse(ask, method, path, &size);
    if (!answer)
        return NULL;
    json_t *json = NULL;
    if (read_answer(span_of(answer, size), &body, ret_status))
        json = json_loadb((const char *)body.data, body.size, JSON_ALLOW_NUL, NULL);
    if (!json)
        say_failed(ask, "the answer is not that of a Handfast");
    else if (ask->is_json)
        printf("%.*s\n", (int)body.size, (const char *)body.data);
    free(answer);
    return json;
}

const char *ask_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

json_int_t ask_number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

int ask_and_print(int argc, char **argv, const char *name, const char *what,
                  void (*print)(const json_t *answer))
{
    struct ask ask;
    char path[32];
    unsigned status = 0;
    int wrong = ask_arguments(argc, argv, name, what, &ask);
    if (wrong >= 0)
        return wrong;
    snprintf(path, sizeof path, "/%s", name);
    json_t *answer = ask_send(&ask, "GET", path, &status);
    bool is_good = answer && status == 200;
    if (is_good && !ask.is_json)
        print(answer);
    else if (answer && !is_good)
        fprintf(stderr, "handfast: %s\n", ask_text(answer, "error"));
    json_decref(answer);
    ask_done(&ask);
    return is_good ? 0 : 1;
}
