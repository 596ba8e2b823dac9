#include "lang/script/view_members.h"

#include <string.h>

bool is_view_name(const char *name) { return strchr(name, '[') != NULL; }

const char *view_name_below_root(Arena *arena, const char *name) {
    const char *open = strchr(name, '['), *dot = open ? strchr(open, '.') : NULL;
    return dot ? arena_format(arena, "%.*s%s", (int)(open + 1 - name), name, dot + 1) : name;
}

typedef struct Walk {
    Elaborator *e;
    size_t root_length; /* of the parameters' paths, with its dot */
    ViewVisit *visit;
    void *context;
} Walk;

static bool is_of(const Member *own, const Member *parameter) {
    const char *open = strchr(own->name, '[');
    size_t length = strlen(parameter->cell->name);
    return open && !strncmp(open + 1, parameter->cell->name, length) && !strcmp(open + 1 + length, "]");
}

static void visit_method(Walk *walk, Instance *method, const Member *parameter) {
    const char *path = instance_path(walk->e, method);
    for (int k = 0; k < method->member_count; k++) {
        Member *own = &method->members[k];
        if (!own->cell) continue;
        const char *open = strchr(own->name, '['), *name = NULL;
        if (is_of(own, parameter))
            name = arena_format(walk->e->arena, "%s.%.*s[%s]", path, (int)(open - own->name), own->name,
                                parameter->cell->name + walk->root_length);
        else if (!open && own->kind == MEMBER_PARAM) name = arena_format(walk->e->arena, "%s.%s[]", path, own->name);
        if (name) walk->visit(walk->context, name, own);
    }
}

static void visit_member(void *context, Instance *owner, Member *member) {
    (void)owner;
    for (int k = 0; member->cell && k < member->view_count; k++) visit_method(context, member->views[k].instance, member);
}

void view_members_walk(Elaborator *e, Instance *model, const char *below, ViewVisit *visit, void *context) {
    Walk walk = {e, below ? strlen(below) + 1 : 0, visit, context};
    instance_walk(model, visit_member, &walk);
}
