#include "lang/backend/c99_inside.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* Names and prototype --------------------------------------------------------------------------------------------------- */

static char *upper(C99 *c, const char *name) {
    char *text = arena_string(c->arena, name);
    for (char *at = text; *at; at++) *at = (char)toupper((unsigned char)*at);
    return text;
}

static const char *prototype(C99 *c, const char *const *names) {
    const C99Request *r = c->request;
    Text text = {0};
    text_addf(&text, "%s %s(", c->may_fail ? "int" : "void", c->name);
    for (int k = 0; k < r->input_count + r->output_count; k++) {
        bool is_input = k < r->input_count;
        const C99Argument *argument = is_input ? &r->inputs[k] : &r->outputs[k - r->input_count];
        text_addf(&text, "%s%s%s *%s", k ? ", " : "", is_input ? "const " : "", c99_type(c, argument->type.dtype), names[k]);
    }
    text_add(&text, ")");
    const char *kept = arena_string(c->arena, text_string(&text));
    text_free(&text);
    return kept;
}

/* Whether the text of the body has this name. */
static bool is_mentioned(const C99 *c, const char *name) {
    size_t length = strlen(name);
    for (const char *at = text_string(&c->body); (at = strstr(at, name)); at += length)
        if (!isalnum((unsigned char)at[length]) && at[length] != '_') return true;
    return false;
}

static void read_unused(C99 *c) {
    for (int k = 0; k < c->request->input_count; k++)
        if (!is_mentioned(c, c->own_arguments[k])) c99_line(c, "(void)%s;", c->own_arguments[k]);
}

/* The function ---------------------------------------------------------------------------------------------------------- */

static bool write_function(C99 *c) {
    const C99Request *r = c->request;
    const Cell **cells = arena_alloc(c->arena, sizeof *cells * (size_t)(r->input_count + 1));
    for (int k = 0; k < r->input_count; k++) cells[k] = r->inputs[k].cell;
    C99Frame frame = {.plan = r->program->plan, .cells = cells, .cell_names = c->own_arguments, .cell_count = r->input_count};
    c->depth = 1;
    if (!c99_plan(c, &frame)) return false;
    for (int k = 0; k < r->output_count; k++)
        c99_line(c, "for (long i = 0; i < %" PRId64 "; i++) %s[i] = %s[i];", shape_count(r->outputs[k].type.shape),
                 c->own_arguments[r->input_count + k], c99_buffer(c, &frame, frame.plan->outputs[k]));
    read_unused(c);
    if (c->may_fail) c99_line(c, "return 0;");
    return true;
}

/* The two texts --------------------------------------------------------------------------------------------------------- */

static void add_about(C99 *c, Text *out) {
    text_add(out, "/* ");
    for (const char *at = c->request->about; *at; at++) {
        /* what it says must not end the comment */
        text_add_bytes(out, at, 1);
        if (*at == '\n' && at[1]) text_add(out, " * ");
        if ((*at == '*' && at[1] == '/') || (*at == '/' && at[1] == '*')) text_add_char(out, ' ');
    }
}

static void write_header(C99 *c, Text *out) {
    const char *const *names = c->arguments;
    const C99Request *r = c->request;
    char *macro = upper(c, c->name), shape[SHAPE_TEXT];
    add_about(c, out);
    text_addf(out, " *\n * Memory: %zu bytes of constants, %zu bytes of static work memory, no allocation. Not reentrant.\n",
              c->value_bytes, c->work_bytes);
    if (c->adds)
        text_addf(out, " * Sums run in the order of the elements, in double; compile with -D%s_SUM=float to add in float.\n", macro);
    text_addf(out, " */\n#ifndef %s_H\n#define %s_H\n\n", macro, macro);
    if (c->uses_type[DTYPE_I64]) text_add(out, "#include <stdint.h>\n\n");
    for (int k = 0; k < r->input_count + r->output_count; k++) {
        Type type = k < r->input_count ? r->inputs[k].type : r->outputs[k - r->input_count].type;
        text_addf(out, "#define %s_%s_SIZE %" PRId64 " /* %s, row by row */\n", macro, upper(c, names[k]), shape_count(type.shape),
                  shape_text(type.shape, shape));
    }
    text_add(out, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n/* Reads");
    for (int k = 0; k < r->input_count; k++) text_addf(out, "%s %s", k ? "," : "", names[k]);
    text_add(out, r->input_count ? "; writes" : " nothing; writes");
    for (int k = 0; k < r->output_count; k++) text_addf(out, "%s %s", k ? "," : "", names[r->input_count + k]);
    text_add(out, c->may_fail ? ". Gives 0, or 1 when an index was out of range: then nothing was written. */\n" : ". */\n");
    text_addf(out, "%s;\n\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n", prototype(c, names));
}

static void write_source(C99 *c, Text *out) {
    char *macro = upper(c, c->name);
    add_about(c, out);
    text_addf(out, " */\n#include \"%s.h\"\n\n#include <math.h>\n\n", c->request->header);
    if (c->adds)
        text_addf(out, "#ifndef %s_SUM\n#define %s_SUM double /* what sums are taken in */\n#endif\ntypedef %s_SUM %s_sum;\n\n", macro,
                  macro, macro, c->name);
    c99_write_constants(c, out);
    if (c->arrays.length) text_addf(out, "\n%s", text_string(&c->arrays));
    if (c->line_sums) text_addf(out, "static %s_sum %s_line[%" PRId64 "];\n", c->name, c->name, c->line_sums);
    c99_write_helpers(c, out);
    text_addf(out, "\n%s {\n%s}\n", prototype(c, c->own_arguments), text_string(&c->body));
}

bool c99_write(const C99Request *request, Text *source, Text *header) {
    C99 c = {.request = request, .arena = arena_new(), .name = request->name};
    c99_name_arguments(&c);
    bool ok = write_function(&c);
    c.work_bytes += (size_t)c.line_sums * sizeof(double);
    if (ok) write_source(&c, source);
    if (ok) write_header(&c, header);
    text_free(&c.body);
    text_free(&c.arrays);
    list_free(&c.constants);
    arena_free(c.arena);
    return ok;
}
