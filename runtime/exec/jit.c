#include "runtime/exec/jit.h"

#include "runtime/base/memory.h"
#include "runtime/exec/compiler.h"
#include "runtime/exec/fused_text.h"
#include "runtime/exec/kernel_cache.h"
#include "runtime/exec/loop.h"
#include "runtime/exec/object.h"
#include "runtime/exec/rows.h"

#include <stdlib.h>
#include <string.h>

/* Seconds that a plan has run before the cache is asked, and before the compiler is started, and between two looks at it. Writing the
 * text of a step takes a fraction of a millisecond, compiling it a fraction of a second on a core that the run would like to have. */
static const double LOOK_AFTER = 0.05, COMPILE_AFTER = 1, POLL_EVERY = 0.02;

struct Jit {
    JitMode mode;
    void (*say)(void *context, const char *message);
    void *context;
    bool has_said;
    LIST(Object) objects;
};

typedef enum Stage { STAGE_INTERPRETED, STAGE_LOOKED, STAGE_COMPILING, STAGE_SETTLED } Stage;

/* How far a plan is. */
struct PlanCode {
    Jit *jit;
    Plan *plan;
    Stage stage;
    double seconds, next; /* that it has run; at which something is to be done */
    Hash key;             /* of the kernels that are being compiled */
    Compilation *compilation;
};

/* Segments ----------------------------------------------------------------------------------------------------------- */

typedef void Visit(void *context, FusedProgram *program, FusedSegment *segment);

static void visit_plan(Plan *plan, Visit *visit, void *context) {
    for (int s = 0; plan != NULL && s < plan->step_count; s++) {
        const PlanStep *step = &plan->steps[s];
        if (step->loop != NULL) {
            visit_plan(step->loop->condition, visit, context);
            visit_plan(step->loop->body, visit, context);
        }
        for (int k = 0; step->rows != NULL && rows_body(step->rows, k) != NULL; k++) visit_plan(rows_body(step->rows, k), visit, context);
        FusedProgram *program = step->fused != NULL ? plan_fused_program(plan, s) : NULL;
        if (program == NULL) continue;
        int count;
        FusedSegment *segments = fused_segments(program, step->fused, plan->buffers, &count);
        for (int k = 0; k < count; k++) visit(context, program, &segments[k]);
    }
}

static FusedFunction *find_function(const Jit *jit, const char *name) {
    for (size_t k = jit->objects.count; k-- > 0;) {
        void *function = object_find(&jit->objects.items[k], name);
        if (function != NULL) return (FusedFunction *)function;
    }
    return NULL;
}

static void use_function(void *context, FusedProgram *program, FusedSegment *segment) {
    FusedFunction *function = segment->function == NULL ? find_function(context, segment->name) : NULL;
    if (function != NULL) fused_use(program, segment, function);
}

typedef struct Writer {
    Text *out;
    LIST(const char *) names; /* written already */
} Writer;

static void write_segment(void *context, FusedProgram *program, FusedSegment *segment) {
    Writer *writer = context;
    (void)program;
    if (segment->function != NULL) return;
    for (size_t k = 0; k < writer->names.count; k++)
        if (strcmp(writer->names.items[k], segment->name) == 0) return;
    list_push(&writer->names, segment->name);
    text_add(writer->out, segment->text);
}

bool jit_plan_text(Plan *plan, Text *out) {
    Writer writer = {.out = out};
    size_t before = out->length;
    visit_plan(plan, write_segment, &writer);
    list_free(&writer.names);
    return out->length > before;
}

/* One plan ----------------------------------------------------------------------------------------------------------- */

static void say(Jit *jit, const char *message) {
    if (jit->mode == JIT_ON && !jit->has_said) jit->say(jit->context, message);
    jit->has_said = true;
}

static void settle(PlanCode *code) {
    compiler_free(code->compilation);
    code->compilation = NULL;
    code->stage = STAGE_SETTLED;
}

static void give_up(PlanCode *code, const Fault *fault) {
    say(code->jit, fault->message);
    settle(code);
}

static bool load(PlanCode *code, const char *bytes, size_t length, Fault *fault) {
    if (!jit_add_object(code->jit, bytes, length, fault)) return false;
    visit_plan(code->plan, use_function, code->jit);
    settle(code);
    return true;
}

/* All that the kernels depend on. */
static Hash key_of(const Text *text, int level) {
    Text compiler = {0};
    compiler_identity(&compiler);
    for (const char *const *flag = fused_text_flags; *flag != NULL; flag++) text_addf(&compiler, " %s", *flag);
    text_addf(&compiler, " level %d", level);
    Hash key = hash_add(hash_start(), compiler.bytes, compiler.length);
    key = hash_add(key, text->bytes, text->length);
    text_free(&compiler);
    return key;
}

/* What is known already, then what the cache holds; `text` is what would have to be compiled. False when the plan is settled. */
static bool look(PlanCode *code, Text *text) {
    visit_plan(code->plan, use_function, code->jit);
    fused_text_prelude(text);
    Fault fault = {0};
    size_t length;
    if (!jit_plan_text(code->plan, text)) settle(code);
    else {
        code->key = key_of(text, elementwise_level());
        char *bytes = kernel_cache_read(code->key, &length);
        if (bytes != NULL) load(code, bytes, length, &fault); /* if it does not load it will be compiled */
        free(bytes);
    }
    return code->stage != STAGE_SETTLED;
}

static void start(PlanCode *code, const Text *text) {
    Fault fault = {0};
    code->compilation = compiler_start(text->bytes, text->length, elementwise_level(), &fault);
    code->stage = STAGE_COMPILING;
    if (code->compilation == NULL) give_up(code, &fault);
}

static void finish(PlanCode *code, bool wait) {
    Fault fault = {0};
    size_t length;
    CompilerState state = compiler_poll(code->compilation, wait, &fault);
    if (state == COMPILER_RUNS) return;
    char *bytes = state == COMPILER_DONE ? compiler_result(code->compilation, &length, &fault) : NULL;
    if (bytes == NULL || !load(code, bytes, length, &fault)) give_up(code, &fault);
    else kernel_cache_write(code->key, bytes, length);
    free(bytes);
}

static void compile_now(PlanCode *code) {
    Text text = {0};
    if (look(code, &text)) start(code, &text);
    if (code->stage == STAGE_COMPILING) finish(code, true);
    text_free(&text);
}

static void advance(PlanCode *code) {
    Text text = {0};
    bool is_open = code->stage == STAGE_COMPILING || look(code, &text);
    if (is_open && code->stage == STAGE_COMPILING) finish(code, false);
    else if (is_open && code->stage == STAGE_LOOKED) start(code, &text);
    else if (is_open) code->stage = STAGE_LOOKED;
    code->next = code->stage == STAGE_LOOKED ? COMPILE_AFTER : code->seconds + POLL_EVERY;
    text_free(&text);
}

void jit_plan_ran(PlanCode *code, double seconds) {
    code->seconds += seconds;
    if (code->stage != STAGE_SETTLED && code->seconds >= code->next) advance(code);
}

bool jit_plan_is_settled(const PlanCode *code) { return code->stage == STAGE_SETTLED; }

void jit_plan_free(PlanCode *code) {
    if (code == NULL) return;
    settle(code);
    free(code);
}

/* All plans ---------------------------------------------------------------------------------------------------------- */

Jit *jit_new(JitMode mode, void (*say_line)(void *context, const char *message), void *context) {
    Jit *jit = allocate(sizeof *jit);
    *jit = (Jit){.mode = mode, .say = say_line, .context = context};
    return jit;
}

void jit_free(Jit *jit) {
    if (jit == NULL) return;
    for (size_t k = 0; k < jit->objects.count; k++) object_unload(&jit->objects.items[k]);
    list_free(&jit->objects);
    free(jit);
}

bool jit_add_object(Jit *jit, const char *bytes, size_t length, Fault *fault) {
    Object object;
    if (!object_load(&object, bytes, length, fault)) return false;
    list_push(&jit->objects, object);
    return true;
}

/* Also the plans inside: one of a loop may run long while the plan around it has not run once. */
static void attach(Jit *jit, Plan *plan) {
    if (plan == NULL || plan->code != NULL) return;
    plan->code = allocate(sizeof *plan->code);
    *plan->code = (PlanCode){.jit = jit, .plan = plan, .next = LOOK_AFTER};
    for (int s = 0; s < plan->step_count; s++) {
        if (plan->steps[s].loop == NULL) continue;
        attach(jit, plan->steps[s].loop->condition);
        attach(jit, plan->steps[s].loop->body);
    }
}

void jit_attach(Jit *jit, Plan *plan) {
    if (jit == NULL || jit->mode == JIT_OFF || plan->code != NULL) return;
    attach(jit, plan);
    if (jit->mode == JIT_ON) compile_now(plan->code);
    else if (jit->objects.count > 0) visit_plan(plan, use_function, jit);
}
