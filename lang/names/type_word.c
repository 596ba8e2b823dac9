#include "lang/names/type_word.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name, *meaning;
} words[] = {
    [TYPE_BOOL] = {"bool", "true or false"},
    [TYPE_INT] = {"int", "a whole number"},
    [TYPE_COUNT] = {"count", "a whole number of at least 1"},
    [TYPE_FLOAT] = {"float", "a number"},
    [TYPE_FRACTION] = {"fraction", "a number from 0 to 1"},
    [TYPE_POSITIVE] = {"positive", "a number above 0"},
    [TYPE_NONNEGATIVE] = {"nonnegative", "a number of at least 0"},
};
_Static_assert(sizeof words / sizeof *words == TYPE_WORD_COUNT, "one line for each word");

TypeWord type_word(const char *name) {
    for (int k = TYPE_UNKNOWN + 1; k < TYPE_WORD_COUNT; k++)
        if (!strcmp(words[k].name, name)) return (TypeWord)k;
    return TYPE_UNKNOWN;
}

const char *type_word_meaning(TypeWord word) { return words[word].meaning; }

bool type_word_allows(TypeWord word, double number) {
    switch (word) {
    case TYPE_UNKNOWN:
    case TYPE_BOOL:
    case TYPE_FLOAT: return true;
    case TYPE_INT: return number == floor(number);
    case TYPE_COUNT: return number == floor(number) && number >= 1;
    case TYPE_FRACTION: return number >= 0 && number <= 1;
    case TYPE_POSITIVE: return number > 0;
    case TYPE_NONNEGATIVE: return number >= 0;
    case TYPE_WORD_COUNT: break;
    }
    return false;
}

const char *type_word_list(void) { return "int, count, float, fraction, positive, nonnegative or bool"; }
