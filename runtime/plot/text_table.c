#include "runtime/plot/text_table.h"

#include "runtime/base/escape.h"
#include "runtime/base/memory.h"
#include "runtime/base/print.h"
#include "runtime/base/width.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_DIGITS = 4, GAP = 2 };

typedef struct Cell {
    char *text;
    bool is_number;
    int point; /* columns before the decimal point */
} Cell;

typedef struct Row {
    LIST(Cell) cells;
    bool has_rule;
} Row;

typedef struct Column {
    int columns, left, right; /* widest text; widest parts of numbers before and from the decimal point */
    bool has_numbers;
} Column;

struct TextTable {
    char *title;
    LIST(char *) headings;
    LIST(Row) rows;
    bool has_rule_next;
};

TextTable *text_table_new(const char *title) {
    TextTable *table = allocate(sizeof *table);
    table->title = copy_string(title ? title : "");
    return table;
}

void text_table_free(TextTable *table) {
    if (!table) return;
    for (size_t i = 0; i < table->headings.count; i++) free(table->headings.items[i]);
    for (size_t i = 0; i < table->rows.count; i++) {
        for (size_t j = 0; j < table->rows.items[i].cells.count; j++) free(table->rows.items[i].cells.items[j].text);
        list_free(&table->rows.items[i].cells);
    }
    list_free(&table->headings);
    list_free(&table->rows);
    free(table->title);
    free(table);
}

void text_table_heading(TextTable *table, const char *heading) { list_push(&table->headings, copy_string(heading)); }

void text_table_row(TextTable *table) {
    Row row = {.has_rule = table->has_rule_next};
    table->has_rule_next = false;
    list_push(&table->rows, row);
}

void text_table_rule(TextTable *table) { table->has_rule_next = true; }

static void add_cell(TextTable *table, const char *text, bool is_number) {
    if (table->rows.count == 0) text_table_row(table);
    Row *row = &table->rows.items[table->rows.count - 1];
    Cell cell = {.text = copy_string(text), .is_number = is_number};
    /* The point of `1.5e-7` is its first; `nan` and whole numbers end where the point would be. */
    cell.point = is_number && strcmp(text, "nan") != 0 ? (int)strcspn(text, ".e ") : text_columns(text);
    list_push(&row->cells, cell);
}

void text_table_text(TextTable *table, const char *text) { add_cell(table, text, false); }

void text_table_number(TextTable *table, double value, int significant) {
    Text text = {0};
    bool is_whole = fabs(value) < 1e15 && value == nearbyint(value);
    if (is_whole) number_print(value, DTYPE_I64, &text);
    else number_print_digits(value, significant > 0 ? significant : DEFAULT_DIGITS, &text);
    add_cell(table, text_string(&text), true);
    text_free(&text);
}

void text_table_spread(TextTable *table, double mean, double spread) {
    Text text = {0};
    if (isfinite(mean) && spread > 0 && isfinite(spread)) {
        int decimals = (int)fmax(0, fmin(12, 1 - floor(log10(spread)) - (spread / pow(10, floor(log10(spread))) >= 2)));
        text_addf(&text, "%.*f ± %.*f", decimals, mean, decimals, spread);
    } else {
        number_print_digits(mean, DEFAULT_DIGITS, &text);
        text_add(&text, " ± ");
        number_print_digits(spread, DEFAULT_DIGITS, &text);
    }
    add_cell(table, text_string(&text), true);
    text_free(&text);
}

/* ---- printing ---- */

static int larger(int a, int b) { return a > b ? a : b; }

static size_t measure(const TextTable *table, Column **columns) {
    size_t count = table->headings.count;
    for (size_t i = 0; i < table->rows.count; i++)
        if (table->rows.items[i].cells.count > count) count = table->rows.items[i].cells.count;
    *columns = allocate((count + 1) * sizeof **columns);
    for (size_t i = 0; i < table->rows.count; i++)
        for (size_t j = 0; j < table->rows.items[i].cells.count; j++) {
            const Cell *cell = &table->rows.items[i].cells.items[j];
            Column *column = &(*columns)[j];
            int width = text_columns(cell->text);
            column->has_numbers |= cell->is_number;
            if (cell->is_number) {
                column->left = larger(column->left, cell->point);
                column->right = larger(column->right, width - cell->point);
            } else {
                column->columns = larger(column->columns, width);
            }
        }
    for (size_t j = 0; j < count; j++) {
        Column *column = &(*columns)[j];
        if (j < table->headings.count) column->columns = larger(column->columns, text_columns(table->headings.items[j]));
        column->columns = larger(column->columns, column->left + column->right);
    }
    return count;
}

static void trim_line(Text *out) {
    while (out->length && out->bytes[out->length - 1] == ' ') out->bytes[--out->length] = 0;
    text_add_char(out, '\n');
}

/* Numbers keep their points in line at the right end of the column; text in such a column stands at the right too. */
static void print_cell(const Cell *cell, const Column *column, Text *out) {
    if (cell->is_number) {
        text_add_repeat(out, " ", column->columns - column->left - column->right + column->left - cell->point);
        text_add(out, cell->text);
        text_add_repeat(out, " ", column->right - (text_columns(cell->text) - cell->point));
    } else if (column->has_numbers) {
        text_add_right(out, cell->text, column->columns);
    } else {
        text_add_left(out, cell->text, column->columns);
    }
}

static void print_rule(const Column *columns, size_t count, Text *out) {
    int width = count ? -GAP : 0;
    for (size_t j = 0; j < count; j++) width += columns[j].columns + GAP;
    text_add_repeat(out, "─", width);
    text_add_char(out, '\n');
}

void text_table_print(const TextTable *table, Text *out) {
    Column *columns;
    size_t count = measure(table, &columns);
    if (*table->title) text_addf(out, "%s\n", table->title);
    for (size_t j = 0; j < table->headings.count; j++) {
        if (j > 0) text_add_repeat(out, " ", GAP);
        if (columns[j].has_numbers) text_add_right(out, table->headings.items[j], columns[j].columns);
        else text_add_left(out, table->headings.items[j], columns[j].columns);
    }
    if (table->headings.count) {
        trim_line(out);
        print_rule(columns, count, out);
    }
    for (size_t i = 0; i < table->rows.count; i++) {
        const Row *row = &table->rows.items[i];
        if (row->has_rule) print_rule(columns, count, out);
        for (size_t j = 0; j < row->cells.count; j++) {
            if (j > 0) text_add_repeat(out, " ", GAP);
            print_cell(&row->cells.items[j], &columns[j], out);
        }
        trim_line(out);
    }
    free(columns);
}

void text_table_csv(const TextTable *table, Text *out) {
    for (size_t j = 0; j < table->headings.count; j++) {
        if (j > 0) text_add_char(out, ',');
        text_add_csv(out, table->headings.items[j]);
    }
    if (table->headings.count) text_add_char(out, '\n');
    for (size_t i = 0; i < table->rows.count; i++) {
        for (size_t j = 0; j < table->rows.items[i].cells.count; j++) {
            if (j > 0) text_add_char(out, ',');
            text_add_csv(out, table->rows.items[i].cells.items[j].text);
        }
        text_add_char(out, '\n');
    }
}

void text_table_html(const TextTable *table, Text *out) {
    text_add(out, "<table>\n");
    if (*table->title) {
        text_add(out, "<caption>");
        text_add_html(out, table->title);
        text_add(out, "</caption>\n");
    }
    if (table->headings.count) text_add(out, "<thead><tr>");
    for (size_t j = 0; j < table->headings.count; j++) {
        text_add(out, "<th>");
        text_add_html(out, table->headings.items[j]);
        text_add(out, "</th>");
    }
    if (table->headings.count) text_add(out, "</tr></thead>\n");
    for (size_t i = 0; i < table->rows.count; i++) {
        text_add(out, "<tr>");
        for (size_t j = 0; j < table->rows.items[i].cells.count; j++) {
            const Cell *cell = &table->rows.items[i].cells.items[j];
            text_add(out, cell->is_number ? "<td class=\"number\">" : "<td>");
            text_add_html(out, cell->text);
            text_add(out, "</td>");
        }
        text_add(out, "</tr>\n");
    }
    text_add(out, "</table>\n");
}
