// SPDX-License-Identifier: Apache-2.0
// The certificate a server shows: what is news and what is not, and how it comes from the threads
// of links to the control thread.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/check.h"
#include "pool/pool.h"

#define ROUNDS  20000
#define THREADS 3

static struct server *make(void)
{
    struct server *server = calloc(1, sizeof *server);
    CHECK(server);
    atomic_init(&server->references, 1);
    server->pool_name = strdup("main");
    server->name = strdup("iis1.test");
    CHECK(server->pool_name && server->name);
    return server;
}

static struct tls_leaf leaf_of(uint8_t number)
{
    struct tls_leaf leaf = {.not_after_s = number};
    memset(leaf.sha256, number, sizeof leaf.sha256);
    return leaf;
}

static void tells_news(void **state)
{
    (void)state;
    struct server *server = make();
    struct tls_leaf a = leaf_of(1);
    struct tls_leaf b = leaf_of(2);
    assert_true(server_note_leaf(server, "lb.test", &a)); // the first
    assert_false(server_note_leaf(server, "lb.test", &a));
    assert_true(server_note_leaf(server, "lb.test", &b));    // another
    assert_true(server_note_leaf(server, "other.test", &b)); // for another name
    assert_false(server_note_leaf(server, "other.test", &b));
    assert_string_equal(server->shown.name, "other.test");
    assert_memory_equal(server->shown.leaf.sha256, b.sha256, sizeof b.sha256);
    server_unref(server);
}

static void takes_over_what_a_link_saw(void **state)
{
    (void)state;
    struct server *server = make();
    struct tls_leaf a = leaf_of(1);
    struct tls_leaf b = leaf_of(2);
    assert_false(server_take_link_leaf(server)); // nothing yet
    server_note_link_leaf(server, "lb.test", &a);
    assert_string_equal(server->shown.name, ""); // not before it is taken
    assert_true(server_take_link_leaf(server));
    assert_memory_equal(server->shown.leaf.sha256, a.sha256, sizeof a.sha256);
    server_note_link_leaf(server, "lb.test", &a);
    assert_null(atomic_load(&server->shown_to_link)); // no news, no memory
    assert_false(server_take_link_leaf(server));
    server_note_link_leaf(server, "lb.test", &b);
    server_note_link_leaf(server, "other.test", &b); // the last one counts
    assert_true(server_take_link_leaf(server));
    assert_string_equal(server->shown.name, "other.test");
    server_note_link_leaf(server, "lb.test", &a); // left behind: freed with the server
    server_unref(server);
}

static void *note_many(void *given)
{
    struct server *server = given;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct tls_leaf leaf = leaf_of((uint8_t)(1 + i % 7));
        server_note_link_leaf(server, "lb.test", &leaf);
    }
    return NULL;
}

static void assert_whole(const struct server_shown *shown)
{
    struct tls_leaf leaf = leaf_of((uint8_t)shown->leaf.not_after_s);
    assert_memory_equal(shown->leaf.sha256, leaf.sha256, sizeof leaf.sha256);
    assert_string_equal(shown->name, "lb.test");
}

// Whatever the control thread takes was noted by one link as a whole.
static void comes_whole_from_many_threads(void **state)
{
    (void)state;
    struct server *server = make();
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, note_many, server) == 0);
    for (unsigned i = 0; i < ROUNDS; i++)
        if (server_take_link_leaf(server))
            assert_whole(&server->shown);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    server_take_link_leaf(server);
    assert_whole(&server->shown);
    server_unref(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_news),
        cmocka_unit_test(takes_over_what_a_link_saw),
        cmocka_unit_test(comes_whole_from_many_threads),
    };
    return cmocka_run_group_tests_name("shown", tests, NULL, NULL);
}
