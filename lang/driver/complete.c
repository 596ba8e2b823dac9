#include "lang/driver/complete.h"
#include "lang/driver/doc.h"
#include "runtime/base/memory.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

const char *const repl_commands[] = {":help", ":doc", ":names", ":quit", NULL};

typedef struct Search {
    const char *word;
    size_t length;
    Candidates *out;
} Search;

static void offer(void *sink, const char *name) {
    Search *search = sink;
    if (!name || strncmp(name, search->word, search->length)) return;
    char *copy = copy_string(name);
    list_push(search->out, copy);
}

/* Fields ------------------------------------------------------------------------------------------------------------- */

static Value field_value(Value value, const char *name) {
    if (value.kind == VALUE_RECORD) return record_field(value.record, name);
    for (int k = 0; value.kind == VALUE_INSTANCE && k < value.instance->part_count; k++) {
        const Part *part = &value.instance->parts[k];
        if (part->name && !strcmp(part->name, name)) return (Value){.kind = VALUE_INSTANCE, .instance = part->instance};
    }
    return value_none();
}

static void offer_fields(Session *session, Value value, Search *search) {
    static const char *const of_tensor[] = {"T", "shape", "rank"};
    if (value.kind == VALUE_RECORD)
        for (int k = 0; k < value.record->count; k++) offer(search, value.record->fields[k].name);
    if (value.kind == VALUE_TENSOR)
        for (size_t k = 0; k < sizeof of_tensor / sizeof *of_tensor; k++) offer(search, of_tensor[k]);
    if (value.kind != VALUE_INSTANCE) return;
    const Instance *instance = value.instance;
    for (int k = 0; k < instance->part_count; k++) {
        instance_path(&session->elaborator, instance->parts[k].instance); /* settles the part's name */
        offer(search, instance->parts[k].name);
    }
    for (int k = 0; k < instance->member_count; k++) offer(search, instance->members[k].name);
    for (int k = 0; k < instance->settings->count; k++) offer(search, instance->settings->fields[k].name);
}

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

/* The value of "net.dense_1" at the end of `before`, which ends in a dot. */
static Value chain_value(Session *session, const char *before) {
    const char *end = before + strlen(before) - 1, *start = end;
    while (start > before && (is_word(start[-1]) || start[-1] == '.')) start--;
    char *chain = copy_bytes(start, (size_t)(end - start)), *rest = NULL;
    char *name = strtok_r(chain, ".", &rest);
    Value value = value_none();
    if (name && !scope_find(&session->elaborator, session->elaborator.globals, arena_string(session->arena, name), &value))
        value = value_none();
    while (value_ok(value) && (name = strtok_r(NULL, ".", &rest)) != NULL) value = field_value(value, name);
    free(chain);
    return value;
}

/* Names -------------------------------------------------------------------------------------------------------------- */

static void offer_names(Session *session, Search *search) {
    static const char *const words[] = {"then", "else", "in", "and", "or", "not", "true", "false", "epochs", "steps", "on", "over"};
    NameSource names = session_names(session);
    names.list(names.context, NAMES_VALUES, offer, search);
    names.list(names.context, NAMES_MAKERS, offer, search);
    for (size_t k = 0; k < sizeof words / sizeof *words; k++) offer(search, words[k]);
    doc_words(offer, search);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void sort_once(Candidates *out) {
    if (!out->count) return;
    qsort(out->items, out->count, sizeof *out->items, by_text);
    size_t kept = 1;
    for (size_t k = 1; k < out->count; k++) {
        if (strcmp(out->items[k], out->items[kept - 1])) out->items[kept++] = out->items[k];
        else free(out->items[k]);
    }
    out->count = kept;
}

void complete(Session *session, const char *before, const char *word, Candidates *out) {
    Search search = {word, strlen(word), out};
    size_t length = strlen(before);
    if (word[0] == ':' && !length)
        for (const char *const *command = repl_commands; *command; command++) offer(&search, *command);
    else if (!strncmp(before, ":doc", 4)) doc_each(offer, &search);
    else if (length && before[length - 1] == '.' && !(length > 1 && before[length - 2] == '.'))
        offer_fields(session, chain_value(session, before), &search);
    else offer_names(session, &search);
    sort_once(out);
}

void candidates_free(Candidates *candidates) {
    for (size_t k = 0; k < candidates->count; k++) free(candidates->items[k]);
    list_free(candidates);
}
