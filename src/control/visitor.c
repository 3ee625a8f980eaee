// SPDX-License-Identifier: Apache-2.0
// The life of a visit: read the request, hand it over, send the answer, wait a moment for the other
// side to close. A visit that takes too long ends, and there are never more than a few at one time:
// who comes then takes the place of the one that has been silent or at leave-taking longest.
#include "control/visitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/text.h"

#define VISITORS_MAX   16
#define VISIT_MS       10000
#define FAREWELL_MS    1000
#define LINE_BYTES_MAX 4096
#define HEAD_BYTES_MAX 8192
#define BODY_BYTES_MAX 4096 // read and ignored: nothing here needs one

enum visitor_state {
    VISITOR_ASKING = 0,
    VISITOR_SENDING_BODY, // of a request that has one
    VISITOR_WAITING,
    VISITOR_TAKING, // the answer
    VISITOR_LEAVING,
    VISITOR_GONE,
};

struct visitor {
    struct list siblings;
    struct door *door;
    struct channel *channel;
    struct h1_session session;
    struct timer timer;
    struct task burial;
    enum visitor_state state;
    visitor_left_fn *left;
    void *pending;
    char *body;
    size_t size;
    size_t sent;
    size_t head_bytes; // of the request, while its body is awaited
    size_t body_bytes;
    struct request_head request; // scratch of one step
};

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 408:
        return "Request Timeout";
    case 413:
        return "Content Too Large";
    case 422:
        return "Unprocessable Content";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Error";
    }
}

// ---- the end

static void bury(struct task *task)
{
    struct visitor *visitor = CONTAINER(task, struct visitor, burial);
    free(visitor->body);
    free(visitor);
}

static void leave(struct visitor *visitor)
{
    struct door *door = visitor->door;
    if (visitor->state == VISITOR_GONE)
        return;
    if (visitor->left)
        visitor->left(visitor->pending);
    visitor->state = VISITOR_GONE;
    loop_timer_clear(door->io->loop, &visitor->timer);
    h1_done(&visitor->session);
    channel_close(visitor->channel, false);
    list_leave(&visitor->siblings);
    door->visitor_count--;
    loop_last(door->io->loop, &visitor->burial);
}

static void set_timer(struct visitor *visitor, uint64_t wait_ms)
{
    struct loop *loop = visitor->door->io->loop;
    loop_timer_clear(loop, &visitor->timer);
    loop_timer_set(loop, &visitor->timer, loop_time_ms(loop) + wait_ms);
}

// ---- the answer

static void send_more(struct visitor *visitor)
{
    struct h1_session *session = &visitor->session;
    while (visitor->sent < visitor->size) {
        struct span rest = span_of(visitor->body + visitor->sent, visitor->size - visitor->sent);
        size_t accepted = h1_send(session, rest);
        visitor->sent += accepted;
        if (accepted < rest.size)
            break;
    }
    if (session->is_broken || session->is_mute) {
        leave(visitor);
    } else if (visitor->sent == visitor->size && h1_flush(session)) {
        visitor->state = VISITOR_LEAVING;
        channel_shut(visitor->channel);
        set_timer(visitor, FAREWELL_MS);
        channel_want(visitor->channel, CHANNEL_READ);
    } else {
        channel_want(visitor->channel, CHANNEL_WRITE);
    }
}

void visitor_answer(struct visitor *visitor, unsigned status, const char *type, char *body,
                    size_t size, const char *allow)
{
    char memory[512];
    struct text head = text_over(memory, sizeof memory);
    CHECK(visitor->state != VISITOR_TAKING && visitor->state != VISITOR_LEAVING &&
          visitor->state != VISITOR_GONE);
    visitor->left = NULL;
    visitor->state = VISITOR_TAKING;
    visitor->body = body;
    visitor->size = size;
    text_add_printf(&head, "HTTP/1.1 %u %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n", status,
                    reason_of(status), type, size);
    if (allow)
        text_add_printf(&head, "Allow: %s\r\n", allow);
    text_add_string(&head, "Cache-Control: no-store\r\nConnection: close\r\n\r\n");
    if (head.cut || !is_ok(h1_put(&visitor->session, text_span(&head))))
        leave(visitor);
    else
        send_more(visitor);
}

static void refuse(struct visitor *visitor, unsigned status, const char *sentence)
{
    char *body = NULL;
    int size = asprintf(&body, "{\"error\": \"%s\"}\n", sentence);
    visitor_answer(visitor, status, "application/json", size > 0 ? body : NULL,
                   size > 0 ? (size_t)size : 0, NULL);
}

// ---- the request

static void hand_over(struct visitor *visitor)
{
    struct request_head *request = &visitor->request;
    struct span head = span_first(buf_span(&visitor->session.in), visitor->head_bytes);
    // it was good before; since then the bytes may have moved
    CHECK(is_ok(h1_request_parse(head, request)));
    visitor->state = VISITOR_WAITING;
    visitor->door->ask(visitor, request->method, request->target.path);
    if (visitor->state == VISITOR_WAITING)
        channel_want(visitor->channel, CHANNEL_NOTHING);
}

static void await_body(struct visitor *visitor)
{
    struct h1_session *session = &visitor->session;
    if (buf_size(&session->in) >= visitor->head_bytes + visitor->body_bytes)
        hand_over(visitor);
    else if (session->is_ended || session->is_broken)
        leave(visitor);
    else
        h1_want(session, HEAD_BYTES_MAX + BODY_BYTES_MAX + 1);
}

static void read_head(struct visitor *visitor, struct span head)
{
    struct request_head *request = &visitor->request;
    struct status status = h1_request_parse(head, request);
    if (!is_ok(status)) {
        refuse(visitor, 400, end_sentence(status.end));
        return;
    }
    bool has_body = request->head.body == BODY_LENGTH && request->head.length > 0;
    if (request->head.body == BODY_CHUNKED || (has_body && request->head.length > BODY_BYTES_MAX)) {
        refuse(visitor, 413, "no request here needs a body");
        return;
    }
    visitor->head_bytes = head.size;
    visitor->body_bytes = has_body ? request->head.length : 0;
    visitor->state = VISITOR_SENDING_BODY;
}

static void read_request(struct visitor *visitor)
{
    struct h1_session *session = &visitor->session;
    const struct head_limits limits = {LINE_BYTES_MAX, HEAD_BYTES_MAX};
    struct span head;
    h1_fill(session, HEAD_BYTES_MAX + BODY_BYTES_MAX + 1);
    if (visitor->state == VISITOR_ASKING) {
        struct parse parse = h1_look_head(session, &limits, &head);
        if (parse.state == PARSE_BAD)
            refuse(visitor, end_http_status(parse.end), end_sentence(parse.end));
        else if (parse.state == PARSE_DONE)
            read_head(visitor, head);
        else if (session->is_ended || session->is_broken)
            leave(visitor);
        else
            h1_want(session, HEAD_BYTES_MAX + BODY_BYTES_MAX + 1);
    }
    if (visitor->state == VISITOR_SENDING_BODY)
        await_body(visitor);
}

static void read_to_the_end(struct visitor *visitor)
{
    uint8_t ignored[4096];
    struct moved moved = channel_read(visitor->channel, ignored, sizeof ignored);
    if (moved.outcome == CHANNEL_ENDED || moved.outcome == CHANNEL_BROKEN)
        leave(visitor);
}

static void on_ready(struct channel *channel, unsigned ready)
{
    struct visitor *visitor = channel->owner;
    if (ready & CHANNEL_WRITE)
        visitor->session.is_write_blocked = false; // the next write will tell
    switch (visitor->state) {
    case VISITOR_ASKING:
    case VISITOR_SENDING_BODY:
        read_request(visitor);
        break;
    case VISITOR_WAITING: // nothing was wanted: it has hung up
        leave(visitor);
        break;
    case VISITOR_TAKING:
        send_more(visitor);
        break;
    case VISITOR_LEAVING:
        read_to_the_end(visitor);
        break;
    case VISITOR_GONE:
        break;
    }
}

static void on_too_long(struct timer *timer)
{
    struct visitor *visitor = CONTAINER(timer, struct visitor, timer);
    bool was_waiting = visitor->state == VISITOR_WAITING;
    if (was_waiting && visitor->left)
        visitor->left(visitor->pending);
    visitor->left = NULL;
    if (was_waiting)
        refuse(visitor, 503, "the workers did not answer in time");
    else
        leave(visitor);
}

// ---- the door

// Everybody who may open this door could otherwise hold it shut by saying nothing. Those who have
// asked are let finish. The eldest stands first.
static bool make_room(struct door *door)
{
    for (struct list *at = door->visitors.next; at != &door->visitors; at = at->next) {
        struct visitor *visitor = CONTAINER(at, struct visitor, siblings);
        if (visitor->state == VISITOR_WAITING || visitor->state == VISITOR_TAKING)
            continue;
        leave(visitor);
        return true;
    }
    return false;
}

static void on_accept(struct listener *listener, int fd, const struct address *address)
{
    struct door *door = CONTAINER(listener, struct door, listener);
    bool may_enter = door->visitor_count < VISITORS_MAX || make_room(door);
    struct visitor *visitor = may_enter ? calloc(1, sizeof *visitor) : NULL;
    struct channel *channel =
        visitor ? socket_channel_new(door->io->loop, fd, END_CLIENT_RESET) : NULL;
    if (!channel) {
        free(visitor);
        close(fd);
        return;
    }
    visitor->door = door;
    visitor->channel = channel;
    list_init(&visitor->siblings);
    list_join(&door->visitors, &visitor->siblings);
    door->visitor_count++;
    timer_init(&visitor->timer, on_too_long);
    task_init(&visitor->burial, bury);
    channel->owner = visitor;
    channel->on_ready = on_ready;
    h1_init(&visitor->session, door->io, channel);
    set_timer(visitor, VISIT_MS);
    channel_want(channel, CHANNEL_READ);
}

void door_init(struct door *door, struct io_thread *io, int fd, visitor_ask_fn *ask, void *owner)
{
    *door = (struct door){.io = io, .ask = ask, .owner = owner};
    list_init(&door->visitors);
    listener_init(&door->listener, io->loop, fd, on_accept);
}

void door_done(struct door *door)
{
    listener_done(&door->listener);
    while (!list_is_empty(&door->visitors))
        leave(CONTAINER(door->visitors.next, struct visitor, siblings));
}

struct span visitor_query(const struct visitor *visitor)
{
    return visitor->request.target.query;
}

struct door *visitor_door(const struct visitor *visitor)
{
    return visitor->door;
}

void visitor_wait(struct visitor *visitor, visitor_left_fn *left, void *pending)
{
    visitor->left = left;
    visitor->pending = pending;
}
