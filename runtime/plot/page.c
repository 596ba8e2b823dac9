#include "runtime/plot/page.h"

#include "runtime/base/escape.h"
#include "runtime/base/file.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

struct Page {
    char *title;
    Text body;
    int plot_count;
};

static const char style[] =
    "body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 52rem; margin: 3rem auto; padding: 0 1rem }\n"
    "h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2.2rem }\n"
    "pre { background: #f6f6f4; padding: .8rem 1rem; overflow-x: auto; font-size: .85rem; line-height: 1.4 }\n"
    "table { border-collapse: collapse; margin: 1rem 0 } caption { text-align: left; font-weight: 600; padding-bottom: .3rem }\n"
    "th, td { padding: .2rem .9rem .2rem 0; text-align: left } thead { border-bottom: 1px solid #999 }\n"
    "td.number { font-variant-numeric: tabular-nums }\n"
    "figure { margin: 1.2rem 0 } svg { max-width: 100%; height: auto }\n";

Page *page_new(const char *title) {
    Page *page = allocate(sizeof *page);
    page->title = copy_string(title ? title : "");
    return page;
}

void page_free(Page *page) {
    if (!page) return;
    free(page->title);
    text_free(&page->body);
    free(page);
}

static void add_element(Text *out, const char *name, const char *text) {
    text_addf(out, "<%s>", name);
    text_add_html(out, text);
    text_addf(out, "</%s>\n", name);
}

void page_heading(Page *page, const char *heading) { add_element(&page->body, "h2", heading); }

void page_paragraph(Page *page, const char *text) { add_element(&page->body, "p", text); }

void page_code(Page *page, const char *text) { add_element(&page->body, "pre", text); }

void page_table(Page *page, const TextTable *table) { text_table_html(table, &page->body); }

/* cairo numbers glyphs and clips from 0 in every picture; on one page they must not meet. */
static void add_renamed(Text *out, const char *svg, int number) {
    static const char *const places[] = {" id=\"", "url(#", "href=\"#"};
    while (*svg) {
        bool is_name = false;
        for (int i = 0; i < 3; i++) {
            size_t length = strlen(places[i]);
            if (strncmp(svg, places[i], length) != 0) continue;
            text_addf(out, "%sp%d-", places[i], number);
            svg += length;
            is_name = true;
            break;
        }
        if (!is_name) text_add_char(out, *svg++);
    }
}

bool page_plot(Page *page, const Plot *plot, Fault *fault) {
    Text svg = {0};
    bool is_drawn = plot_svg(plot, &svg, fault);
    const char *element = is_drawn ? strstr(text_string(&svg), "<svg") : NULL; /* without the XML declaration */
    if (element) {
        text_add(&page->body, "<figure>\n");
        add_renamed(&page->body, element, page->plot_count++);
        text_add(&page->body, "</figure>\n");
    }
    text_free(&svg);
    return is_drawn;
}

void page_text(const Page *page, Text *out) {
    text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    add_element(out, "title", page->title);
    text_addf(out, "<style>\n%s</style>\n</head>\n<body>\n", style);
    add_element(out, "h1", page->title);
    text_add(out, text_string(&page->body));
    text_add(out, "</body>\n</html>\n");
}

bool page_write(const Page *page, const char *path, Fault *fault) {
    Text text = {0};
    page_text(page, &text);
    bool is_written = file_write(path, text_string(&text), text.length, fault);
    text_free(&text);
    return is_written;
}
