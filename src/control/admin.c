// SPDX-License-Identifier: Apache-2.0
// Doors, and the table of what may be asked at them. Answers that only the workers know are put
// together by inquiries; all others are composed at once.
#include "control/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "control/inquiry.h"
#include "control/logins.h"
#include "control/metrics.h"
#include "control/notice.h"
#include "control/status.h"
#include "control/visitor.h"

#define SOCKET_MODE 0660

enum admin_role {
    ROLE_METRICS = 0,
    ROLE_READ,
    ROLE_CHANGE,
};

struct admin {
    struct supervisor *supervisor;
    struct door socket;
    struct door metrics;
    bool has_socket;
    bool has_metrics;
    char *path;
};

// A visitor who waits for the workers.
struct wait {
    struct visitor *visitor;
    struct inquiry *inquiry;
    const char *key;
    struct logins_query query; // of logins
};

static struct supervisor *supervisor_of(const struct visitor *visitor)
{
    struct admin *admin = visitor_door(visitor)->owner;
    return admin->supervisor;
}

// ---- composing

// Takes the reference.
static void answer_json(struct visitor *visitor, unsigned status, json_t *json)
{
    char *body = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    json_decref(json);
    if (body)
        visitor_answer(visitor, status, "application/json", body, strlen(body), NULL);
    else
        visitor_answer(visitor, 503, "application/json", NULL, 0, NULL);
}

static void answer_error(struct visitor *visitor, unsigned status, const char *sentence,
                         const char *allow)
{
    json_t *json = json_pack("{ss}", "error", sentence);
    char *body = json_dumps(json, 0);
    json_decref(json);
    visitor_answer(visitor, status, "application/json", body, body ? strlen(body) : 0, allow);
}

// ---- what only the workers know

static void give_since(json_t *item)
{
    char text[STAMP_BYTES];
    json_int_t since_us = json_integer_value(json_object_get(item, "since_us_ago"));
    json_object_set_new(item, "since", json_string(stamp(text, (uint64_t)since_us)));
    json_object_del(item, "since_us_ago");
}

static void on_items(void *owner, json_t *items, uint64_t left_out)
{
    struct wait *wait = owner;
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) give_since(item);
    answer_json(wait->visitor, 200,
                json_pack("{so,sI}", wait->key, items, "left_out", (json_int_t)left_out));
    free(wait);
}

static void on_logins(void *owner, json_t *items, uint64_t left_out)
{
    struct wait *wait = owner;
    json_t *answer = logins_compose(items, &wait->query, left_out);
    // Not an error: the logins of a site that a reload took away are still here.
    if (logins_query_misses(&wait->query, supervisor_of(wait->visitor)->service->snapshot))
        json_object_set_new(answer, "unknown_site", json_true());
    answer_json(wait->visitor, 200, answer);
    free(wait);
}

static void on_left(void *pending)
{
    struct wait *wait = pending;
    inquiry_forget(wait->inquiry);
    free(wait);
}

static struct wait *wait_new(struct visitor *visitor)
{
    struct wait *wait = calloc(1, sizeof *wait);
    CHECK(wait);
    wait->visitor = visitor;
    return wait;
}

static void ask_workers(struct wait *wait, inquiry_describe_fn *describe, inquiry_done_fn *done)
{
    wait->inquiry =
        inquiry_new(supervisor_of(wait->visitor), describe, wait->query.after, done, wait);
    visitor_wait(wait->visitor, on_left, wait);
}

static void ask_for_items(struct visitor *visitor, inquiry_describe_fn *describe, const char *key)
{
    struct wait *wait = wait_new(visitor);
    wait->key = key;
    ask_workers(wait, describe, on_items);
}

// ---- the answers

static void answer_index(struct visitor *visitor);

static void answer_status(struct visitor *visitor)
{
    answer_json(visitor, 200, status_compose(supervisor_of(visitor)));
}

static size_t describe_clients(struct keeper *keeper, struct json *json, uint64_t after)
{
    (void)after; // all that there are
    return keeper_describe_clients(keeper, json);
}

static void answer_clients(struct visitor *visitor)
{
    ask_for_items(visitor, describe_clients, "clients");
}

static size_t describe_pins(struct keeper *keeper, struct json *json, uint64_t after)
{
    (void)after; // all that there are
    return keeper_describe_pins(keeper, json);
}

static void answer_pins(struct visitor *visitor)
{
    ask_for_items(visitor, describe_pins, "pins");
}

static void answer_logins(struct visitor *visitor)
{
    struct logins_query query;
    if (!logins_query_read(visitor_query(visitor), &query)) {
        answer_error(visitor, 400, "this is not what can be asked of logins", NULL);
        return;
    }
    struct wait *wait = wait_new(visitor);
    wait->query = query;
    ask_workers(wait, keeper_describe_logins, on_logins);
}

static void answer_metrics(struct visitor *visitor)
{
    struct metrics metrics;
    metrics_gather(supervisor_of(visitor), &metrics);
    for (size_t capacity = 64 * 1024;; capacity *= 2) {
        char *memory = malloc(capacity);
        CHECK(memory);
        struct text text = text_over(memory, capacity);
        metrics_print(&text, &metrics);
        if (!text.cut) {
            visitor_answer(visitor, 200, METRICS_TYPE, memory, text.size, NULL);
            return;
        }
        free(memory);
    }
}

static void answer_reload(struct visitor *visitor)
{
    char *said = NULL;
    bool is_adopted = reload(supervisor_of(visitor), &said);
    json_t *json = json_pack("{sb,ss}", "adopted", is_adopted, "findings", said ? said : "");
    free(said);
    answer_json(visitor, is_adopted ? 200 : 422, json);
}

// ---- the table

static const struct {
    const char *method;
    const char *path;
    enum admin_role role;
    void (*answer)(struct visitor *visitor);
    const char *help;
} rows[] = {
#define ADMIN(method, path, role, handler, help)                                                   \
    {method, path, ROLE_##role, answer_##handler, help},
#include "control/admin.tbl"
#undef ADMIN
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

static void answer_index(struct visitor *visitor)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ROW_COUNT; i++)
        json_array_append_new(list, json_pack("{ss,ss,ss}", "method", rows[i].method, "path",
                                              rows[i].path, "help", rows[i].help));
    answer_json(visitor, 200, json_pack("{so}", "requests", list));
}

static void on_ask(struct visitor *visitor, struct span method, struct span path)
{
    const char *allow = NULL;
    for (size_t i = 0; i < ROW_COUNT; i++) {
        if (!span_equal(path, span_text(rows[i].path)) ||
            (int)rows[i].role > visitor_door(visitor)->role)
            continue;
        if (span_equal(method, span_text(rows[i].method))) {
            rows[i].answer(visitor);
            return;
        }
        allow = rows[i].method;
    }
    if (allow)
        answer_error(visitor, 405, "this path has another method", allow);
    else
        answer_error(visitor, 404, "nothing is answered here", NULL);
}

// ---- the doors

static bool open_socket(struct admin *admin, const char *path)
{
    int fd = local_listen(path, SOCKET_MODE);
    if (fd < 0) {
        supervisor_say("admin %s: %s", path, strerror(errno));
        return false;
    }
    door_init(&admin->socket, &admin->supervisor->io, fd, on_ask, admin);
    admin->has_socket = true;
    admin->socket.role = ROLE_CHANGE;
    admin->path = strdup(path);
    CHECK(admin->path);
    supervisor_say("admin at %s", path);
    return true;
}

static bool open_metrics(struct admin *admin, const struct snapshot *snapshot)
{
    char text[ADDRESS_TEXT_MAX];
    struct address address;
    CHECK(address_parse(snapshot->metrics_address, snapshot->metrics_port, &address));
    int fd = listener_open(&address, LISTENER_ALONE);
    if (fd < 0) {
        supervisor_say("metrics %s: %s", snapshot->metrics, strerror(errno));
        return false;
    }
    door_init(&admin->metrics, &admin->supervisor->io, fd, on_ask, admin);
    admin->has_metrics = true;
    admin->metrics.role = ROLE_METRICS;
    address_print(&address, text);
    supervisor_say("metrics at http://%s/metrics", text);
    return true;
}

struct admin *admin_new(struct supervisor *supervisor)
{
    const struct snapshot *snapshot = supervisor->service->snapshot;
    struct admin *admin = calloc(1, sizeof *admin);
    CHECK(admin);
    admin->supervisor = supervisor;
    bool is_open = (!snapshot->admin || open_socket(admin, snapshot->admin)) &&
                   (!snapshot->metrics || open_metrics(admin, snapshot));
    return is_open ? admin : admin_free(admin);
}

struct admin *admin_free(struct admin *admin)
{
    if (!admin)
        return NULL;
    if (admin->has_socket) {
        unlink(admin->path);
        door_done(&admin->socket);
    }
    if (admin->has_metrics)
        door_done(&admin->metrics);
    free(admin->path);
    free(admin);
    return NULL;
}
