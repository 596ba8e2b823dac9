/* Random tensors. Each call draws its own stream, keyed by the seed of the script, the place in the text and, inside a train
 * block, the step and the sample; see random.c. */
#include "lang/elaborate/builtins.h"

#include <math.h>

#define SEEDED \
    " Without `seed` the numbers depend on the script's seed, the place in the text and, in a train block, on step and sample; with it on the seed (and step) alone. In a loop give the number of the iteration as seed."

static bool shape_at(Elaborator *e, const Arguments *a, int k, Shape *shape) {
    Value value = a->values[k];
    if (value.kind == VALUE_TENSOR && !(value.node->type.dtype == DTYPE_I64 && value.node->type.shape.rank <= 1)) {
        char buffer[KIND_TEXT];
        diagnose(e->diagnostics, "E0401", value.span, "expected a shape, found %s", value_describe(value, buffer));
        return diagnose_help(e->diagnostics, "shape(x) is the shape of a tensor");
    }
    return to_shape(e, value, shape);
}

static Node *uniform_of(Elaborator *e, const Arguments *a, Shape shape, const char *what, int seed) {
    return random_draw(e, OP_RANDOM_UNIFORM, (Type){e->float_type, shape}, what, a->span, a->values[seed], NULL);
}

static Node *normal_of(Elaborator *e, const Arguments *a, Shape shape, int seed) {
    return random_draw(e, OP_RANDOM_NORMAL, (Type){e->float_type, shape}, "normal", a->span, a->values[seed], NULL);
}

/* offset + scale * x; numbers that change nothing are left out. The result keeps the shape of x. */
static Node *affine(Elaborator *e, Node *x, Value scale, Value offset) {
    if (!x) return NULL;
    Shape shape = x->type.shape;
    if (!(scale.kind == VALUE_NUMBER && scale.number == 1)) x = build_binary(e->graph, OP_MUL, x, to_node(e, scale));
    if (!(offset.kind == VALUE_NUMBER && offset.number == 0)) x = build_binary(e->graph, OP_ADD, x, to_node(e, offset));
    return x && !shape_equal(x->type.shape, shape) ? build_broadcast(e->graph, x, shape) : x;
}

/* Whether a parameter is within [low, high] (low itself not when `open`), as far as it is known before the run. `what`: "a
 * probability lies between 0 and 1". */
static bool check_parameter(Elaborator *e, const Arguments *a, int k, double low, bool open, double high, const char *what) {
    Node *node = node_at(e, a, k);
    if (!node) return false;
    for (int64_t i = 0; node->op == OP_CONSTANT && i < tensor_count(node->constant); i++) {
        double number = tensor_number(node->constant, i);
        if (!(number >= low && number <= high) || (open && number == low))
            return diagnose(e->diagnostics, "E0304", a->values[k].span, "%s, found %.6g", what, number);
    }
    return true;
}

static bool check_probability(Elaborator *e, const Arguments *a, int k) {
    return check_parameter(e, a, k, 0, false, 1, "a probability lies between 0 and 1");
}

static bool check_scale(Elaborator *e, const Arguments *a, int k) {
    return check_parameter(e, a, k, 0, false, INFINITY, "a deviation or scale must not be negative");
}

static bool check_positive(Elaborator *e, const Arguments *a, int k) {
    return check_parameter(e, a, k, 0, true, INFINITY, "this parameter must be positive");
}

/* data 1: the shape of a tensor instead of a shape. */
static bool shape_of_argument(Elaborator *e, const Builtin *self, const Arguments *a, Shape *shape) {
    if (!self->data) return shape_at(e, a, 0, shape);
    Node *x = node_at(e, a, 0);
    if (x) *shape = x->type.shape;
    return x != NULL;
}

static Value run_normal(Elaborator *e, const Builtin *self, const Arguments *a) {
    Shape shape;
    if (!shape_of_argument(e, self, a, &shape) || !check_scale(e, a, 2)) return value_none();
    return result_of(a, affine(e, normal_of(e, a, shape, 3), a->values[2], a->values[1]));
}

static Value difference(Elaborator *e, Value high, Value low) {
    if (high.kind == VALUE_NUMBER && low.kind == VALUE_NUMBER) return value_number(high.number - low.number, false, high.span);
    return value_tensor(build_binary(e->graph, OP_SUB, to_node(e, high), to_node(e, low)), high.span);
}

static Value run_uniform(Elaborator *e, const Builtin *self, const Arguments *a) {
    Shape shape;
    if (!shape_of_argument(e, self, a, &shape)) return value_none();
    Value width = difference(e, a->values[2], a->values[1]);
    if (width.kind == VALUE_NUMBER && !(width.number >= 0)) {
        diagnose(e->diagnostics, "E0304", a->values[2].span, "the upper bound %.6g is below the lower one %.6g", a->values[2].number,
                 a->values[1].number);
        return value_none();
    }
    return value_ok(width) ? result_of(a, affine(e, uniform_of(e, a, shape, "uniform", 3), width, a->values[1])) : value_none();
}

static Value run_bernoulli(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    if (!shape_at(e, a, 0, &shape) || !check_probability(e, a, 1)) return value_none();
    Node *hit = build_binary(e->graph, OP_LESS, uniform_of(e, a, shape, "bernoulli", 2), node_at(e, a, 1));
    return result_of(a, build_cast(e->graph, hit, e->float_type));
}

/* In double, so that every integer of a range up to 2^53 can occur. */
static Value run_randint(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Shape shape;
    int64_t low, high;
    if (!shape_at(e, a, 0, &shape) || !to_integer(e, a->values[1], &low) || !to_integer(e, a->values[2], &high)) return value_none();
    if (high <= low) {
        diagnose(e->diagnostics, "E0304", a->values[2].span, "there is no whole number from %lld to below %lld", (long long)low,
                 (long long)high);
        return value_none();
    }
    Node *u = random_draw(e, OP_RANDOM_UNIFORM, (Type){DTYPE_F64, shape}, "randint", a->span, a->values[3], NULL);
    Node *index = build_cast(graph, build_binary(graph, OP_MUL, u, build_number(graph, (double)(high - low))), DTYPE_I64);
    return result_of(a, build_binary(graph, OP_ADD, index, build_integer(graph, low)));
}

static Value run_permutation(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    int64_t count;
    if (!integer_at(e, a, 0, 0, &count)) return value_none();
    Node *u = random_draw(e, OP_RANDOM_UNIFORM, (Type){DTYPE_F64, shape_1(count)}, "permutation", a->span, a->values[1], NULL);
    Node *sort = call_op(e, OP_SORT, &u, 1, (int64_t[]){0, 0, count}, 3, NULL);
    return result_of(a, sort ? build_part(e->graph, sort, 1) : NULL);
}

/* -log(-log(u)), u kept away from 0. */
static Node *gumbel_of(Elaborator *e, const Arguments *a, Shape shape, const char *what, int seed) {
    Graph *graph = e->graph;
    Node *u = build_binary(graph, OP_MAX, uniform_of(e, a, shape, what, seed), build_number(graph, 1e-30));
    return build_unary(graph, OP_NEG, build_unary(graph, OP_LOG, build_unary(graph, OP_NEG, build_unary(graph, OP_LOG, u))));
}

static Value run_gumbel(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    return shape_at(e, a, 0, &shape) ? result_of(a, gumbel_of(e, a, shape, "gumbel", 1)) : value_none();
}

/* The largest of logits + Gumbel noise. */
static Value run_categorical(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Node *logits;
    if (!float_at(e, a, 0, &logits) || !rank_at_least(e, a, 0, logits, 1)) return value_none();
    Node *noisy = build_binary(e->graph, OP_ADD, logits, gumbel_of(e, a, logits->type.shape, "categorical", 1));
    return result_of(a, build_argmax(e->graph, noisy, logits->type.shape.rank - 1, true, false));
}

static Value run_exponential(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Shape shape;
    if (!shape_at(e, a, 0, &shape) || !check_positive(e, a, 1)) return value_none();
    Node *u = uniform_of(e, a, shape, "exponential", 2);
    Node *x = build_unary(graph, OP_NEG, build_unary(graph, OP_LOG1P, build_unary(graph, OP_NEG, u)));
    return result_of(a, build_binary(graph, OP_DIV, x, node_at(e, a, 1)));
}

static Node *gamma_of(Elaborator *e, const Arguments *a, Shape shape, Node *alpha, const char *what, int seed) {
    alpha = alpha ? build_broadcast(e->graph, build_cast(e->graph, to_float(e, alpha), e->float_type), shape) : NULL;
    if (!alpha) return NULL;
    return random_draw(e, OP_RANDOM_GAMMA, (Type){e->float_type, shape}, what, a->span, a->values[seed], alpha);
}

static Value run_gamma(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    if (!shape_at(e, a, 0, &shape) || !check_positive(e, a, 1)) return value_none();
    return result_of(a, gamma_of(e, a, shape, node_at(e, a, 1), "gamma", 2));
}

/* x / (x + y) with x ~ gamma(a), y ~ gamma(b). */
static Value run_beta(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    if (!shape_at(e, a, 0, &shape) || !check_positive(e, a, 1) || !check_positive(e, a, 2)) return value_none();
    Node *x = gamma_of(e, a, shape, node_at(e, a, 1), "beta", 3),
         *y = x ? gamma_of(e, a, shape, node_at(e, a, 2), "beta, second", 3) : NULL;
    return result_of(a, y ? build_binary(e->graph, OP_DIV, x, build_binary(e->graph, OP_ADD, x, y)) : NULL);
}

static Value run_dirichlet(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Shape shape;
    if (!shape_at(e, a, 0, &shape)) return value_none();
    if (!shape.rank) {
        diagnose(e->diagnostics, "E0400", a->values[0].span, "a Dirichlet sample needs at least one axis");
        return value_none();
    }
    if (!check_positive(e, a, 1)) return value_none();
    Node *x = gamma_of(e, a, shape, node_at(e, a, 1), "dirichlet", 2);
    return result_of(a,
                     x ? build_binary(e->graph, OP_DIV, x, build_reduce(e->graph, OP_REDUCE_SUM, x, 1u << (shape.rank - 1), true)) : NULL);
}

static double normal_cdf(double z) { return 0.5 * erfc(-z / sqrt(2)); }

/* By inversion: z = sqrt(2) erfinv(2 p - 1), p uniform between the bounds' probabilities. */
static Value run_truncated(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Shape shape;
    double low, high;
    if (!shape_at(e, a, 0, &shape) || !check_scale(e, a, 2) || !to_number(e, a->values[3], &low) || !to_number(e, a->values[4], &high))
        return value_none();
    if (!(low < high)) {
        diagnose(e->diagnostics, "E0304", a->values[4].span, "the upper bound %.6g is not above the lower one %.6g", high, low);
        return value_none();
    }
    double from = 2 * normal_cdf(low) - 1, to = 2 * normal_cdf(high) - 1;
    Node *u = uniform_of(e, a, shape, "truncated_normal", 5);
    Node *p = build_binary(graph, OP_ADD, build_binary(graph, OP_MUL, u, build_number(graph, to - from)), build_number(graph, from));
    Node *z = build_binary(graph, OP_MUL, build_unary(graph, OP_ERFINV, p), build_number(graph, sqrt(2)));
    z = build_ternary(graph, OP_CLAMP, z, build_number(graph, low), build_number(graph, high));
    return result_of(a, affine(e, z, a->values[2], a->values[1]));
}

static Value run_laplace(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    Graph *graph = e->graph;
    Shape shape;
    if (!shape_at(e, a, 0, &shape) || !check_scale(e, a, 2)) return value_none();
    Node *u = build_binary(graph, OP_SUB, uniform_of(e, a, shape, "laplace", 3), build_number(graph, 0.5));
    Node *size = build_binary(graph, OP_MAX,
                              build_binary(graph, OP_SUB, build_number(graph, 1),
                                           build_binary(graph, OP_MUL, build_number(graph, 2), build_unary(graph, OP_ABS, u))),
                              build_number(graph, 1e-30));
    Node *x = build_unary(graph, OP_NEG, build_binary(graph, OP_MUL, build_unary(graph, OP_SIGN, u), build_unary(graph, OP_LOG, size)));
    return result_of(a, affine(e, x, a->values[2], a->values[1]));
}

const Builtin builtins_random[] = {
    {"normal(shape, mean = 0, std = 1, seed?)", run_normal, 0,
     "Normal random numbers; mean and std may be tensors that broadcast to the shape." SEEDED " Example: normal([2, 3], seed = 1)", false},
    {"normal_like(x, mean = 0, std = 1, seed?)", run_normal, 1,
     "Normal random numbers in the shape of x." SEEDED " Example: normal_like([1.0, 2.0], seed = 1)", false},
    {"uniform(shape, low = 0, high = 1, seed?)", run_uniform, 0,
     "Uniform random numbers in [low, high); bounds may be tensors that broadcast to the shape." SEEDED
     " Example: uniform([4], -1, 1, seed = 1)",
     false},
    {"uniform_like(x, low = 0, high = 1, seed?)", run_uniform, 1,
     "Uniform random numbers in the shape of x." SEEDED " Example: uniform_like([1.0, 2.0], seed = 1)", false},
    {"bernoulli(shape, p = 0.5, seed?)", run_bernoulli, 0,
     "1 with probability p, else 0, as floats; p may be a tensor that broadcasts to the shape." SEEDED
     " Example: bernoulli([8], 0.3, seed = 1)",
     false},
    {"randint(shape, low, high, seed?)", run_randint, 0,
     "Whole numbers from low to below high, i64." SEEDED " Example: randint([5], 0, 10, seed = 1)", false},
    {"permutation(n, seed?)", run_permutation, 0, "0 ... n - 1 in random order, i64." SEEDED " Example: permutation(5, seed = 1)", false},
    {"categorical(logits, seed?)", run_categorical, 0,
     "One class number a row of logits [..., k], with probabilities softmax(logits); i64 [...]." SEEDED
     " Example: categorical(log([0.9, 0.1]), seed = 1)",
     false},
    {"gumbel(shape, seed?)", run_gumbel, 0, "Standard Gumbel random numbers." SEEDED " Example: gumbel([3], seed = 1)", false},
    {"exponential(shape, rate = 1, seed?)", run_exponential, 0,
     "Exponential random numbers with mean 1 / rate." SEEDED " Example: exponential([3], seed = 1)", false},
    {"laplace(shape, mean = 0, scale = 1, seed?)", run_laplace, 0, "Laplace random numbers." SEEDED " Example: laplace([3], seed = 1)",
     false},
    {"gamma(shape, alpha, seed?)", run_gamma, 0,
     "Gamma(alpha, 1) random numbers (Marsaglia and Tsang 2000), differentiable in alpha by implicit reparametrization." SEEDED
     " Example: gamma([3], 2.0, seed = 1)",
     false},
    {"beta(shape, a, b, seed?)", run_beta, 0,
     "Beta(a, b) random numbers in (0, 1), differentiable in a and b." SEEDED " Example: beta([3], 0.2, 0.2, seed = 1)", false},
    {"dirichlet(shape, alpha, seed?)", run_dirichlet, 0,
     "Dirichlet random numbers: positive, summing to 1 along the last axis; alpha broadcasts to the shape." SEEDED
     " Example: dirichlet([2, 3], 1.0, seed = 1)",
     false},
    {"truncated_normal(shape, mean = 0, std = 1, low = -2, high = 2, seed?)", run_truncated, 0,
     "mean + std * z with z normal between low and high." SEEDED " Example: truncated_normal([3], seed = 1)", false},
    {0},
};
