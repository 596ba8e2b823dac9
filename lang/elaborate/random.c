/* Where random numbers come from: a key (seed, step) and a site, the name of the place that draws. Adding a place never moves the
 * numbers of another: a site is a hash of the context's path, the operation, the source text and, of equal ones, the occurrence. */
#include "lang/elaborate/builtins.h"

#include "runtime/base/rng.h"

#include <string.h>

static Node *constant_key(Elaborator *e, int64_t seed) {
    Fault fault;
    Tensor *tensor = tensor_zeros(DTYPE_I64, shape_1(2), &fault);
    if (!tensor) {
        diagnose_fault(e->diagnostics, "E0901", e->graph->here, &fault);
        return NULL;
    }
    tensor_i64(tensor)[0] = seed;
    return constant_of(e, tensor);
}

Node *random_key(Elaborator *e) { return e->key_cell ? import_cell(e, e->key_cell) : constant_key(e, (int64_t)e->seed); }

/* (seed, step): the seed given, the step of the block. */
Node *random_key_of(Elaborator *e, Value seed) {
    if (seed.kind == VALUE_NONE) return random_key(e);
    int64_t number;
    if (seed.kind == VALUE_NUMBER && !e->key_cell) return to_integer(e, seed, &number) ? constant_key(e, number) : NULL;
    Node *node = to_node(e, seed);
    if (!node) return NULL;
    if (shape_count(node->type.shape) != 1) {
        char text[SHAPE_TEXT];
        diagnose(e->diagnostics, "E0401", seed.span, "a seed is one whole number, found %s", shape_text(node->type.shape, text));
        return NULL;
    }
    Node *step = e->key_cell ? build_select(e->graph, import_cell(e, e->key_cell), 0, 1) : build_integer(e->graph, 0);
    Node *parts[] = {build_cast(e->graph, build_reshape(e->graph, node, (Shape){0}), DTYPE_I64), step};
    return parts[0] && parts[1] ? build_stack(e->graph, parts, 2, 0) : NULL;
}

static uint64_t hash_source(Elaborator *e, uint64_t hash, Span span) {
    const Sources *sources = e->diagnostics->sources;
    if (!span.file || span.file >= sources->count || span.end > sources->items[span.file].length || span.start > span.end) return hash;
    Text text = {0};
    text_add_bytes(&text, sources->items[span.file].text + span.start, span.end - span.start);
    hash = rng_mix(hash, rng_hash(text_string(&text)));
    text_free(&text);
    return hash;
}

static RandomSite *remember_site(Elaborator *e, uint64_t hash, const char *what, int64_t site) {
    e->sites = arena_grow(e->arena, e->sites, sizeof *e->sites, e->site_count, &e->site_capacity);
    e->sites[e->site_count] = (RandomSite){hash, e->random_path, what, site};
    return &e->sites[e->site_count++];
}

static RandomSite *new_site(Elaborator *e, const char *what, Span span) {
    uint64_t hash = rng_hash(what), occurrence = 0;
    if (e->random_path) hash = rng_mix(hash, rng_hash(e->random_path));
    hash = hash_source(e, hash, span);
    for (int k = 0; k < e->site_count; k++) occurrence += e->sites[k].hash == hash;
    return remember_site(e, hash, what, (int64_t)(rng_mix(hash, occurrence) & INT64_MAX));
}

static int64_t site_of_path(const char *path) { return (int64_t)(rng_hash(path) & INT64_MAX); }

const char *random_path(Elaborator *e, const char *what, Span span) {
    RandomSite *site = new_site(e, arena_string(e->arena, what), span);
    const char *path = arena_format(e->arena, "%s %lld", what, (long long)site->site);
    site->site = site_of_path(path);
    return path;
}

/* Rows that belong to samples depend on the sample's number, so that the order of a batch does not matter. */
static bool is_per_sample(const Elaborator *e, Shape shape) {
    return e->clock && e->sample && shape.rank >= 1 && shape.dims[0] == e->sample->type.shape.dims[0];
}

static Node *draw(Elaborator *e, OpCode op, Shape shape, DType dtype, Node *key, int64_t site, Node *alpha, bool per_sample) {
    Type type = {dtype, shape};
    Node *inputs[2] = {key, alpha};
    int count = alpha ? 2 : 1;
    if (!alpha && per_sample) {
        if (!(inputs[1] = import_node(e, e->sample, e->graph->here))) return NULL;
        count = 2;
    }
    return call_op(e, op, inputs, count, &site, 1, &type);
}

/* A seed written as a number is a pure function of it: the same call gives the same numbers anywhere. */
Node *random_draw(Elaborator *e, OpCode op, Type type, const char *what, Span span, Value seed, Node *alpha) {
    bool is_free = seed.kind == VALUE_NONE, is_fixed = seed.kind == VALUE_NUMBER;
    int64_t site = is_fixed ? site_of_path(what) : new_site(e, what, span)->site;
    return draw(e, op, type.shape, type.dtype, random_key_of(e, seed), site, alpha, is_free && is_per_sample(e, type.shape));
}

Node *random_initial(Elaborator *e, OpCode op, Type type, const char *path) {
    return draw(e, op, type.shape, type.dtype, constant_key(e, (int64_t)e->seed), site_of_path(path), NULL, false);
}
