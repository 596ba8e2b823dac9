/* Compiling without running, for `--dump` and for the kernels of `reg compile`. */
#include "lang/script/session.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

typedef LIST(Node *) Nodes;

/* What is known of a node of the session's graph, by its number. */
enum { UNSEEN, SEEN, PLANNED /* by an earlier statement: a run has its value by now */ };

static char *mark_of(Session *session, const Node *node) {
    while (session->planned.count <= (size_t)node->id) list_push(&session->planned, UNSEEN);
    return &session->planned.items[node->id];
}

static bool compile_only(Session *session, Node *const *nodes, int count, Span span) {
    Program *program = session_compile(session, session->graph, nodes, count, NULL, 0, span);
    if (program) program_free(program);
    return program != NULL;
}

/* Gives a node that earlier statements compute in a run a value without numbers; goes on behind every other. */
static void reach(Session *session, Node *node, Nodes *seen, Nodes *given) {
    char *mark = mark_of(session, node);
    if (node->materialised || *mark == SEEN) return;
    if (*mark == PLANNED) {
        node->materialised = cell_new("value", tensor_wrap(node->type.dtype, node->type.shape, NULL));
        list_push(given, node);
    } else {
        *mark = SEEN;
        list_push(seen, node);
    }
}

static bool compile_behind(Session *session, Node *const *nodes, int count, Span span) {
    Nodes seen = {0}, given = {0};
    for (int k = 0; k < count; k++) reach(session, nodes[k], &seen, &given);
    for (size_t k = 0; k < seen.count; k++)
        for (int i = 0; i < seen.items[k]->input_count; i++) reach(session, seen.items[k]->inputs[i], &seen, &given);
    bool ok = compile_only(session, nodes, count, span);
    for (size_t k = 0; k < given.count; k++) {
        cell_release(given.items[k]->materialised);
        given.items[k]->materialised = NULL;
    }
    for (size_t k = 0; k < seen.count; k++) *mark_of(session, seen.items[k]) = UNSEEN;
    for (int k = 0; k < count; k++) *mark_of(session, nodes[k]) = PLANNED;
    list_free(&seen);
    list_free(&given);
    return ok;
}

bool session_plan(Session *session, Node *const *nodes, int count, Span span) {
    if (!session->options.kernels) return compile_only(session, nodes, count, span);
    Node **needed = allocate(sizeof *needed * (size_t)count);
    int needed_count = 0;
    for (int k = 0; k < count; k++) {
        bool again = *mark_of(session, nodes[k]) == PLANNED;
        for (int j = 0; j < needed_count; j++) again = again || needed[j] == nodes[k];
        if (!again) needed[needed_count++] = nodes[k];
    }
    bool ok = !needed_count || compile_behind(session, needed, needed_count, span);
    free(needed);
    return ok;
}
