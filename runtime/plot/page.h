/* A report page: one self-contained HTML file of headings, text, tables and plots, readable without any script or network. */
#ifndef REG_PLOT_PAGE_H
#define REG_PLOT_PAGE_H

#include "runtime/plot/plot.h"
#include "runtime/plot/text_table.h"

typedef struct Page Page;

Page *page_new(const char *title);
void page_free(Page *page); /* NULL allowed */
void page_heading(Page *page, const char *heading);
void page_paragraph(Page *page, const char *text);
/* Text in a fixed-width face, lines kept: a script, printed values. */
void page_code(Page *page, const char *text);
void page_table(Page *page, const TextTable *table);
bool page_plot(Page *page, const Plot *plot, Fault *fault); /* as an SVG picture inside the page */
void page_text(const Page *page, Text *out);                /* the whole file */
bool page_write(const Page *page, const char *path, Fault *fault);

#endif
