#include "runtime/data/categories.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

void names_add(NameList *names, const char *name) { list_push(names, copy_string(name)); }

void names_free(NameList *names) {
    for (size_t i = 0; i < names->count; i++) free(names->items[i]);
    list_free(names);
}

static Category *find(const CategoryTable *table, const char *field) {
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->items[i].field, field) == 0) return &table->items[i];
    return NULL;
}

NameList *category_add(CategoryTable *table, const char *field) {
    Category *category = find(table, field);
    if (!category) {
        list_push(table, ((Category){.field = copy_string(field)}));
        category = &table->items[table->count - 1];
    }
    return &category->names;
}

const NameList *category_find(const CategoryTable *table, const char *field) {
    const Category *category = find(table, field);
    return category ? &category->names : NULL;
}

void categories_free(CategoryTable *table) {
    for (size_t i = 0; i < table->count; i++) {
        free(table->items[i].field);
        names_free(&table->items[i].names);
    }
    list_free(table);
}
