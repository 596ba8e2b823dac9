/* Text made safe inside other formats. */
#ifndef REG_BASE_ESCAPE_H
#define REG_BASE_ESCAPE_H

#include "runtime/base/text.h"

void text_add_html(Text *text, const char *string); /* <, > and & as entities; for element content */
void text_add_csv(Text *text, const char *field);   /* quoted as in RFC 4180 where it has to be */

#endif
