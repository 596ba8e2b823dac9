#include "runtime/base/escape.h"

#include <string.h>

void text_add_html(Text *text, const char *string) {
    for (; *string; string++) {
        if (*string == '<') text_add(text, "&lt;");
        else if (*string == '>') text_add(text, "&gt;");
        else if (*string == '&') text_add(text, "&amp;");
        else text_add_char(text, *string);
    }
}

void text_add_csv(Text *text, const char *field) {
    if (!strpbrk(field, ",\"\r\n")) {
        text_add(text, field);
        return;
    }
    text_add_char(text, '"');
    for (; *field; field++) {
        if (*field == '"') text_add_char(text, '"');
        text_add_char(text, *field);
    }
    text_add_char(text, '"');
}
