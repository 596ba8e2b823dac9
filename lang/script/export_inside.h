/* Inside the export: the stages share what is being exported. */
#ifndef REG_SCRIPT_EXPORT_INSIDE_H
#define REG_SCRIPT_EXPORT_INSIDE_H

#include "lang/backend/c99.h"
#include "lang/script/export.h"
#include "runtime/data/safetensors.h"

enum { EXPORT_ARGUMENTS = 32 };

typedef struct Export {
    Session *session;
    const ExportRequest *request;
    TensorTable table; /* of the file */
    Metadata metadata;
    const char *name; /* of what is exported, in the script */
    const char *path; /* what the names of its tensors in the file begin with; NULL: as in the script */
    Value callee;
    const Tree *parameters; /* of the callee */
    const Given *given;     /* by parameter */
    Value arguments[EXPORT_ARGUMENTS];
    C99Argument inputs[EXPORT_ARGUMENTS], outputs[EXPORT_ARGUMENTS];
    Node *results[EXPORT_ARGUMENTS];
    size_t first_node; /* of the session's graph: from here on it is of the exported function */
    int first_site;    /* of the elaborator: from here on a place of the exported function drew */
    int argument_count, input_count, output_count;
    Text constants; /* arguments that are no inputs, for the comment */
} Export;

bool export_find(Export *x);                      /* export_find.c: callee and what it was given */
bool export_lacks(Export *x, const char *format); /* E1002 with the file's name, and that the script is needed; false */
bool export_draws(Export *x);                     /* export_draws.c: false after E1002 where a result depends on a draw without a seed */
bool export_inputs(Export *x);                    /* export_inputs.c: leaves for its tensors, the batch as asked for */

#endif
