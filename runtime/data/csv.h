/* Comma-separated values (RFC 4180, and what people write): quotes, CRLF, ';' or tab as separator, leading '#' lines, .gz.
 *
 * The first record is the header when no cell of it is a number; without one the columns are "column_1", "column_2", ….
 * A column whose cells are all whole numbers is i64; of numbers or missing cells ("", NA, N/A, null, ?) float, missing as
 * NaN; any other is i64 codes of its texts in alphabetical order, whose names go to `categories`. A number that is written
 * as nan or inf, or is too large for `float_type`, is a fault where `finite` is set. */
#ifndef REG_DATA_CSV_H
#define REG_DATA_CSV_H

#include "runtime/base/tensor.h"
#include "runtime/data/categories.h"

/* Adds one [n] tensor per column. On failure what was added stays in the tables for the caller to free. */
bool csv_read(const char *path, DType float_type, bool finite, TensorTable *columns, CategoryTable *categories, Fault *fault);
/* The same from memory; `text` is changed in place and has a NUL at text[length]. `subject`: "'x.csv'". */
bool csv_parse(char *text, size_t length, const char *subject, DType float_type, bool finite, TensorTable *columns,
               CategoryTable *categories, Fault *fault);
/* Columns are [n] or [n, d] (written as name_1 … name_d). Codes of fields in `categories` (may be NULL) are written as
 * texts, NaN as an empty cell, floats so that they read back to the same bits. Without rows it is a fault, since such a
 * file says nothing of what its columns hold. */
bool csv_write(const char *path, const TensorTable *columns, const CategoryTable *categories, Fault *fault);

#endif
