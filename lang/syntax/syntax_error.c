#include "lang/syntax/syntax_error.h"

#include "lang/syntax/grammar.h"
#include "lang/syntax/words.h"

#include <string.h>

typedef struct Situation {
    Parse *parse;
    const int *expected;
    int count;
    const Token *found;
    const Token *raw; /* the same, in the array of raw tokens, so that neighbours can be seen */
    const Tokens *tokens;
    const Frame *frame;
} Situation;

static bool expects(const Situation *at, int kind) {
    for (int i = 0; i < at->count; i++)
        if (at->expected[i] == kind) return true;
    return false;
}

static bool is_word(const Token *token, const char *text) {
    return token->text && token->kind != TOKEN_STRING && !strcmp(token->text, text);
}

static const Token *before(const Situation *at, int distance) {
    return at->raw - at->tokens->items >= distance ? at->raw - distance : NULL;
}

static void describe_found(const Situation *at, Text *out) {
    const Token *found = at->found;
    if (found->kind == TOKEN_NAME || found->kind == TOKEN_GLOB) text_addf(out, "'%s'", found->text);
    else if (found->kind == TOKEN_STRING) text_add(out, "a string");
    else if (found->kind == TOKEN_NUMBER) text_addf(out, "the number %g", found->number);
    else if (found->kind == TOKEN_HOOK || found->kind == TOKEN_RANK) text_addf(out, "`%s`", found->text);
    else if ((found->kind == TOKEN_EPOCHS || found->kind == TOKEN_STEPS) && found->text) text_addf(out, "`%s`", found->text);
    else text_add(out, token_name(found->kind));
}

/* What goes on an expression says nothing about what is missing behind it. */
static bool is_continuation(int kind) {
    switch (kind) {
    case TOKEN_OPEN:
    case TOKEN_BRACKET:
    case TOKEN_MAKE:
    case TOKEN_DOT:
    case TOKEN_WITH:
    case TOKEN_WITHOUT:
    case TOKEN_EPOCHS:
    case TOKEN_STEPS:
    case TOKEN_PERCENT:
    case TOKEN_COMMIT:
    case TOKEN_GRADIENT:
    case TOKEN_PROX:
    case TOKEN_NEXT_TERM: return true;
    default: return token_is_infix(kind);
    }
}

enum { CHOICES_MAX = 4 };

typedef struct Choices {
    const char *names[CHOICES_MAX];
    int count;
} Choices;

static void add_choice(Choices *choices, const char *name) {
    if (choices->count < CHOICES_MAX) choices->names[choices->count++] = name;
}

/* Says nothing beyond what stands in the list already. */
static bool is_noise(const Situation *at, int kind, bool operand, bool group) {
    if (group && kind != TOKEN_BRACE_CLOSE) return true;
    if (operand && kind != TOKEN_CLOSE && kind != TOKEN_BRACKET_CLOSE && kind != TOKEN_BRACE_CLOSE) return true;
    if (expects(at, TOKEN_PLUS) && !operand && (is_continuation(kind) || kind == TOKEN_ASSIGN)) return true;
    if (kind == TOKEN_COLON && expects(at, TOKEN_BRACKET_CLOSE)) return true;
    return kind == TOKEN_END && expects(at, TOKEN_NEWLINE);
}

static void join_choices(const Choices *choices, Text *out) {
    for (int i = 0; i < choices->count; i++) {
        if (i > 0) text_add(out, i == choices->count - 1 ? " or " : ", ");
        text_add(out, choices->names[i]);
    }
}

/* "`,` or `)`", "an expression or `]`": at most four. */
static void describe_expected(const Situation *at, Text *out) {
    Choices choices = {0};
    bool operand = expects(at, TOKEN_NUMBER) && expects(at, TOKEN_LAMBDA);
    bool clause = expects(at, TOKEN_MINIMIZE), member = expects(at, TOKEN_HOOK), statement = operand && expects(at, TOKEN_LET);
    if (clause) add_choice(&choices, "a clause such as `minimize`, `using` or `batch`");
    else if (member) add_choice(&choices, "a hook such as `penalty(output) = ...`, or `state`");
    else if (statement) add_choice(&choices, "a statement");
    else if (operand) add_choice(&choices, "an expression");
    for (int i = 0; i < at->count; i++)
        if (!is_noise(at, at->expected[i], operand, clause || member || statement))
            add_choice(&choices, at->expected[i] == TOKEN_MAKE ? "`{` touching the name" : token_name(at->expected[i]));
    join_choices(&choices, out);
}

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
    if (!token || !token->text || token->kind == TOKEN_STRING) return NULL;
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++)
        if (is_word(token, foreign_words[i].word)) return foreign_words[i].help;
    return NULL;
}

static bool help_assign(const Situation *at, Text *help) {
    const Token *name = before(at, 1);
    if (at->found->kind == TOKEN_COLON && name && name->kind == TOKEN_NAME && at->frame->kind == FRAME_BRACKET) {
        text_addf(help, "a setting or field is given with `=`: write `%s = ...`", name->text);
        return true;
    }
    if (at->found->kind != TOKEN_ASSIGN) return false;
    if (name && name->kind == TOKEN_NAME && at->frame->head_index + 1 == (size_t)(at->raw - at->tokens->items) &&
        at->frame->kind != FRAME_BRACKET) {
        text_addf(help, "a value is named with `let`: write `let %s = ...`", name->text);
        return true;
    }
    if (expects(at, TOKEN_EQ)) text_add(help, "to compare, write `==`; `=` gives a name its value");
    return help->length > 0;
}

/* Words and braces that would be right elsewhere. */
static bool help_clause(const Situation *at, Text *help) {
    const Token *raw = at->raw;
    if (expects(at, TOKEN_NEWLINE) && !raw->newline_before && raw->text && raw->kind != TOKEN_STRING && at->frame->kind == FRAME_TRAIN &&
        word_is_clause(raw->text))
        text_addf(help, "put `%s` on a line of its own, or a `;` before it", raw->text);
    else if (expects(at, TOKEN_NEWLINE) && !raw->newline_before && raw->text &&
             (raw->kind == TOKEN_STRING || raw->kind == TOKEN_LET || word_is_statement(raw->text)) && at->frame->head != TOKEN_NAME)
        text_add(help, "statements stand on lines of their own, or with `;` between them");
    else if (at->found->kind == TOKEN_ASSIGN && at->frame->head == TOKEN_WITH)
        text_add(help, "inside a train block `with METHOD{...}` stands on a line of its own");
    else if (at->found->kind == TOKEN_MAKE && expects(at, TOKEN_ASSIGN) && at->frame->head != TOKEN_WITH)
        text_add(help, "a clause `with METHOD{...}` stands on a line of its own");
    else if (at->found->kind == TOKEN_MAKE && (expects(at, TOKEN_CLAUSES) || expects(at, TOKEN_BLOCK)))
        text_add(help, "put a space before the `{` of a block; a `{` that touches a name makes something");
    else if (at->found->kind == TOKEN_OPEN && expects(at, TOKEN_MAKE) &&
             (at->frame->head == TOKEN_MODEL || at->frame->head == TOKEN_METHOD))
        text_add(help, "settings stand in braces, also when there are none: `name{}(x) = ...`");
    else if (at->found->kind == TOKEN_BLOCK && expects(at, TOKEN_MAKE)) text_add(help, "the brace with the settings touches the name");
    else if (expects(at, TOKEN_FOR) && at->frame->head == TOKEN_TRAIN)
        text_add(help, "say what to train, on what and how long: `train net on data for 10 epochs {`");
    else if (at->found->kind == TOKEN_COMMA && expects(at, TOKEN_NEWLINE) && at->frame->kind == FRAME_SCRIPT && expects(at, TOKEN_PLUS))
        text_add(help, "to show several values, write `print a, b`");
    else if (at->found->kind == TOKEN_BAR) text_add(help, "write `or` between conditions, `|>` to pass a value on");
    else if (at->found->kind == TOKEN_ARROW) text_add(help, "the parameters of a lambda stand in parentheses: `(x) -> expr`");
    else if (at->frame->opener == TOKEN_RECORD && at->found->kind == TOKEN_NAME)
        text_add(help, "fields are separated by commas; in a block, values are named with `let`");
    return help->length > 0;
}

static bool help_word(const Situation *at, Text *help) {
    const Token *head = &at->tokens->items[at->frame->head_index];
    const Token *previous = before(at, 1);
    const char *foreign = foreign_help(previous);
    if (!foreign && at->frame->kind != FRAME_BRACKET) foreign = head->kind == TOKEN_NAME ? foreign_help(head) : NULL;
    if (!foreign) foreign = at->found->kind == TOKEN_NAME ? foreign_help(at->raw) : NULL;
    if (foreign) text_add(help, foreign);
    else if (expects(at, TOKEN_NAME) && !expects(at, TOKEN_NUMBER) && at->raw->text && at->raw->kind != TOKEN_NAME &&
             at->raw->kind != TOKEN_STRING)
        text_addf(help, "`%s` cannot be a name: it is a word of the language", at->raw->text);
    else if (token_is_infix(at->found->kind) && at->raw->newline_before)
        text_addf(help, "a line goes on behind an operator: end the line above with %s", token_name(at->found->kind));
    else if (previous && head == previous && head->kind == TOKEN_NAME && word_is_clause(head->text) && at->frame->kind != FRAME_TRAIN)
        text_addf(help, "`%s` is a clause of a `train` block", head->text);
    else if (token_is_infix(at->found->kind) && expects(at, TOKEN_NEWLINE) && !expects(at, at->found->kind) && expects(at, TOKEN_AND))
        text_add(help, "comparisons do not chain: write `a < b and b < c`");
    return help->length > 0;
}

/* The bracket that is still open where something does not fit inside it. */
static const Token *still_open(const Situation *at) {
    const TokenStream *stream = at->parse->stream;
    int depth = stream->depth - (stream->opened ? 1 : 0);
    if (depth == 0) return NULL;
    const Token *opener = &at->tokens->items[stream->frames[depth].index];
    int kind = at->found->kind;
    bool closer = kind == TOKEN_CLOSE || kind == TOKEN_BRACKET_CLOSE || kind == TOKEN_BRACE_CLOSE;
    if (kind == TOKEN_END || (closer && stream->frames[depth].kind == FRAME_BRACKET && opener->match < 0)) return opener;
    return opener->match < 0 ? opener : NULL;
}

void syntax_error_report(Parse *parse, const int *expected, int count) {
    TokenStream *stream = parse->stream;
    if (parse->error_count++ == 0 && parse->token.kind == TOKEN_END && !stream->stopped) parse->incomplete = true;
    bool again = parse->error_count > 1 && parse->error_offset == parse->token.span.start;
    parse->error_offset = parse->token.span.start;
    parse->resume = RESUME_NOT;
    if (stream->stopped || again) return;
    size_t index = stream->index;
    while (index > 0 && stream->tokens->items[index].span.start > parse->token.span.start) index--;
    Situation at = {parse,
                    expected,
                    count,
                    &parse->token,
                    &stream->tokens->items[index],
                    stream->tokens,
                    &stream->frames[stream->opened ? stream->depth - 1 : stream->depth]};
    Text wanted = {0}, found = {0}, help = {0};
    describe_expected(&at, &wanted);
    describe_found(&at, &found);
    bool stray = !stream->opened && stream->depth == 0 &&
                 (parse->token.kind == TOKEN_BRACE_CLOSE || parse->token.kind == TOKEN_CLOSE || parse->token.kind == TOKEN_BRACKET_CLOSE);
    if (stray && expects(&at, TOKEN_NEWLINE))
        diagnose(parse->diagnostics, "E0100", parse->token.span, "%s closes nothing", text_string(&found));
    else if (wanted.length == 0) diagnose(parse->diagnostics, "E0100", parse->token.span, "%s does not fit here", text_string(&found));
    else diagnose(parse->diagnostics, "E0100", parse->token.span, "expected %s, found %s", text_string(&wanted), text_string(&found));
    const Token *opener = still_open(&at);
    if (opener) diagnose_second(parse->diagnostics, opener->span, "opened here");
    if (help_assign(&at, &help) || help_clause(&at, &help) || help_word(&at, &help))
        diagnose_help(parse->diagnostics, "%s", text_string(&help));
    text_free(&wanted);
    text_free(&found);
    text_free(&help);
    if (opener && opener->kind == TOKEN_RECORD && opener->match < 0) stream->stopped = true; /* all that follows would be misread */
    bool skipped = token_stream_recover(stream, &parse->token);
    if (parse->token.kind != TOKEN_END && !stray) parse->resume = skipped ? RESUME_BEHIND : RESUME_HERE;
}
