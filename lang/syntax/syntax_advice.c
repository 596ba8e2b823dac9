#include "lang/syntax/syntax_advice.h"

#include "lang/syntax/grammar.h"
#include "lang/syntax/syntax_error.h"

#include <string.h>

bool situation_expects(const Situation *at, int kind) {
    for (int i = 0; i < at->count; i++)
        if (at->expected[i] == kind) return true;
    return false;
}

#define EXPECTS(kind) situation_expects(at, TOKEN_##kind)

static const Token *before(const Situation *at, int distance) {
    return at->raw - at->tokens->items >= distance ? at->raw - distance : NULL;
}

static const Token *head_of(const Situation *at) { return &at->tokens->items[at->frame->head_index]; }

static bool is_word(const Token *token) { return token && token->text && token->kind != TOKEN_STRING; }

static bool says(Text *help, const char *advice) {
    text_add(help, advice);
    return true;
}

/* --- words of other languages --- */

static const struct {
    const char *word;
    const char *help;
} foreign_words[] = {
    {"def", "a function is written `fn name(x) = expr`"},
    {"function", "a function is written `fn name(x) = expr`"},
    {"func", "a function is written `fn name(x) = expr`"},
    {"fun", "a function is written `fn name(x) = expr`"},
    {"lambda", "a lambda is written `(x) -> expr`"},
    {"return", "the value of a block is its last expression"},
    {"const", "a value is named with `let name = expr`"},
    {"val", "a value is named with `let name = expr`"},
    {"class", "a `model` owns parameters, a `method` acts on training"},
    {"while", "iterate with `loop (x = start) until condition max N { x <- next }`"},
    {"elif", "write `else if`"},
    {"elseif", "write `else if`"},
    {"from", "write `import \"file.reg\"`"},
    {"del", "values live as long as their block"},
    {"assert", "write `expect condition`"},
    {"optimizer", "write `using adam{...}`"},
    {"epochs", "the length stands in the head of the block: `train net on data for 10 epochs {`"},
    {"steps", "the length stands in the head of the block: `train net on data for 300 steps {`"},
    {"schedule", "a schedule is the value of a setting: `adam{lr = cosine(1e-3, 0)}`"},
};

static const char *foreign_help(const Token *token) {
    if (!is_word(token)) return NULL;
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++)
        if (!strcmp(token->text, foreign_words[i].word)) return foreign_words[i].help;
    return NULL;
}

static bool advise_foreign(const Situation *at, Text *help) {
    const Token *head = head_of(at);
    const char *foreign = foreign_help(before(at, 1));
    if (!foreign && at->frame->kind != FRAME_BRACKET && head->kind == TOKEN_NAME) foreign = foreign_help(head);
    if (!foreign && at->found->kind == TOKEN_NAME) foreign = foreign_help(at->raw);
    return foreign && says(help, foreign);
}

/* `// a comment`, `/ * a comment * /`: the first such sign of the line. */
static bool advise_comment(const Situation *at, Text *help) {
    for (const Token *token = at->raw; token >= at->tokens->items; token--) {
        bool star = token->kind == TOKEN_SLASH && (token[1].kind == TOKEN_STAR || token[1].kind == TOKEN_STAR_STAR) &&
                    !token[1].space_before;
        if (star || token->kind == TOKEN_FLOOR) return says(help, "a comment starts with `#`");
        if (token->newline_before) return false;
    }
    return false;
}

/* --- `=` and `:` --- */

static bool advise_colon(const Situation *at, Text *help) {
    const Token *name = before(at, 1);
    if (at->found->kind != TOKEN_COLON) return false;
    if (at->raw[1].newline_before && EXPECTS(NEWLINE)) return says(help, "a line ends without `:`; blocks stand in braces");
    if (at->frame->kind == FRAME_BRACKET && at->frame->opener != TOKEN_BRACKET && name && name->kind == TOKEN_NAME) {
        text_addf(help, "a setting or field is given with `=`: write `%s = ...`", name->text);
        return true;
    }
    if (EXPECTS(THEN)) return says(help, "write `if c then a else b`, or put the statements in braces");
    return at->frame->head == TOKEN_LET && says(help, "`let` takes no type: write `let name = expr`");
}

static bool advise_assign(const Situation *at, Text *help) {
    const Token *name = before(at, 1), *head = head_of(at);
    if (at->found->kind != TOKEN_ASSIGN) return false;
    bool is_statement = at->frame->kind != FRAME_BRACKET && at->frame->head == TOKEN_NAME;
    if (is_statement && name == head) {
        text_addf(help, "a value is named with `let`: write `let %s = ...`", name->text);
        return true;
    }
    if (is_statement && !strcmp(head->text, "prox")) return says(help, "`prox(w, t) = ...` stands right below its penalty");
    if (is_statement && !strcmp(head->text, "gradient")) return says(help, "`gradient(g) = ...` stands right below its function");
    if (is_statement && name && name->kind == TOKEN_CLOSE) {
        text_addf(help, "a function is written `fn %s(...) = ...`", head->text);
        return true;
    }
    if (at->frame->head == TOKEN_WITH) return says(help, "inside a train block `with METHOD{...}` stands on a line of its own");
    return EXPECTS(EQ) && says(help, "to compare, write `==`; `=` gives a name its value");
}

/* --- the form of one kind of statement --- */

static bool advise_form(const Situation *at, Text *help) {
    int found = at->found->kind, head = at->frame->kind == FRAME_BRACKET ? 0 : at->frame->head;
    const Token *previous = before(at, 1);
    bool settings = head == TOKEN_MODEL || head == TOKEN_METHOD;
    if (settings && found == TOKEN_OPEN && EXPECTS(MAKE))
        return says(help, "settings stand in braces, also when there are none: `name{}(x) = ...`");
    if (found == TOKEN_BLOCK && EXPECTS(MAKE)) return says(help, "the brace with the settings touches the name");
    if (head == TOKEN_TRAIN && EXPECTS(FOR))
        return says(help, "say what to train, on what and how long: `train net on data for 10 epochs {`");
    if (head == TOKEN_FN && previous && previous->kind == TOKEN_ARROW)
        return says(help, "behind `->` stands the shape of the result; the body follows `=`: `fn f(x) -> [n] = expr`");
    if ((head == TOKEN_FN || settings) && EXPECTS(ASSIGN) && EXPECTS(ARROW)) return says(help, "the body follows `=` or stands in braces");
    if (head == TOKEN_FOR && (EXPECTS(IN) || EXPECTS(NAME))) return says(help, "write `for v in list { ... }`");
    if ((head == TOKEN_PARAM || head == TOKEN_VAR || head == TOKEN_STATE) && EXPECTS(TILDE))
        return says(help, "say how it starts: `= zeros` or `~ glorot`");
    if (EXPECTS(UNTIL) || (previous && previous->kind == TOKEN_LOOP))
        return says(help, "a loop is written `loop (x = start) until condition max N { x <- next }`");
    if (head == TOKEN_IMPORT) return says(help, "the file stands in quotes: `import \"file.reg\"`");
    return EXPECTS(ELSE) && found == TOKEN_NEWLINE && !EXPECTS(NEWLINE) && says(help, "an `if` that gives a value needs its `else`");
}

/* --- words, lines and braces --- */

static bool advise_line(const Situation *at, Text *help) {
    const Token *raw = at->raw;
    int found = at->found->kind;
    if (found == TOKEN_MAKE && EXPECTS(ASSIGN)) return says(help, "a clause `with METHOD{...}` stands on a line of its own");
    if (found == TOKEN_MAKE && (EXPECTS(CLAUSES) || EXPECTS(BLOCK)))
        return says(help, "put a space before the `{` of a block; a `{` that touches a name makes something");
    bool in_make = at->frame->opener == TOKEN_MAKE && at->frame > at->parse->stream->frames;
    int around = in_make && at->frame[-1].kind != FRAME_BRACKET ? at->frame[-1].head : 0;
    if (in_make && (around == TOKEN_FOR || around == TOKEN_IF || around == TOKEN_TRAIN) && found != TOKEN_COLON)
        return says(help, "put a space before the `{` of a block; a `{` that touches a name makes something");
    if (token_is_infix(found) && raw->newline_before) {
        text_addf(help, "a line goes on behind an operator: end the line above with %s", token_name(found));
        return true;
    }
    if (!EXPECTS(NEWLINE) || found == TOKEN_NEWLINE) return false;
    bool word = raw->text && !raw->newline_before;
    if (word && raw->kind != TOKEN_STRING && at->frame->kind == FRAME_TRAIN && word_is_clause(raw->text)) {
        text_addf(help, "put `%s` on a line of its own, or a `;` before it", raw->text);
        return true;
    }
    if (word && at->frame->head != TOKEN_NAME && (raw->kind == TOKEN_STRING || raw->kind == TOKEN_LET || word_is_statement(raw->text)))
        return says(help, "statements stand on lines of their own, or with `;` between them");
    if (found == TOKEN_COMMA && at->frame->kind == FRAME_SCRIPT && EXPECTS(PLUS))
        return says(help, "to show several values, write `print a, b`");
    return token_is_infix(found) && EXPECTS(AND) && says(help, "comparisons do not chain: write `a < b and b < c`");
}

static bool advise_word(const Situation *at, Text *help) {
    const Token *head = head_of(at), *raw = at->raw;
    if (at->found->kind == TOKEN_BAR) return says(help, "write `or` between conditions, `|>` to pass a value on");
    if (at->found->kind == TOKEN_ARROW) return says(help, "the parameters of a lambda stand in parentheses: `(x) -> expr`");
    if (at->frame->opener == TOKEN_RECORD && at->found->kind == TOKEN_NAME)
        return says(help, "fields are separated by commas; in a block, values are named with `let`");
    if (at->found->kind == TOKEN_COMMA && EXPECTS(CLOSE) && at->frame->opener == TOKEN_OPEN)
        return says(help, "several values are a list `[a, b]` or a record `{x = a, y = b}`");
    if (EXPECTS(NAME) && !EXPECTS(NUMBER) && is_word(raw) && raw->kind != TOKEN_NAME) {
        text_addf(help, "`%s` cannot be a name: it is a word of the language", raw->text);
        return true;
    }
    bool starts = at->frame->kind != FRAME_BRACKET && head->kind == TOKEN_NAME && (raw == head || raw == head + 1);
    if (!starts) return false;
    if (word_is_clause(head->text) && at->frame->kind != FRAME_TRAIN) {
        text_addf(help, "`%s` is a clause of a `train` block", head->text);
        return true;
    }
    const char *nearest = word_nearest(head->text, at->frame->kind);
    if (nearest) text_addf(help, "the nearest word is `%s`", nearest);
    return nearest != NULL;
}

bool syntax_advice(const Situation *at, Text *help) {
    static bool (*const advisers[])(const Situation *, Text *) = {
        advise_colon, advise_comment, advise_assign, advise_foreign, advise_form, advise_line, advise_word,
    };
    for (size_t i = 0; i < sizeof advisers / sizeof *advisers; i++)
        if (advisers[i](at, help)) return true;
    return false;
}
