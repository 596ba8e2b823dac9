/* Elementwise expressions: the texts of runtime/elementwise.def with their operands and functions filled in. */
#include "lang/backend/c99_inside.h"

#include <ctype.h>
#include <string.h>

static const char *const texts[ELEMENTWISE_COUNT] = {
#define UNARY(NAME, name, kind, value, ...) [ELEMENTWISE_##NAME] = #value,
#define BINARY(NAME, name, kind, value, ...) [ELEMENTWISE_##NAME] = #value,
#define TERNARY(NAME, name, kind, value, ...) [ELEMENTWISE_##NAME] = #value,
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
};

typedef struct Helper {
    const char *name, *parameters, *body;
} Helper;

static const char *const library[] = {
#define LIBRARY(name) #name,
#define HELPER(name, parameters, body)
#include "lang/backend/c99_math.def"
#undef LIBRARY
#undef HELPER
};
enum { LIBRARY_COUNT = sizeof library / sizeof *library };

static const Helper helpers[] = {
#define LIBRARY(name)
#define HELPER(name, parameters, body) {#name, parameters, body},
#include "lang/backend/c99_math.def"
#undef LIBRARY
#undef HELPER
};
enum { HELPER_COUNT = sizeof helpers / sizeof *helpers };
_Static_assert(sizeof helpers / sizeof *helpers <= C99_HELPERS_MAX, "one set of types for each helper");

static bool add_text(C99 *c, const char *text, DType dtype, const char *const *operands, Text *out);

/* Which of what a helper calls is needed too. */
static bool need_helper(C99 *c, int helper, DType dtype) {
    if (c->helpers[helper] >> dtype & 1) return true;
    c->helpers[helper] |= 1u << dtype;
    Text unused = {0};
    bool ok = add_text(c, helpers[helper].body, dtype, NULL, &unused);
    text_free(&unused);
    return ok;
}

static const char *helper_name(const C99 *c, int helper, DType dtype) {
    return arena_format(c->arena, "%s_%s_%s", c->name, helpers[helper].name, dtype_name(dtype));
}

static bool add_function(C99 *c, const char *name, DType dtype, Text *out) {
    for (int k = 0; k < LIBRARY_COUNT && dtype_is_float(dtype); k++)
        if (!strcmp(library[k], name)) return text_addf(out, "%s%s", name, dtype == DTYPE_F32 ? "f" : ""), true;
    const char *wanted = dtype_is_float(dtype) ? name : arena_format(c->arena, "whole_%s", name);
    for (int k = 0; k < HELPER_COUNT; k++) {
        if (strcmp(helpers[k].name, wanted)) continue;
        text_add(out, helper_name(c, k, dtype));
        return need_helper(c, k, dtype);
    }
    return false;
}

/* `operands` NULL: a helper's body, whose words are its own. */
static bool add_word(C99 *c, const char *word, DType dtype, const char *const *operands, Text *out) {
    if (!strcmp(word, "T")) return text_add(out, c99_type(c, dtype)), true;
    if (!strncmp(word, "r_", 2)) return add_function(c, word + 2, dtype, out);
    bool is_operand = operands && word[1] == '\0' && word[0] >= 'a' && word[0] <= 'c';
    text_add(out, is_operand ? operands[word[0] - 'a'] : word);
    return true;
}

static bool add_text(C99 *c, const char *text, DType dtype, const char *const *operands, Text *out) {
    bool ok = true;
    for (const char *at = text; *at && ok;) {
        size_t length = 0;
        while (isalnum((unsigned char)at[length]) || at[length] == '_') length++;
        if (length == 0) {
            text_add_char(out, *at++);
            continue;
        }
        ok = add_word(c, arena_bytes(c->arena, at, length), dtype, operands, out);
        at += length;
    }
    return ok;
}

const char *c99_expression(C99 *c, int code, DType dtype, const char *const *operands) {
    Text out = {0};
    bool ok = add_text(c, texts[code], dtype, operands, &out);
    const char *text = ok ? arena_string(c->arena, text_string(&out)) : NULL;
    text_free(&out);
    return text;
}

const char *c99_cast(C99 *c, const char *value, DType from, DType to) {
    if (from == to) return value;
    if (to == DTYPE_BOOL) return arena_format(c->arena, "%s != 0", value);
    return arena_format(c->arena, "(%s)%s", c99_type(c, to), value);
}

void c99_write_helpers(C99 *c, Text *out) {
    for (int k = 0; k < HELPER_COUNT; k++)
        for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
            if (!(c->helpers[k] >> dtype & 1)) continue;
            text_addf(out, "\nstatic %s %s(", c99_type(c, (DType)dtype), helper_name(c, k, (DType)dtype));
            add_text(c, helpers[k].parameters, (DType)dtype, NULL, out);
            text_add(out, ") { ");
            add_text(c, helpers[k].body, (DType)dtype, NULL, out);
            text_add(out, " }\n");
        }
}
