/* Graph to plan: the list of passes, the verifier after each, and the dumps. */
#ifndef REG_PASSES_COMPILE_H
#define REG_PASSES_COMPILE_H

#include "lang/graph/graph.h"

/* A value written to a cell when the step commits: `t <- value`. The value has the cell's type. */
typedef struct Commit {
    Cell *cell;
    Node *value;
} Commit;

typedef struct CompileOptions {
    bool verify;       /* run the verifier after each pass */
    bool skip_folding; /* leave constant subgraphs as they are: set while they are being computed */
    bool skip_fusion;  /* one op per step, for comparisons in tests */
    bool skip_rows;    /* no blocks of rows: set inside of them */
    bool portable;     /* plain ops only, none that were made for a kernel of the runtime: what is exported (backend/c99.h) */
} CompileOptions;

/* What was planned, for `reg explain`, `reg graph` and messages. */
typedef struct Program {
    Plan *plan;
    Span *step_spans; /* source text of each plan step */
    char **step_labels;
    int step_count;
} Program;

/* Compiles what `outputs` and `commits` need. The source graph is read only (materialised nodes become leaves); passes work on a
 * copy. Commits run after everything else, all reading the values from before the step; a scatter_set or elementwise update
 * of a cell's own leaf is done in place. NULL after a diagnostic. */
Program *compile_graph(const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count,
                       const CompileOptions *options, Diagnostics *diagnostics);
void program_free(Program *program);

/* What the compiler sees, as stable text. Stages: "graph" as extracted, "simplified", "fused" (the tasks), "plan". */
bool compile_dump(const Graph *graph, Node *const *outputs, int output_count, const Commit *commits, int commit_count, const char *stage,
                  Diagnostics *diagnostics, Text *out);

#endif
