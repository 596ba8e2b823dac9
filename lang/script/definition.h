/* The Reg text that makes a model again: what its file says about it, so that it can be built without its script.
 *
 * The text holds the definitions that the model uses, the names that these use, and `let NAME = maker{settings}`, everything by value:
 * settings as they were when the model was made. Large tensors among the values go into the table as "let NAME". */
#ifndef REG_SCRIPT_DEFINITION_H
#define REG_SCRIPT_DEFINITION_H

#include "lang/script/session.h"
#include "runtime/data/safetensors.h"

/* The keys of a file's metadata; of each model "reg.inputs.NAME". */
#define DEFINITION_TEXT "reg"          /* the text */
#define DEFINITION_MODELS "reg.models" /* lines "NAME PATH": a let of the text, and what the names of its tensors begin with */
#define DEFINITION_INPUTS "reg.inputs"

typedef struct Definition {
    Session *session;
    TensorTable *table; /* of the file that is saved */
    Text text, models;
    const char **done; /* names that are in the text, makers with a `{` behind them */
    int done_count, done_capacity;
    Metadata *metadata;
} Definition;

/* Adds a model that was applied, under the name of its path. What cannot be written as text (a function from inside another one, a
 * method in the way of its values) is left out: the file is still the model's, and who builds from it is told what is missing. */
void definition_add(Definition *definition, Instance *model);
void definition_finish(Definition *definition); /* writes the metadata; frees */

/* A value as an expression, with what it needs defined before it; false when it has no text. */
bool definition_value(Definition *definition, Value value, Text *out);
/* The names that a tree uses without binding them, defined before it. */
void definition_need(Definition *definition, const Tree *tree);

#endif
