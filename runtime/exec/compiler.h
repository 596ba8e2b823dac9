/* The system's C compiler, `cc` in PATH, for the texts of fused groups (fused_text.h). It is a process of its own, so that the caller
 * may go on meanwhile. Nothing here prints, and what goes wrong is a Fault. */
#ifndef REG_EXEC_COMPILER_H
#define REG_EXEC_COMPILER_H

#include "runtime/base/fault.h"
#include "runtime/base/text.h"

typedef struct Compilation Compilation;

typedef enum CompilerState { COMPILER_RUNS, COMPILER_DONE, COMPILER_FAILED } CompilerState;

/* Which compiler it would be: its path, size and time of change. False when there is none. */
bool compiler_identity(Text *out);
/* Starts on a text, for the instruction set of `level`. NULL with a fault. */
Compilation *compiler_start(const char *text, size_t length, int level, Fault *fault);
/* How far it is; `wait`: until it ends. COMPILER_FAILED fills the fault with the compiler's first message. */
CompilerState compiler_poll(Compilation *compilation, bool wait, Fault *fault);
/* The shared object of one that is done, freed by the caller; NULL with a fault. */
char *compiler_result(const Compilation *compilation, size_t *length, Fault *fault);
/* Ends one that runs, and removes its files. */
void compiler_free(Compilation *compilation);

#endif
