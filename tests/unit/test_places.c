/* Places in a slab: what is needed at the same time lies apart, and little is wasted. */
#include "lang/passes/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <cmocka.h>

enum { COUNT_MAX = 3000 };

static uint64_t draw(uint64_t *state, uint64_t bound) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (*state >> 33) % bound;
}

/* Bytes that are needed at the busiest step: no slab is smaller. */
static size_t peak(const Place *places, size_t count) {
    size_t most = 0;
    for (size_t k = 0; k < count; k++) {
        size_t bytes = 0;
        for (size_t j = 0; j < count; j++)
            if (places[j].begin <= places[k].begin && places[k].begin <= places[j].end) bytes += places[j].bytes;
        most = bytes > most ? bytes : most;
    }
    return most;
}

static bool are_apart(const Place *a, const Place *b) {
    bool same_time = a->begin <= b->end && b->begin <= a->end;
    return !same_time || a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
}

static void check(size_t count, uint64_t seed) {
    static Place places[COUNT_MAX];
    for (size_t k = 0; k < count; k++) {
        int begin = (int)k / 2;
        places[k] = (Place){.begin = begin, .end = begin + (int)draw(&seed, 20), .bytes = PLACES_ALIGNMENT * (1 + draw(&seed, 1000))};
    }
    size_t bytes = places_find(places, count), least = peak(places, count);
    assert_true(bytes >= least && bytes <= least + least / 4);
    for (size_t k = 0; k < count; k++) {
        assert_true(places[k].offset % PLACES_ALIGNMENT == 0 && places[k].offset + places[k].bytes <= bytes);
        for (size_t j = 0; j < k; j++) assert_true(are_apart(&places[j], &places[k]));
    }
}

static void places_do_not_meet(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) check(200, seed);
    check(COUNT_MAX, 7);
}

/* A small block in the hole of a large one would push the next large one to the end. */
static void the_largest_come_first(void **state) {
    (void)state;
    Place places[] = {{.begin = 0, .end = 3, .bytes = 64},
                      {.begin = 0, .end = 1, .bytes = 1024},
                      {.begin = 2, .end = 5, .bytes = 128},
                      {.begin = 3, .end = 5, .bytes = 1024}};
    assert_int_equal(places_find(places, 4), 64 + 128 + 1024);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_do_not_meet), cmocka_unit_test(the_largest_come_first)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
