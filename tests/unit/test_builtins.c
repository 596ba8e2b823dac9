/* The tables of built-ins: every row is found by its name, can be parsed, and has a doc. */
#include "lang/elaborate/builtins.h"
#include "runtime/data/synthetic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void rows_are_found(void **state) {
    (void)state;
    char name[64];
    int count = 0;
    for (const Builtin *row; (row = builtin_at(count)) != NULL; count++) {
        builtin_name(row, name);
        if (builtin_find(name) != row) fail_msg("'%s' stands twice in the tables", name);
    }
    assert_true(count > 200);
    assert_null(builtin_find("reshap"));
    assert_null(builtin_find("reshapes"));
    assert_null(builtin_find(""));
}

static void signatures_are_whole(void **state) {
    (void)state;
    for (int k = 0; builtin_at(k); k++) {
        const char *text = builtin_at(k)->signature;
        int commas = 0;
        for (const char *at = text; *at; at++) commas += *at == ',';
        Signature signature;
        signature_parse(text, &signature);
        bool is_empty = strstr(text, "()") != NULL;
        if (signature.count != (is_empty ? 0 : commas + 1)) fail_msg("%s: %d parameters were read", text, signature.count);
        for (int j = 0; j < signature.count; j++) {
            const Parameter *parameter = &signature.parameters[j];
            if (parameter->length == 0 || (parameter->choices && parameter->choices_length == 0) ||
                (parameter->initial && parameter->initial_length == 0))
                fail_msg("%s: parameter %d is not whole", text, j + 1);
            if (builtin_at(k)->lazy && parameter->initial) fail_msg("%s: a lazy built-in has no defaults", text);
        }
    }
}

static void rows_have_docs(void **state) {
    (void)state;
    char name[64];
    for (int k = 0; builtin_at(k); k++) {
        const Builtin *row = builtin_at(k);
        if (!row->doc || strlen(row->doc) < 20) fail_msg("'%s' has no doc", builtin_name(row, name));
        if (!row->run) fail_msg("'%s' does nothing", builtin_name(row, name));
    }
}

static void signature_forms(void **state) {
    (void)state;
    Signature s;
    signature_parse("pad(x, width?, xs..., mode: zero|edge|<size> = zero, keep = false)", &s);
    assert_int_equal(s.count, 5);
    assert_true(s.parameters[1].is_optional && s.parameters[2].is_variadic && !s.parameters[0].is_optional);
    assert_int_equal(s.parameters[3].choices_length, strlen("zero|edge|<size>"));
    assert_int_equal(s.parameters[3].initial_length, 4);
    assert_int_equal(s.parameters[4].initial_length, 5);
    assert_null(s.parameters[4].choices);
}

static const Parameter *find(const Signature *signature, const char *name) {
    for (int k = 0; k < signature->count; k++)
        if (strlen(name) == (size_t)signature->parameters[k].length && !strncmp(name, signature->parameters[k].name, strlen(name)))
            return &signature->parameters[k];
    return NULL;
}

/* The generators' settings and defaults are those of the runtime. */
static void generators_agree(void **state) {
    (void)state;
    for (size_t k = 0; k < synthetic_count(); k++) {
        const SyntheticInfo *info = synthetic_info(k);
        const Builtin *row = builtin_find(info->name);
        if (!row) fail_msg("the generator '%s' is no built-in", info->name);
        Signature signature;
        signature_parse(row->signature, &signature);
        assert_int_equal(find(&signature, "n") != NULL, info->count > 0);
        for (int j = 0; j < SYNTHETIC_SETTINGS_MAX && info->settings[j].name; j++) {
            const Parameter *parameter = find(&signature, info->settings[j].name);
            if (!parameter) fail_msg("'%s' lacks the setting '%s'", info->name, info->settings[j].name);
            if (parameter->initial && strtod(parameter->initial, NULL) != info->settings[j].value)
                fail_msg("'%s': the default of '%s' is %g", info->name, info->settings[j].name, info->settings[j].value);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found),  cmocka_unit_test(signatures_are_whole), cmocka_unit_test(rows_have_docs),
        cmocka_unit_test(signature_forms), cmocka_unit_test(generators_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
