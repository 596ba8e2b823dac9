/* The statements of the top level; one function each, all: false if and only if a diagnostic was reported. */
#ifndef REG_SCRIPT_STATEMENTS_H
#define REG_SCRIPT_STATEMENTS_H

#include "lang/script/session.h"

bool statement_run(Session *session, const Tree *tree, Scope *scope);   /* dispatch: statements.c */
bool statement_imports(Session *session, const Script *script);         /* runs what the script imports */
bool statement_train(Session *session, const Tree *tree, Scope *scope); /* train.c */
bool statement_print(Session *session, const Tree *tree, Scope *scope); /* show.c */
bool statement_table(Session *session, const Tree *tree, Scope *scope);
bool statement_plot(Session *session, const Tree *tree, Scope *scope); /* plot.c */
bool statement_image(Session *session, const Tree *tree, Scope *scope);
bool statement_tune(Session *session, const Tree *tree, Scope *scope);    /* tune.c */
bool statement_save(Session *session, const Tree *tree, Scope *scope);    /* save.c */
bool statement_restore(Session *session, const Tree *tree, Scope *scope); /* restore.c */
bool statement_report(Session *session, const Tree *tree, Scope *scope);
bool statement_expect(Session *session, const Tree *tree, Scope *scope); /* expect.c: shows both sides when false */
/* Computes the tensors in a value, all in one program; under check_only only shows them as options.dump asks for. */
bool statement_compute(Session *session, Value value, Span span);
/* Prints a value as `print` does (with golden-friendly numbers). */
bool show_value(Session *session, Value value);

#endif
