/* Tables of text and numbers for the terminal and for pages: columns aligned, numbers on their decimal points.
 *
 *     method     accuracy    loss
 *     ───────────────────────────
 *     plain         0.871  0.4312
 *     mixup         0.9    0.398
 */
#ifndef REG_PLOT_TEXT_TABLE_H
#define REG_PLOT_TEXT_TABLE_H

#include "runtime/base/text.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct TextTable TextTable;

TextTable *text_table_new(const char *title);                   /* NULL or "": no title */
void text_table_free(TextTable *table);                         /* NULL allowed */
void text_table_heading(TextTable *table, const char *heading); /* adds a column */
/* Begins a row; cells fill it from the left, missing ones stay empty, ones too many make columns without a heading. */
void text_table_row(TextTable *table);
void text_table_text(TextTable *table, const char *text);
/* `significant` digits at most, 0: 4; whole numbers show all their digits. */
void text_table_number(TextTable *table, double value, int significant);
/* A mean and how far values lie from it: `0.871 ± 0.004`, the mean to the digit where the spread begins. */
void text_table_spread(TextTable *table, double mean, double spread);
void text_table_rule(TextTable *table); /* a line before the next row */

void text_table_print(const TextTable *table, Text *out); /* every line ended, no trailing blanks */
void text_table_csv(const TextTable *table, Text *out);
void text_table_html(const TextTable *table, Text *out); /* a <table> with <caption> and <thead> */

#endif
