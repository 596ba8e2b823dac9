/* A place in a source text. Line and column are computed when a message prints. */
#ifndef REG_SYNTAX_SPAN_H
#define REG_SYNTAX_SPAN_H

#include <stdint.h>

typedef struct Span {
    uint32_t file;  /* index into the session's Sources; 0 is "no source" */
    uint32_t start; /* byte offset */
    uint32_t end;   /* one past the last byte */
} Span;

#endif
