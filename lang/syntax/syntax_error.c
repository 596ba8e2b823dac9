#include "lang/syntax/syntax_error.h"

#include "lang/syntax/grammar.h"
#include "lang/syntax/syntax_advice.h"

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
    if (situation_expects(at, TOKEN_PLUS) && !operand && (is_continuation(kind) || kind == TOKEN_ASSIGN)) return true;
    if (kind == TOKEN_COLON && situation_expects(at, TOKEN_BRACKET_CLOSE)) return true;
    return kind == TOKEN_END && situation_expects(at, TOKEN_NEWLINE);
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
    bool operand = situation_expects(at, TOKEN_NUMBER) && situation_expects(at, TOKEN_LAMBDA);
    bool clause = situation_expects(at, TOKEN_MINIMIZE), member = situation_expects(at, TOKEN_HOOK),
         statement = operand && situation_expects(at, TOKEN_LET);
    if (clause) add_choice(&choices, "a clause such as `minimize`, `using` or `batch`");
    else if (member) add_choice(&choices, "a member such as `penalty(output) = ...`");
    else if (statement) add_choice(&choices, "a statement");
    else if (operand) add_choice(&choices, "an expression");
    for (int i = 0; i < at->count; i++)
        if (!is_noise(at, at->expected[i], operand, clause || member || statement))
            add_choice(&choices, at->expected[i] == TOKEN_MAKE ? "`{` touching the name" : token_name(at->expected[i]));
    join_choices(&choices, out);
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

static bool is_stray(const Situation *at) {
    const TokenStream *stream = at->parse->stream;
    int kind = at->found->kind;
    return !stream->opened && stream->depth == 0 && (kind == TOKEN_BRACE_CLOSE || kind == TOKEN_CLOSE || kind == TOKEN_BRACKET_CLOSE);
}

/* A line of a train block that begins with a word which is no clause reads as an expression up to here. */
static bool is_unknown_clause(const Situation *at) {
    return at->frame->kind == FRAME_TRAIN && at->frame->head == TOKEN_NAME && !at->frame->committed && situation_expects(at, TOKEN_COMMIT);
}

/* `prnt 3`, `def f`: a word, and on the same line something that no expression goes on with. */
static bool is_unknown_statement(const Situation *at) {
    const Token *head = &at->tokens->items[at->frame->head_index];
    int found = at->found->kind;
    bool lines = (at->frame->kind == FRAME_SCRIPT || at->frame->kind == FRAME_ACTION) && at->frame->head == TOKEN_NAME;
    return lines && at->raw == head + 1 && !at->raw->newline_before && situation_expects(at, TOKEN_NEWLINE) &&
           (found == TOKEN_NAME || found == TOKEN_NUMBER || found == TOKEN_STRING);
}

static void report(const Situation *at) {
    Diagnostics *diagnostics = at->parse->diagnostics;
    const Token *head = &at->tokens->items[at->frame->head_index];
    Text wanted = {0}, found = {0}, help = {0};
    describe_expected(at, &wanted);
    describe_found(at, &found);
    Span span = at->found->span;
    if (is_unknown_clause(at)) diagnose(diagnostics, "E0100", head->span, "a train block has no clause '%s'", head->text);
    else if (is_unknown_statement(at)) diagnose(diagnostics, "E0100", head->span, "there is no statement '%s'", head->text);
    else if (is_stray(at)) diagnose(diagnostics, "E0100", span, "%s closes nothing", text_string(&found));
    else if (wanted.length == 0) diagnose(diagnostics, "E0100", span, "%s does not fit here", text_string(&found));
    else diagnose(diagnostics, "E0100", span, "expected %s, found %s", text_string(&wanted), text_string(&found));
    const Token *opener = still_open(at);
    if (opener) diagnose_second(diagnostics, opener->span, "opened here");
    if (syntax_advice(at, &help)) diagnose_help(diagnostics, "%s", text_string(&help));
    text_free(&wanted);
    text_free(&found);
    text_free(&help);
}

void syntax_error_report(Parse *parse, const int *expected, int count) {
    TokenStream *stream = parse->stream;
    const Token *found = &parse->token;
    if (parse->error_count++ == 0 && found->kind == TOKEN_END && !stream->stopped) parse->incomplete = true;
    bool again = parse->error_count > 1 && parse->error_offset == found->span.start;
    parse->error_offset = found->span.start;
    parse->resume = RESUME_NOT;
    if (stream->stopped || again) return;
    size_t index = stream->index;
    while (index > 0 && stream->tokens->items[index].span.start > found->span.start) index--;
    const Frame *frame = &stream->frames[stream->opened ? stream->depth - 1 : stream->depth];
    Situation at = {parse, expected, count, found, &stream->tokens->items[index], stream->tokens, frame};
    bool stray = is_stray(&at);
    const Token *opener = still_open(&at);
    if (found->kind != TOKEN_BAD) report(&at);
    if (opener && opener->kind == TOKEN_RECORD && opener->match < 0) stream->stopped = true; /* all that follows would be misread */
    bool skipped = token_stream_recover(stream, found);
    if (found->kind != TOKEN_END && !stray) parse->resume = skipped ? RESUME_BEHIND : RESUME_HERE;
}
