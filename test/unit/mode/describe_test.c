// SPDX-License-Identifier: Apache-2.0
// Describing clients and pins into too little room: whatever fits is whole JSON, and the rest is
// counted.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "mode/client.h"

#define CLIENTS 40

struct crowd {
    struct keeper keeper;
    struct listener_config listener;
    struct client clients[CLIENTS];
    struct tie *ties[CLIENTS];
    struct link links[CLIENTS];
    struct pool_side side;
    struct pool pool;
    struct pool_config pool_config;
    struct server_config server;
};

// Every second client has a pinned link.
static int set_up(void **state)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    crowd->listener.bind = "*:443";
    crowd->server.name = "iis1.test";
    crowd->pool_config =
        (struct pool_config){.name = "main", .servers = &crowd->server, .server_count = 1};
    crowd->pool.config = &crowd->pool_config;
    crowd->side.pool = &crowd->pool;
    list_init(&crowd->keeper.clients);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *client = &crowd->clients[i];
        list_init(&client->siblings);
        list_init(&client->ties);
        client->listener = &crowd->listener;
        client->site_index = SIZE_MAX;
        client->id = i + 1;
        client->sni = "a \"name\"\nwith\\care";
        client->state = i % 2 ? CLIENT_RESTING : CLIENT_PEEKING;
        assert_true(address_parse("192.0.2.1", (unsigned)(1000 + i), &client->address));
        list_join(&crowd->keeper.clients, &client->siblings);
        struct tie *tie = calloc(1, sizeof *tie + 8);
        list_init(&tie->siblings);
        memcpy(tie->authority, "lb.test", 7);
        tie->authority_size = 7;
        tie->link = &crowd->links[i];
        tie->link->side = &crowd->side;
        tie->link->binding = i % 2 ? BINDING_BOUND : BINDING_FREE;
        list_join(&client->ties, &tie->siblings);
        crowd->ties[i] = tie;
    }
    *state = crowd;
    return 0;
}

static int tear_down(void **state)
{
    struct crowd *crowd = *state;
    for (size_t i = 0; i < CLIENTS; i++)
        free(crowd->ties[i]);
    free(crowd);
    return 0;
}

typedef size_t describe_fn(struct keeper *keeper, struct json *json);

// Describes into exactly `capacity` bytes of the heap (so that a byte too many is found) and reads
// it back.
static json_t *described(struct crowd *crowd, describe_fn *describe, size_t capacity,
                         size_t *ret_left_out)
{
    char *memory = malloc(capacity);
    struct text text = text_over(memory, capacity);
    struct json json = {&text, false};
    *ret_left_out = describe(&crowd->keeper, &json);
    assert_false(text.cut);
    json_t *array = json_loadb(memory, text.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(array);
    free(memory);
    return array;
}

static void test_everything_fits(void **state)
{
    size_t left_out;
    json_t *clients = described(*state, keeper_describe_clients, 64 * 1024, &left_out);
    assert_int_equal(left_out, 0);
    assert_int_equal(json_array_size(clients), CLIENTS);
    const json_t *second = json_array_get(clients, 1);
    assert_int_equal(json_integer_value(json_object_get(second, "client")), 2);
    assert_string_equal(json_string_value(json_object_get(second, "address")), "192.0.2.1:1001");
    assert_string_equal(json_string_value(json_object_get(second, "sni")),
                        "a \"name\"\nwith\\care");
    assert_string_equal(json_string_value(json_object_get(second, "state")), "resting");
    assert_null(json_object_get(second, "site"));
    json_decref(clients);
}

static void test_only_pins_are_pins(void **state)
{
    size_t left_out;
    json_t *pins = described(*state, keeper_describe_pins, 64 * 1024, &left_out);
    assert_int_equal(left_out, 0);
    assert_int_equal(json_array_size(pins), CLIENTS / 2);
    const json_t *first = json_array_get(pins, 0);
    assert_int_equal(json_integer_value(json_object_get(first, "client")), 2);
    assert_string_equal(json_string_value(json_object_get(first, "pool")), "main");
    assert_string_equal(json_string_value(json_object_get(first, "server")), "iis1.test");
    assert_string_equal(json_string_value(json_object_get(first, "authority")), "lb.test");
    assert_string_equal(json_string_value(json_object_get(first, "binding")), "bound");
    json_decref(pins);
}

static void check_every_capacity(void **state, describe_fn *describe, size_t count)
{
    size_t kept_before = 0;
    for (size_t capacity = 16; capacity < 12 * 1024; capacity += capacity < 600 ? 1 : 29) {
        size_t left_out;
        json_t *array = described(*state, describe, capacity, &left_out);
        size_t kept = json_array_size(array);
        assert_int_equal(kept + left_out, count);
        assert_true(kept >= kept_before);
        kept_before = kept;
        json_decref(array);
    }
    assert_int_equal(kept_before, count);
}

static void test_clients_in_any_room(void **state)
{
    check_every_capacity(state, keeper_describe_clients, CLIENTS);
}

static void test_pins_in_any_room(void **state)
{
    check_every_capacity(state, keeper_describe_pins, CLIENTS / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_pins_are_pins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clients_in_any_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pins_in_any_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
