/* Text as numbers and back: what a model of characters reads and writes. Bytes are characters: alphabets are ASCII. */
#include "lang/elaborate/builtins.h"

#include <string.h>

static Value unknown_character(Elaborator *e, const Arguments *a, char c, const char *alphabet) {
    diagnose(e->diagnostics, "E0304", a->values[0].span, "the alphabet has no '%c'", c);
    diagnose_help(e->diagnostics, "it has %zu characters: \"%s\"", strlen(alphabet), alphabet);
    return value_none();
}

static Value run_characters(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    const char *text = to_string(e, a->values[0]), *alphabet = text ? to_string(e, a->values[1]) : NULL;
    if (!alphabet) return value_none();
    Fault fault = {0};
    Tensor *numbers = tensor_zeros(DTYPE_I64, shape_1((int64_t)strlen(text)), &fault);
    if (!numbers) return tensor_fault(e, a, "E0901", &fault);
    for (size_t k = 0; text[k]; k++) {
        const char *found = strchr(alphabet, text[k]);
        if (!found) return tensor_release(numbers), unknown_character(e, a, text[k], alphabet);
        tensor_i64(numbers)[k] = found - alphabet;
    }
    return result_of(a, constant_of(e, numbers));
}

static Value run_text_of(Elaborator *e, const Builtin *self, const Arguments *a) {
    (void)self;
    const char *alphabet = to_string(e, a->values[1]);
    Tensor *numbers = alphabet ? to_tensor(e, a->values[0]) : NULL;
    if (!numbers) return value_none();
    int64_t count = tensor_count(numbers), letters = (int64_t)strlen(alphabet);
    char *text = arena_alloc(e->arena, (size_t)count + 1);
    for (int64_t k = 0; k < count; k++) {
        int64_t number = (int64_t)tensor_number(numbers, k);
        if (number < 0 || number >= letters) {
            diagnose(e->diagnostics, "E0404", a->values[0].span, "character %lld is outside of the alphabet of %lld", (long long)number,
                     (long long)letters);
            return value_none();
        }
        text[k] = alphabet[number];
    }
    return value_string(text, a->span);
}

const Builtin builtins_text[] = {
    {"characters(text, alphabet)", run_characters, 0,
     "The position in the alphabet of every character of a text, i64 [length]. E0304 when the alphabet lacks one. Example: characters(\"abba\", \"ab\")",
     false},
    {"text_of(numbers, alphabet)", run_text_of, 0,
     "The text whose characters stand at these positions of the alphabet: the inverse of characters. Example: text_of([0, 1, 1, 0], \"ab\")",
     false},
    {0},
};
