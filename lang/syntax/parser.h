/* Text to tree. */
#ifndef REG_SYNTAX_PARSER_H
#define REG_SYNTAX_PARSER_H

#include "lang/syntax/diagnostics.h"
#include "lang/syntax/tree.h"

/* Parses source `file`. Errors are reported; what could be parsed is returned all the same. Trees live in `arena`.
 * `incomplete`, where given, is set when the first unexpected token was the end of input (the REPL then reads on). */
Script parse_script(Arena *arena, uint32_t file, Diagnostics *diagnostics, bool *incomplete);

/* A stable text form, one node a line, for `--dump=tree` and tests. */
void tree_dump(const Tree *tree, Text *out);

/* The canonical text of a script, comments kept (`reg fmt`). */
void format_script(const Script *script, const Source *source, Text *out);

#endif
