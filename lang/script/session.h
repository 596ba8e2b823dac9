/* A session: everything one script or one REPL conversation knows. Two sessions never meet.
 *
 * Statements are actions on a session: each builds a graph, compiles it, runs it, and keeps what it defined. A statement that
 * fails reports diagnostics and leaves the session as it was. */
#ifndef REG_SCRIPT_SESSION_H
#define REG_SCRIPT_SESSION_H

#include "lang/elaborate/elaborate.h"
#include "lang/names/names.h"
#include "lang/passes/compile.h"
#include "runtime/base/bundle.h"
#include "runtime/exec/jit.h"
#include "runtime/exec/kernel_set.h"
#include "runtime/exec/profile.h"
#include "runtime/plot/page.h"
#include "runtime/train/runlog.h"

#include <signal.h>

/* Where output goes: the driver prints, tests and embedders capture. */
typedef struct SessionOutput {
    void *context;
    void (*write)(void *context, const char *text, size_t length); /* results */
    void (*note)(void *context, const char *text, size_t length);  /* progress, diagnostics */
    bool note_is_terminal;
    int columns;
} SessionOutput;

typedef struct Override { /* --set name=value */
    const char *name, *value;
    bool is_used;
} Override;

typedef struct SessionOptions {
    int threads;     /* 0: all cores */
    JitMode jit;     /* when fused groups are compiled */
    bool check_only; /* names, shapes, clauses; no numbers */
    bool explain;    /* say what each train block's step does (with check_only: instead of training) */
    bool verify;     /* the verifier after each pass */
    bool apart;      /* one op a step: values can be looked at one by one */
    bool quiet;      /* no progress */
    bool colour;
    bool interactive;     /* expressions print, Ctrl-C stops a run and keeps what was learned */
    const Bundle *bundle; /* a compiled program's: imports are read from it; NULL: from files */
    bool profile;         /* measure what every step of every plan takes */
    KernelSet *kernels;   /* with check_only: the kernels of all that would run are added to it; NULL: they are not */
    const char *dump;     /* a stage of compile_dump: everything that is compiled is shown so; NULL: nothing is */
    Override *overrides;
    int override_count;
} SessionOptions;

/* A free variable of `var z: … ~ …`. */
typedef struct Variable {
    const char *name;
    Member *member;
} Variable;

/* A checkpoint file and the train block that it belongs to. */
typedef struct CheckpointFile {
    const char *path;
    const Tree *block;
    Span span;
} CheckpointFile;

typedef struct Session {
    Arena *arena;
    Sources sources;
    Diagnostics diagnostics;
    Elaborator elaborator;
    Graph *graph; /* of the top level: lives as long as the session */
    Threads *threads;
    Jit *jit;
    SessionOutput output;
    SessionOptions options;
    Variable *variables;
    int variable_count, variable_capacity;
    RunLog *log;      /* series of all train blocks, for plots */
    Profile *profile; /* NULL: nobody asked */
    Page *page;       /* tables and plots so far, for `report` */
    /* Set by the driver's signal handler: a training stops after its step and keeps what it learned; everything else stops at once. */
    volatile sig_atomic_t interrupted, abandoned;
    volatile sig_atomic_t is_stepping; /* a training is between its first step and its last */
    int expectations, failed_expectations;
    const char *directory; /* of the script: imports resolve against it */
    const char **imports;
    int import_count;
    CheckpointFile *checkpoints;
    int checkpoint_count;
    LIST(char) planned; /* by number of a node (session_plan.c) */
    int statement;      /* number of the statement that runs, for names of anonymous things */
} Session;

Session *session_new(SessionOptions options, SessionOutput output);
void session_free(Session *session);

void session_set_directory(Session *session, const char *path); /* imports resolve against the folder of the script at `path` */
/* Runs a source text: parse, check all names, then statement by statement until one fails. True when nothing was reported.
 * Diagnostics are left in session->diagnostics; session_report prints and clears them. */
bool session_run(Session *session, const char *path, const char *text, size_t length);
void session_report(Session *session);
/* Ctrl-C, from a signal handler. True when a training goes on to the end of its step, false when all stops now. */
bool session_interrupt(Session *session);
/* The two halves of it, for who runs statement by statement or asks first whether the input is `incomplete` (NULL allowed). */
bool session_read(Session *session, const char *path, const char *text, size_t length, Script *script, bool *incomplete);
bool session_run_script(Session *session, const Script *script);

/* The one way to a program: compiles, and writes the stage that options.dump asks for below the first line of `span`. NULL after a diagnostic. */
Program *session_compile(Session *session, const Graph *graph, Node *const *outputs, int output_count, const Commit *commits,
                         int commit_count, Span span);

/* plan_prepare with the session's threads and compiled kernels. */
bool session_prepare(Session *session, Plan *plan, Fault *fault);

/* The tensor of a node of the session's graph; computed and kept on the node. Borrowed; NULL after a diagnostic. */
Tensor *session_evaluate(Session *session, Node *node, Span span);
/* Several nodes in one compiled graph (a table's cells, an expectation's sides). */
bool session_evaluate_all(Session *session, Node *const *nodes, int count, Span span);
/* For the profile, around the writing of a file. */
double session_clock(const Session *session);
void session_wrote(Session *session, double start);

/* Compiles them without running, for options.dump and options.kernels under check_only. */
bool session_plan(Session *session, Node *const *nodes, int count, Span span);

/* Text output. */
void session_write(Session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
void session_write_text(Session *session, const Text *text);
void session_note(Session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
void session_done(Session *session, const char *format, ...) __attribute__((format(printf, 2, 3))); /* what went well: not when quiet */

/* What is known outside a script: built-ins, the standard library, what the session has defined. */
NameSource session_names(Session *session);

Variable *session_variable(Session *session, const char *name);

#endif
