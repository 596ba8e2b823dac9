/* Lists of names: the texts behind the codes of a categorical column, the names of the columns of a matrix. */
#ifndef REG_DATA_CATEGORIES_H
#define REG_DATA_CATEGORIES_H

#include <stddef.h>

typedef struct NameList {
    char **items;
    size_t count, capacity;
} NameList;

void names_add(NameList *names, const char *name); /* copies */
void names_free(NameList *names);

/* For each categorical field (say "species", or "y"), the name of code 0, 1, 2, … */
typedef struct Category {
    char *field;
    NameList names;
} Category;

typedef struct CategoryTable {
    Category *items;
    size_t count, capacity;
} CategoryTable;

/* The list of `field`, made if there was none; valid until the next category_add. */
NameList *category_add(CategoryTable *table, const char *field);
const NameList *category_find(const CategoryTable *table, const char *field); /* NULL when the field has no names */
void categories_free(CategoryTable *table);

#endif
