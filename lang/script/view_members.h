/* What methods keep for the parameters that a model reads through their weight hooks: part of the model where it is saved and
 * restored. */
#ifndef REG_SCRIPT_VIEW_MEMBERS_H
#define REG_SCRIPT_VIEW_MEMBERS_H

#include "lang/script/session.h"

/* `below`: the path of the model that the parameters lie in, without it the paths are whole. A name is "ema_1.average[net.w]" for a
 * state or parameter of one model parameter, and "scaled_1.k[]" for a parameter that the method has for all of them. */
typedef void ViewVisit(void *context, const char *name, Member *member);
void view_members_walk(Elaborator *e, Instance *model, const char *below, ViewVisit *visit, void *context);

/* Whether a name in a file is one of these. */
bool is_view_name(const char *name);

/* "ema_1.average[net.w]" -> "ema_1.average[w]": the model may have another name. */
const char *view_name_below_root(Arena *arena, const char *name);

#endif
