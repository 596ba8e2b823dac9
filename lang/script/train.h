/* A train block, read: what each clause said, evaluated once. From it one step graph per `minimize` is built (train_step.c) and
 * run (train_run.c). */
#ifndef REG_SCRIPT_TRAIN_H
#define REG_SCRIPT_TRAIN_H

#include "lang/script/session.h"
#include "runtime/train/batches.h"

/* A split that the block draws from. */
typedef struct Stream {
    const char *name; /* how the block calls it when there are several */
    Value split;
    const Tree *tree;
    int64_t sample_count, batch_size;
    Batches *batches; /* NULL: all samples every step */
    Cell *index;      /* i64 [batch] */
    bool is_draw;     /* `draw NAME from SPLIT batch N` */
    bool is_own;      /* of one `minimize … on SPLIT` alone */
} Stream;

/* A method or optimizer with what it acts on. */
typedef struct MethodUse {
    Instance *method;
    const Tree *selector; /* NULL: everything that is trained */
    Selection *selection; /* resolved once the parameters exist */
    Span span;
} MethodUse;

/* Random sites of a pass; the top level keeps its own meanwhile. */
typedef struct Sites {
    RandomSite *items;
    int count, capacity;
} Sites;

typedef struct ShownTerm {
    const char *name;
    int output; /* number of the program's output */
    Span span;
} ShownTerm;

/* One `minimize`: what it changes, when, and its compiled step. */
typedef struct Objective {
    const Tree *tree;
    MethodUse optimizer; /* of its own; method NULL: the block's */
    Selection *trained;
    int stream;           /* of its own data, -1: the block's */
    int64_t every, after; /* steps */
    Program *program;
    ShownTerm *terms;
    int term_count, term_capacity;
    Sites sites;         /* random sites in its step */
    const char *passes;  /* how often it applies each model, as text */
    int gradient_output; /* a number that is finite as long as every gradient is */
} Objective;

/* `watch`, `log`, `keep best`, `stop when`: values computed now and then. */
typedef enum WatchKind { WATCH_SHOW, WATCH_LOG, WATCH_KEEP, WATCH_STOP } WatchKind;
typedef struct Watch {
    WatchKind kind;
    const char *name;
    const Tree *value;
    Value split; /* NONE: the block's data */
    int64_t every;
    bool highest; /* WATCH_KEEP */
    Program *program;
    double last;
    Cell *cell; /* the latest value, for `stop when` */
    Span span;
} Watch;

/* `every …` and `at …` of the block and of its methods: state changes between steps. */
typedef struct Event {
    const Tree *tree;  /* BLOCK */
    Instance *method;  /* NULL: of the block */
    int64_t every, at; /* steps; the other is 0 */
    Program *program;
} Event;

typedef struct Train {
    Session *session;
    Elaborator *e;
    const Tree *tree;
    Scope *scope; /* of the block */
    Value *targets;
    int target_count;
    Stream *streams;
    int stream_count, stream_capacity;
    int64_t total_steps, steps_per_epoch, first_step;
    const Tree *batch;
    bool batch_all;
    uint64_t seed;
    MethodUse *methods;
    int method_count;
    MethodUse *optimizers;
    int optimizer_count;
    Objective *objectives;
    int objective_count;
    const Objective *building; /* whose step is under construction; NULL: none */
    Watch *watches;
    int watch_count;
    Event *events;
    int event_count;
    const char *checkpoint_path;
    int64_t checkpoint_every;
    Clock clock;
    Cell *step, *epoch, *progress, *key;
    Sites outer_sites;
    Selection *parameters; /* everything the block may train */
    SolveList solves;      /* of the objective under construction */
    TensorTable best;      /* copies of the parameters at the best value so far */
    double best_value;
    int64_t best_step;
    bool has_best;
} Train;

/* Clauses (train_clauses.c). */
bool train_read(Train *train);
void train_free(Train *train);
int64_t train_steps_of(Train *train, const Tree *quantity, bool *ok); /* a duration in steps, at least 1 */

/* What a step gives besides its commits: terms, and the sum of the gradients. */
typedef struct Outputs {
    Node *items[64];
    int count;
} Outputs;

/* Terms (train_terms.c): the sum of all, penalties of methods included; what is shown of them goes to `outputs`. */
Node *objective_terms(Train *train, Objective *objective, Scope *scope, Outputs *outputs);
Node *term_node(Train *train, const Tree *term, Scope *scope, Node **raw); /* one; `raw`: without its weight, NULL when it has none */
bool block_lets(Train *train, Scope *scope);                               /* `let` and `<-` lines of the block, in order */

/* Step graphs (train_step.c). */
bool train_build(Train *train); /* all objectives, watches and events */
/* An objective once more, one op a step, to find where a value went wrong. NULL: it cannot be built. */
Program *train_build_apart(Train *train, const Objective *objective);
/* Batch fields (or the whole arrays) of the block's data, or of the objective's own. */
bool train_bind_fields(Train *train, const Objective *objective, Scope *scope, bool whole);
/* For watches: `output`, `target` and the terms of the first `minimize`; with gradient `w` and `g`, all that it trains and the
 * gradient that the optimizer is given, each as one vector. */
bool train_bind_terms(Train *train, Scope *scope, bool with_gradient);
void train_begin_pass(Train *train, Graph *graph, bool training);
void train_end_pass(Train *train);
bool train_compile_watch(Train *train, Watch *watch); /* train_watch.c */
bool train_run_watches(Train *train, int64_t step, void *progress, bool *stop);
bool train_restore_best(Train *train);
bool train_foresee(Train *train);     /* which `minimize` each method concerns, before methods are built */
bool train_resolve(Train *train);     /* selectors and weight views, once parameters exist */
bool train_check_tuned(Train *train); /* hyper-parameters have data of their own (tune.c) */
bool train_build_event(Train *train, Event *event);

/* The pipeline of one step (train_hooks.c): each adds to the graph under construction. */
Node *hooks_sample(Train *train, Node *index, Scope *scope);
bool hooks_augment(Train *train, Scope *scope);
bool hooks_penalty(Train *train, const MethodUse *use, Scope *scope, Node **sum); /* NULL stays when it has none */
Node *hooks_gradient(Train *train, Member *member, Node *raw, Node *gradient, Scope *scope);
Node *hooks_project(Train *train, Member *member, Node *w, Scope *scope);
const MethodUse *optimizer_for(Train *train, Objective *objective, Member *member); /* NULL: none */
/* Optimizers over one vector (train_flat.c). */
bool is_flat(const MethodUse *use);
void flat_bind_count(Train *train, Objective *objective, const MethodUse *use, Scope *scope);
bool flat_update(Train *train, Objective *objective, const MethodUse *use, Node *const *raw, Node *const *gradients, Scope *scope);
Node *hooks_update(Train *train, Objective *objective, Member *member, Node *raw, Node *gradient, Scope *scope);
bool method_acts_on(const MethodUse *use, const Member *member);
bool method_concerns(const MethodUse *use, const Objective *objective); /* objective NULL: always */
bool hook_acts_on(const MethodUse *use, const Member *member);

/* The text whose value is the first that is not finite in the step at hand (train_blame.c). */
Span train_blame(Train *train, const Objective *objective, Span otherwise);

/* Checkpoints (train_checkpoint.c): parameters, states, optimizer states and the clock, written atomically. */
bool train_checkpoint(Train *train, int64_t step);
bool train_resume(Train *train); /* sets first_step when the file exists and fits this block */

/* What the step does, in words (train_explain.c). */
void train_explain(Train *train);

/* The loop (train_run.c). */
bool train_run(Train *train);

#endif
