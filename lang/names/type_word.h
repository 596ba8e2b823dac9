/* The words that stand for a type in a signature: `units: count`, `rate: fraction = 0.5`. A shape such as [n, d] is no word. */
#ifndef REG_NAMES_TYPE_WORD_H
#define REG_NAMES_TYPE_WORD_H

#include <stdbool.h>

typedef enum TypeWord {
    TYPE_UNKNOWN,
    TYPE_BOOL,
    TYPE_INT,
    TYPE_COUNT,       /* whole, at least 1 */
    TYPE_FLOAT,       /* any number, or a tensor */
    TYPE_FRACTION,    /* one number from 0 to 1 */
    TYPE_POSITIVE,    /* one number above 0 */
    TYPE_NONNEGATIVE, /* one number from 0 on */
    TYPE_WORD_COUNT,
} TypeWord;

TypeWord type_word(const char *name);
/* What a value must be: "a number from 0 to 1". */
const char *type_word_meaning(TypeWord word);
bool type_word_allows(TypeWord word, double number);
/* All words, for messages. */
const char *type_word_list(void);

#endif
