#include "runtime/data/csv.h"

#include "runtime/base/memory.h"
#include "runtime/base/width.h"
#include "runtime/data/gzip.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The whole text is cut into cells in place: quotes are undone, and every cell ends in a NUL. */
typedef struct Grid {
    LIST(char *) cells; /* row by row */
    LIST(size_t) lines; /* where each row begins */
    size_t columns;     /* cells of the first record */
    size_t rows;
    size_t header_line;
} Grid;

/* What the columns become, and where they are from. */
typedef struct Reading {
    const char *subject;
    DType float_type;
    bool finite;
    Fault *fault;
} Reading;

typedef struct Scanner {
    char *at, *end;
    char separator;
    size_t line;
    const char *subject;
    Fault *fault;
} Scanner;

/* The most frequent of the usual separators in the first line, outside quotes. */
static char find_separator(const char *text, const char *end) {
    size_t commas = 0, semicolons = 0, tabs = 0;
    bool quoted = false;
    for (; text < end && (quoted || (*text != '\n' && *text != '\r')); text++) {
        quoted ^= *text == '"';
        commas += !quoted && *text == ',';
        semicolons += !quoted && *text == ';';
        tabs += !quoted && *text == '\t';
    }
    if (semicolons > commas && semicolons >= tabs) return ';';
    return tabs > commas ? '\t' : ',';
}

static bool at_break(const Scanner *scanner) {
    return scanner->at == scanner->end || *scanner->at == '\n' || *scanner->at == '\r' || *scanner->at == scanner->separator;
}

static bool is_blank(const Scanner *scanner, char c) { return (c == ' ' || c == '\t') && c != scanner->separator; }

/* A quoted cell; doubled quotes inside become one. Leaves `at` on the break after it; `*last` is the end of the content. */
static bool scan_quoted(Scanner *scanner, char **content, char **last) {
    size_t opened = scanner->line;
    char *write = ++scanner->at;
    *content = write;
    for (;; scanner->at++) {
        if (scanner->at == scanner->end)
            return fault_set(scanner->fault, "cannot read %s: the quote opened in line %zu is never closed", scanner->subject, opened);
        if (*scanner->at == '"') {
            if (scanner->at + 1 == scanner->end || scanner->at[1] != '"') break;
            scanner->at++;
        }
        scanner->line += *scanner->at == '\n';
        *write++ = *scanner->at;
    }
    scanner->at++;
    while (scanner->at < scanner->end && is_blank(scanner, *scanner->at)) scanner->at++;
    if (!at_break(scanner))
        return fault_set(scanner->fault, "cannot read %s: in line %zu there is text after a closing quote", scanner->subject,
                         scanner->line);
    *last = write;
    return true;
}

static bool scan_cell(Scanner *scanner, char **content, char **last) {
    while (scanner->at < scanner->end && is_blank(scanner, *scanner->at)) scanner->at++;
    if (scanner->at < scanner->end && *scanner->at == '"') return scan_quoted(scanner, content, last);
    *content = scanner->at;
    while (!at_break(scanner)) scanner->at++;
    *last = scanner->at;
    while (*last > *content && is_blank(scanner, (*last)[-1])) (*last)--;
    return true;
}

/* One record into the grid; `*count` is how many cells it had. The cell's terminator is written only after the break
 * character has been looked at, since it may overwrite it. */
static bool scan_record(Scanner *scanner, Grid *grid, size_t *count) {
    *count = 0;
    for (;;) {
        char *content = NULL, *last = NULL;
        if (!scan_cell(scanner, &content, &last)) return false;
        char ended_by = scanner->at < scanner->end ? *scanner->at : '\n';
        if (ended_by == '\r' && scanner->at + 1 < scanner->end && scanner->at[1] == '\n') scanner->at++;
        if (scanner->at < scanner->end) scanner->at++;
        *last = '\0';
        list_push(&grid->cells, content);
        ++*count;
        if (ended_by != scanner->separator) return true;
    }
}

static bool fault_ragged(const Scanner *scanner, const Grid *grid, size_t line, size_t count) {
    return fault_set(scanner->fault, "cannot read %s: line %zu has %zu cell%s where line %zu has %zu", scanner->subject, line, count,
                     count == 1 ? "" : "s", grid->header_line, grid->columns);
}

static bool scan_grid(Scanner *scanner, Grid *grid) {
    while (scanner->at < scanner->end) {
        size_t line = scanner->line, count;
        bool comment = *scanner->at == '#' && grid->rows == 0;
        if (comment || *scanner->at == '\n' || *scanner->at == '\r') { /* leading remarks and empty lines */
            while (scanner->at < scanner->end && *scanner->at != '\n' && *scanner->at != '\r') scanner->at++;
            scanner->at += scanner->at + 1 < scanner->end && scanner->at[0] == '\r' && scanner->at[1] == '\n';
            scanner->at += scanner->at < scanner->end;
            scanner->line++;
            continue;
        }
        if (grid->rows == 0) scanner->separator = find_separator(scanner->at, scanner->end);
        if (!scan_record(scanner, grid, &count)) return false;
        list_push(&grid->lines, line);
        scanner->line++;
        if (grid->rows++ == 0) {
            grid->columns = count;
            grid->header_line = line;
        } else if (count != grid->columns) {
            return fault_ragged(scanner, grid, line, count);
        }
    }
    return grid->rows > 0 || fault_set(scanner->fault, "cannot read %s: it is empty", scanner->subject);
}

static bool is_missing(const char *cell) {
    static const char *const texts[] = {"", "NA", "N/A", "null", "NULL", "?"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(cell, texts[i]) == 0) return true;
    return false;
}

/* Decimal numbers, infinities and nan, not the hexadecimal ones that strtod would take. */
static bool parse_number(const char *cell, double *value) {
    size_t length = strspn(cell, "0123456789+-.eE");
    const char *unsigned_text = cell + (*cell == '+' || *cell == '-');
    bool word = strcasecmp(unsigned_text, "inf") == 0 || strcasecmp(unsigned_text, "infinity") == 0 ||
                strcasecmp(unsigned_text, "nan") == 0;
    if (!*cell || (cell[length] && !word)) return false;
    char *end;
    *value = strtod(cell, &end);
    return *end == '\0';
}

static bool parse_whole(const char *cell, int64_t *value) {
    const char *digits = cell + (*cell == '+' || *cell == '-');
    if (!*digits || digits[strspn(digits, "0123456789")]) return false;
    errno = 0;
    *value = strtoll(cell, NULL, 10);
    return errno == 0;
}

typedef enum ColumnKind { COLUMN_WHOLE, COLUMN_NUMBER, COLUMN_TEXT } ColumnKind;

static const char *cell_at(const Grid *grid, size_t row, size_t column) { return grid->cells.items[row * grid->columns + column]; }

static ColumnKind column_kind(const Grid *grid, size_t first_row, size_t column) {
    ColumnKind kind = COLUMN_WHOLE;
    int64_t whole;
    double number;
    for (size_t row = first_row; row < grid->rows; row++) {
        const char *cell = cell_at(grid, row, column);
        if (kind == COLUMN_WHOLE && parse_whole(cell, &whole)) continue;
        kind = COLUMN_NUMBER;
        if (!is_missing(cell) && !parse_number(cell, &number)) return COLUMN_TEXT;
    }
    return kind;
}

static bool fault_not_finite(const Reading *reading, size_t line, const char *name, const char *cell) {
    fault_set(reading->fault, "cannot read %s: '%s' in line %zu, column '%s', is not a finite number", reading->subject, cell, line, name);
    return fault_help(reading->fault, "an empty cell says that a value is missing; load(..., finite = false) takes numbers as they are");
}

static bool fill_numbers(const Grid *grid, size_t first_row, size_t column, const char *name, const Reading *reading, Tensor *out) {
    for (size_t row = first_row; row < grid->rows; row++) {
        const char *cell = cell_at(grid, row, column);
        int64_t at = (int64_t)(row - first_row);
        double value = 0.0;
        if (out->dtype == DTYPE_I64) {
            parse_whole(cell, &tensor_i64(out)[at]);
            continue;
        }
        bool is_number = parse_number(cell, &value);
        tensor_set_number(out, at, is_number ? value : (double)__builtin_nanf(""));
        if (is_number && reading->finite && !isfinite(tensor_number(out, at)))
            return fault_not_finite(reading, grid->lines.items[row], name, cell);
    }
    return true;
}

static int compare_texts(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static void fill_codes(const Grid *grid, size_t first_row, size_t column, Tensor *out, NameList *names) {
    size_t count = grid->rows - first_row, distinct = 0;
    const char **sorted = allocate(count * sizeof *sorted);
    for (size_t i = 0; i < count; i++) sorted[i] = cell_at(grid, first_row + i, column);
    qsort(sorted, count, sizeof *sorted, compare_texts);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || strcmp(sorted[i], sorted[distinct - 1]) != 0) sorted[distinct++] = sorted[i];
    for (size_t i = 0; i < count; i++) {
        const char *cell = cell_at(grid, first_row + i, column);
        const char **found = bsearch(&cell, sorted, distinct, sizeof *sorted, compare_texts);
        tensor_i64(out)[i] = found - sorted;
    }
    for (size_t i = 0; i < distinct; i++) names_add(names, sorted[i]);
    free(sorted);
}

static bool has_header(const Grid *grid) {
    double number;
    for (size_t column = 0; column < grid->columns; column++)
        if (parse_number(cell_at(grid, 0, column), &number)) return false;
    return true;
}

static bool add_columns(const Grid *grid, const Reading *reading, TensorTable *columns, CategoryTable *categories) {
    const char *subject = reading->subject;
    Fault *fault = reading->fault;
    size_t first_row = has_header(grid) ? 1 : 0;
    if (grid->rows == first_row) return fault_set(fault, "cannot read %s: it has a header but no rows", subject);
    for (size_t column = 0; column < grid->columns; column++) {
        char numbered[32];
        snprintf(numbered, sizeof numbered, "column_%zu", column + 1);
        const char *name = first_row && *cell_at(grid, 0, column) ? cell_at(grid, 0, column) : numbered;
        if (table_find(columns, name)) return fault_set(fault, "cannot read %s: two columns have the name '%s'", subject, name);
        ColumnKind kind = column_kind(grid, first_row, column);
        Tensor *tensor = tensor_new(kind == COLUMN_NUMBER ? reading->float_type : DTYPE_I64, shape_1((int64_t)(grid->rows - first_row)),
                                    fault);
        if (!tensor) return false;
        table_add(columns, name, tensor);
        if (kind == COLUMN_TEXT) fill_codes(grid, first_row, column, tensor, category_add(categories, name));
        else if (!fill_numbers(grid, first_row, column, name, reading, tensor)) return false;
    }
    return true;
}

/* The number of the first line with bytes that are not UTF-8, 0 when there is none. */
static size_t find_foreign_line(const char *text) {
    size_t line = 1;
    while (*text) {
        line += *text == '\n' || (*text == '\r' && text[1] != '\n');
        const char *before = text;
        if ((unsigned char)*text < 0x80) text++;
        else if (utf8_next(&text) == 0xFFFD && memcmp(before, "\xEF\xBF\xBD", 3) != 0) return line;
    }
    return 0;
}

static bool fault_foreign(size_t line, const char *subject, Fault *fault) {
    fault_set(fault, "cannot read %s: line %zu is not UTF-8 text", subject, line);
    return fault_help(fault, "save it as UTF-8, for example with iconv -f latin1 -t utf-8");
}

bool csv_parse(char *text, size_t length, const char *subject, DType float_type, bool finite, TensorTable *columns,
               CategoryTable *categories, Fault *fault) {
    if (memchr(text, '\0', length)) return fault_set(fault, "cannot read %s: it is not text, there is a zero byte in it", subject);
    if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* the byte order mark that spreadsheets write */
        text += 3;
        length -= 3;
    }
    size_t foreign = find_foreign_line(text);
    if (foreign) return fault_foreign(foreign, subject, fault);
    Scanner scanner = {.at = text, .end = text + length, .separator = ',', .line = 1, .subject = subject, .fault = fault};
    Grid grid = {0};
    Reading reading = {subject, float_type, finite, fault};
    bool read = scan_grid(&scanner, &grid) && add_columns(&grid, &reading, columns, categories);
    list_free(&grid.cells);
    list_free(&grid.lines);
    return read;
}

bool csv_read(const char *path, DType float_type, bool finite, TensorTable *columns, CategoryTable *categories, Fault *fault) {
    size_t length;
    char *text = gzip_file_read(path, &length, fault);
    if (!text) return false;
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", path);
    bool read = csv_parse(text, length, subject, float_type, finite, columns, categories, fault);
    free(text);
    return read;
}
