/* `reg compile --model`: one evaluation of a saved model, or of a function of a script over saved models, as C99 text.
 *
 * What is computed comes from the text in the file's metadata (definition.h) or from the script that the session has checked; values
 * of parameters and states always come from the file. */
#ifndef REG_SCRIPT_EXPORT_H
#define REG_SCRIPT_EXPORT_H

#include "lang/script/session.h"

typedef struct ExportRequest {
    const char *model;    /* the .safetensors file */
    bool has_script;      /* the session (check_only) has run one; false: the file's own text is run */
    const char *function; /* a model or function by name; NULL: there is only one */
    int64_t batch;        /* samples that one call evaluates; 0: not said, 1 */
    const char *output;   /* where the source will be; NULL: the function's name with .c */
} ExportRequest;

typedef struct Exported {
    const char *name; /* of the function; from the session's arena */
    const char *source_path, *header_path;
    Text source, header;
} Exported;

/* False after a diagnostic; nothing is written to files here. */
bool export_function(Session *session, const ExportRequest *request, Exported *out);

#endif
