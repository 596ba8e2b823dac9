/* The grammar. Actions build one node each; what words and newlines mean was decided by the token stream. */
%define api.pure full
%define api.prefix {reg_}
%define api.token.prefix {TOKEN_}
%define api.token.raw
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parse *parse}

%code requires {
#include "lang/syntax/build.h"
}

%code {
#include "lang/syntax/syntax_error.h"

#define YYMAXDEPTH 100000
#define YYLLOC_DEFAULT(current, rhs, count) ((current) = span_of(&(rhs)[1], &(rhs)[count], &(rhs)[0], (count)))

static Span span_of(const Span *first, const Span *last, const Span *before, int count) {
    if (count > 0) return (Span){first->file, first->start, last->end};
    return (Span){before->file, before->end, before->end};
}

static int reg_lex(REG_STYPE *value, Span *span, Parse *parse) {
    Token token = parse->token = token_stream_next(parse->stream);
    *span = token.span;
    if (token.kind == TOKEN_NUMBER) {
        value->number.value = token.number;
        value->number.whole = token.whole;
    } else {
        value->word = (Word){token.text, token.span};
    }
    return token.kind;
}

static void reg_error(const Span *span, Parse *parse, const char *message) {
    (void)message;
    diagnose(parse->diagnostics, "E0100", *span, "this is nested too deeply to be read");
    parse->error_count++;
}

/* After an error: the stream has left the statement behind; said so, the grammar reports the next error too. */
#define RESUME \
    do { \
        if (parse->resume == RESUME_BEHIND) yyclearin; \
        if (parse->resume != RESUME_NOT) yyerrok; \
    } while (0)

/* yyloc is @$ of the rule at hand, yylsp[-1] the middle one of three symbols. */
#define ITEMS(...) (int)(sizeof((Tree *[]){__VA_ARGS__}) / sizeof(Tree *)), (Tree *[]){__VA_ARGS__}
#define NODE(kind, ...) node(parse, TREE_##kind, yyloc, ITEMS(__VA_ARGS__), NULL)
#define LISTED(kind, list) node(parse, TREE_##kind, yyloc, 0, NULL, list)
#define NODE_LISTED(kind, list, ...) node(parse, TREE_##kind, yyloc, ITEMS(__VA_ARGS__), list)
#define LEAF(kind) node(parse, TREE_##kind, yyloc, 0, NULL, NULL)
#define BINARY(text, left, right) named((Word){text, yylsp[-1]}, NODE(BINARY, left, right))
}

%union {
    Tree *tree;
    Nodes *nodes;
    Word word;
    struct { double value; bool whole; } number;
    MinimizeHeader *header;
}

%token END 0 "the end of the text"
%token NEWLINE "the end of the line"
%token SEMICOLON "`;`" BAD "an unreadable character"
%token <word> NAME "a name" GLOB "a pattern" STRING "a string" HOOK "a hook"
%token <number> NUMBER "a number"
%token LET "`let`" FN "`fn`" IF "`if`" THEN "`then`" ELSE "`else`" FOR "`for`" IN "`in`" AND "`and`" OR "`or`" NOT "`not`"
%token TRUE "`true`" FALSE "`false`" WITH "`with`" WITHOUT "`without`" EXCEPT "`except`" LOOP "`loop`" IMPORT "`import`"
%token DATA "`data`" MODEL "`model`" LOSS "`loss`" PENALTY "`penalty`" METHOD "`method`" VAR "`var`" PARAM "`param`" STATE "`state`"
%token TUNE "`tune`" TRAIN "`train`" PRINT "`print`" TABLE "`table`" ROW "`row`" PLOT "`plot`" IMAGE "`image`" SAVE "`save`" RESTORE "`restore`"
%token EXPECT "`expect`" REPORT "`report`" PRECISION "`precision`" SEED "`seed`" GRADIENT "`gradient`" PROX "`prox`" RESET "`reset`" REFUSE "`refuse`" RATE "`rate`"
%token MINIMIZE "`minimize`" USING "`using`" BATCH "`batch`" WATCH "`watch`" STOP "`stop`" KEEP "`keep`" CHECKPOINT "`checkpoint`"
%token LOG "`log`" DRAW "`draw`" EVERY "`every`" AT "`at`" ON "`on`" OVER "`over`" AFTER "`after`" EVAL "`eval`" WHEN "`when`"
%token BEST "`best`" FROM "`from`" TO "`to`" UNTIL "`until`" MAX "`max`" ALL "`all`" WITH_REPLACEMENT "`with replacement`"
%token OPTIMIZER "`optimizer`" START "`start`" EPOCHS "`epochs`" STEPS "`steps`" PERCENT "`%`" NEXT_TERM "the next term"
%token <word> RANK "`highest` or `lowest`"
%token OPEN "`(`" LAMBDA "`(` of a lambda" CLOSE "`)`" BRACKET "`[`" BRACKET_CLOSE "`]`" MAKE "`{` of a maker" RECORD "`{` of a record"
%token BLOCK "`{`" CLAUSES "`{` of a train block" MEMBERS "`{` of a method" ROWS "`{` of a table" ITEMS "`{` of a plot" BRACE_CLOSE "`}`"
%token COMMA "`,`" COLON "`:`" DOT "`.`" RANGE "`..`" ELLIPSIS "`...`" ASSIGN "`=`" TILDE "`~`" COMMIT "`<-`" ARROW "`->`" PIPE "`|>`" BAR "`|`"
%token PLUS "`+`" MINUS "`-`" STAR "`*`" STAR_STAR "`**`" SLASH "`/`" FLOOR "`//`" MODULO "`%` between numbers" POWER "`^`" MATMUL "`@`"
%token EQ "`==`" NE "`!=`" LT "`<`" LE "`<=`" GT "`>`" GE "`>=`"

%precedence LOW
%left WITH WITHOUT
%precedence ELSE
%left EXCEPT
%left PIPE
%left OR
%left AND
%precedence NOT
%nonassoc EQ NE LT LE GT GE
%nonassoc RANGE
%left PLUS MINUS
%left STAR SLASH FLOOR MODULO MATMUL
%precedence SIGN
%right POWER
%precedence OPEN BRACKET MAKE DOT EPOCHS STEPS PERCENT

%type <tree> expr word primary atom item slice from_to argument named_argument parameter shape dimension parameters result annotation body block
%type <tree> statement declaration output script_statement let variable gradient prox clause action_clause row plot_item member hook
%type <tree> term time value_on optional_on optional_every optional_max optional_default optional_start
%type <nodes> items choices item_list field_list arguments argument_list fields parameter_list dimensions statements statement_list expr_list
%type <nodes> clauses clause_list members member_list rows row_list plot_items plot_item_list terms
%type <header> header
%type <word> label

%%

script
    : %empty
    | script_statement                    { append(parse, &parse->statements, $1); }
    | script NEWLINE script_statement     { append(parse, &parse->statements, $3); }
    ;

script_statement
    : statement
    | error                               { $$ = NULL; RESUME; }
    ;

statements
    : %empty                              { $$ = nodes(parse, NULL); }
    | statement_list
    ;

statement_list
    : script_statement                    { $$ = nodes(parse, $1); }
    | statement_list NEWLINE script_statement { $$ = append(parse, $1, $3); }
    ;

block: BLOCK statements BRACE_CLOSE       { $$ = LISTED(BLOCK, $2); };

statement
    : declaration
    | output
    | let
    | expr                                { $$ = NODE(EXPRESSION, $1); }
    | expr COMMIT expr                    { $$ = NODE(COMMIT, $1, $3); }
    | FOR NAME IN expr block              { $$ = named($2, NODE(FOR, $4, $5)); }
    | RESET OPTIMIZER optional_on         { $$ = NODE(RESET, $3); }
    ;

let: LET NAME ASSIGN expr                 { $$ = named($2, NODE(LET, $4)); };

declaration
    : DATA NAME ASSIGN expr               { $$ = named($2, NODE(DATA, $4)); }
    | VAR variable                        { $$ = $2; $$->kind = TREE_VAR; $$->span = @$; }
    | PARAM variable                      { $$ = $2; $$->kind = TREE_PARAM; $$->span = @$; }
    | STATE variable                      { $$ = $2; $$->kind = TREE_STATE; $$->span = @$; }
    | TUNE NAME annotation IN OPEN expr COMMA expr CLOSE optional_start
                                          { $$ = named($2, NODE(TUNE, $3, $6, $8, $10)); }
    | FN NAME OPEN parameters CLOSE result body gradient
                                          { $$ = named($2, NODE(FN, $4, $6, $7, $8)); }
    | MODEL NAME MAKE parameters BRACE_CLOSE OPEN parameters CLOSE result body
                                          { $$ = named($2, NODE(MODEL, $4, $7, $9, $10)); }
    | LOSS NAME OPEN parameters CLOSE result body gradient
                                          { $$ = named($2, NODE(LOSS, $4, $6, $7, $8)); }
    | PENALTY NAME OPEN parameters CLOSE result body prox
                                          { $$ = named($2, NODE(PENALTY, $4, $6, $7, $8)); }
    | METHOD NAME MAKE parameters BRACE_CLOSE MEMBERS members BRACE_CLOSE
                                          { $$ = named($2, NODE_LISTED(METHOD, $7, $4)); }
    | IMPORT STRING                       { $$ = named($2, LEAF(IMPORT)); }
    | TRAIN expr_list FOR expr CLAUSES clauses BRACE_CLOSE
                                          { $$ = NODE_LISTED(TRAIN, $6, node(parse, TREE_LIST, @2, 0, NULL, $2), NULL, need_quantity(parse, $4)); }
    | TRAIN expr_list ON expr_list FOR expr CLAUSES clauses BRACE_CLOSE
                                          { $$ = NODE_LISTED(TRAIN, $8, node(parse, TREE_LIST, @2, 0, NULL, $2),
                                                             node(parse, TREE_LIST, @4, 0, NULL, $4), need_quantity(parse, $6)); }
    ;

variable
    : NAME annotation ASSIGN expr         { $$ = named($1, NODE(VAR, $2, $4)); }
    | NAME annotation TILDE expr          { $$ = flagged(true, named($1, NODE(VAR, $2, $4))); }
    ;

optional_start
    : %empty                              { $$ = NULL; }
    | START expr                          { $$ = $2; }
    ;

annotation
    : %empty                              { $$ = NULL; }
    | COLON shape                         { $$ = $2; }
    ;

result
    : %empty                              { $$ = NULL; }
    | ARROW shape                         { $$ = $2; }
    ;

body
    : ASSIGN expr                         { $$ = $2; }
    | block
    ;

gradient
    : %empty                              { $$ = NULL; }
    | GRADIENT OPEN parameters CLOSE body { $$ = lambda(parse, @$, $3, $5); }
    ;

prox
    : %empty                              { $$ = NULL; }
    | PROX OPEN parameters CLOSE body     { $$ = lambda(parse, @$, $3, $5); }
    ;

shape: BRACKET dimensions BRACKET_CLOSE   { $$ = LISTED(SHAPE, $2); };

dimensions
    : %empty                              { $$ = nodes(parse, NULL); }
    | dimension                           { $$ = nodes(parse, $1); }
    | dimensions COMMA dimension          { $$ = append(parse, $1, $3); }
    ;

dimension
    : expr
    | ELLIPSIS                            { $$ = flagged(true, NODE(SLICE, NULL, NULL, NULL)); }
    ;

parameters
    : %empty                              { $$ = LEAF(PARAMETERS); }
    | parameter_list                      { $$ = LISTED(PARAMETERS, $1); }
    | parameter_list COMMA                { $$ = LISTED(PARAMETERS, $1); }
    ;

parameter_list
    : parameter                           { $$ = nodes(parse, $1); }
    | parameter_list COMMA parameter      { $$ = append(parse, $1, $3); }
    ;

parameter
    : NAME optional_default               { $$ = named($1, NODE(PARAMETER, NULL, $2)); }
    | NAME COLON shape optional_default   { $$ = named($1, NODE(PARAMETER, $3, $4)); }
    | NAME COLON choices optional_default { $$ = named($1, NODE(PARAMETER, node(parse, TREE_CHOICES, @3, 0, NULL, $3), $4)); }
    | NAME COLON NAME optional_default    { $$ = named($1, NODE(PARAMETER, named($3, node(parse, TREE_NAME, @3, 0, NULL, NULL)), $4)); }
    ;

choices
    : word BAR word                       { $$ = append(parse, nodes(parse, $1), $3); }
    | choices BAR word                    { $$ = append(parse, $1, $3); }
    ;

word: NAME                                { $$ = named($1, LEAF(NAME)); };

optional_default
    : %empty                              { $$ = NULL; }
    | ASSIGN expr                         { $$ = $2; }
    ;

members
    : %empty                              { $$ = nodes(parse, NULL); }
    | member_list
    ;

member_list
    : member                              { $$ = nodes(parse, $1); }
    | member_list NEWLINE member          { $$ = append(parse, $1, $3); }
    ;

member
    : hook
    | let
    | REFUSE OPEN arguments CLOSE         { Tree *refuse = named((Word){"refuse", @1}, node(parse, TREE_NAME, @1, 0, NULL, NULL));
                                            $$ = NODE(EXPRESSION, call_or_make(parse, TREE_CALL, @$, refuse, $3)); }
    | STATE variable                      { $$ = $2; $$->kind = TREE_STATE; $$->span = @$; }
    | PARAM variable                      { $$ = $2; $$->kind = TREE_PARAM; $$->span = @$; }
    | PARAM NAME annotation ASSIGN expr RATE expr { $$ = named($2, NODE(PARAM, $3, $5, $7)); }
    | PARAM NAME annotation TILDE expr RATE expr { $$ = flagged(true, named($2, NODE(PARAM, $3, $5, $7))); }
    | FN NAME OPEN parameters CLOSE result body
                                          { $$ = named($2, NODE(FN, $4, $6, $7, NULL)); }
    | action_clause
    | error                               { $$ = NULL; RESUME; }
    ;

hook: HOOK OPEN parameters CLOSE body     { $$ = named($1, NODE(HOOK, $3, $5)); };

action_clause
    : EVERY time block                    { $$ = NODE(EVERY, $2, $3); }
    | AT time block                       { $$ = NODE(AT, $2, $3); }
    ;

time
    : expr                                { $$ = need_quantity(parse, $1); }
    | EPOCHS                              { $$ = quantity(parse, @$, "epochs", NULL); }
    | STEPS                               { $$ = quantity(parse, @$, "steps", NULL); }
    | EPOCHS atom                         { $$ = quantity(parse, @$, "epochs", $2); }
    | STEPS atom                          { $$ = quantity(parse, @$, "steps", $2); }
    ;

clauses
    : %empty                              { $$ = nodes(parse, NULL); }
    | clause_list
    ;

clause_list
    : clause                              { $$ = nodes(parse, $1); }
    | clause_list NEWLINE clause          { $$ = append(parse, $1, $3); }
    ;

clause
    : MINIMIZE terms                      { $$ = NODE_LISTED(MINIMIZE, $2, NULL, NULL, NULL, NULL, NULL); }
    | MINIMIZE header COLON terms         { Tree **slots = $2->slots;
                                            $$ = NODE_LISTED(MINIMIZE, $4, slots[0], slots[1], slots[2], slots[3], slots[4]);
                                            $$->flag = $2->eval; }
    | USING expr optional_on              { $$ = NODE(USING, $2, $3); }
    | WITH expr optional_on               { $$ = NODE(METHOD_USE, $2, $3); }
    | BATCH expr                          { $$ = NODE(BATCH, $2); }
    | BATCH ALL                           { $$ = NODE(BATCH, NULL); }
    | BATCH expr WITH_REPLACEMENT         { $$ = flagged(true, NODE(BATCH, $2)); }
    | SEED expr                           { $$ = NODE(SEED, $2); }
    | PRECISION NAME                      { $$ = named($2, LEAF(PRECISION)); }
    | WATCH term optional_on optional_every { $$ = NODE(WATCH, $2, $3, $4); }
    | STOP WHEN expr                      { $$ = NODE(STOP, $3); }
    | KEEP BEST expr                      { $$ = NODE(KEEP, $3); }
    | KEEP BEST RANK expr                 { $$ = named($3, NODE(KEEP, $4)); }
    | CHECKPOINT expr optional_every      { $$ = NODE(CHECKPOINT, $2, $3); }
    | LOG term optional_every             { $$ = NODE(LOG, $2, $3); }
    | DRAW NAME FROM expr BATCH expr      { $$ = named($2, NODE(DRAW, $4, $6)); }
    | STATE variable                      { $$ = $2; $$->kind = TREE_STATE; $$->span = @$; }
    | expr COMMIT expr                    { $$ = NODE(COMMIT, $1, $3); }
    | let
    | action_clause
    | error                               { $$ = NULL; RESUME; }
    ;

header
    : value_on                            { $$ = header_option(parse, NULL, 1, $1, @$); }
    | OVER expr                           { $$ = header_option(parse, NULL, 0, $2, @$); }
    | EVERY time                          { $$ = header_option(parse, NULL, 2, $2, @$); }
    | USING expr                          { $$ = header_option(parse, NULL, 3, $2, @$); }
    | AFTER time                          { $$ = header_option(parse, NULL, 4, $2, @$); }
    | EVAL                                { $$ = header_option(parse, NULL, 5, NULL, @$); }
    | header value_on                     { $$ = header_option(parse, $1, 1, $2, @2); }
    | header OVER expr                    { $$ = header_option(parse, $1, 0, $3, @2); }
    | header EVERY time                   { $$ = header_option(parse, $1, 2, $3, @2); }
    | header USING expr                   { $$ = header_option(parse, $1, 3, $3, @2); }
    | header AFTER time                   { $$ = header_option(parse, $1, 4, $3, @2); }
    | header EVAL                         { $$ = header_option(parse, $1, 5, NULL, @2); }
    ;

value_on: ON expr                         { $$ = $2; };

optional_on
    : %empty                              { $$ = NULL; }
    | value_on
    ;

optional_every
    : %empty                              { $$ = NULL; }
    | EVERY time                          { $$ = $2; }
    ;

terms
    : term                                { $$ = nodes(parse, $1); }
    | terms NEXT_TERM term                { $$ = append(parse, $1, $3); }
    ;

term
    : expr                                { $$ = NODE(ARGUMENT, $1); }
    | named_argument
    ;

output
    : PRINT argument_list                 { $$ = LISTED(PRINT, $2); }
    | TABLE ROWS rows BRACE_CLOSE         { $$ = NODE_LISTED(TABLE, $3, NULL); }
    | TABLE label ROWS rows BRACE_CLOSE   { $$ = NODE_LISTED(TABLE, $4, named($2, node(parse, TREE_STRING, @2, 0, NULL, NULL))); }
    | PLOT ITEMS plot_items BRACE_CLOSE   { $$ = NODE_LISTED(PLOT, $3, NULL); }
    | PLOT label ITEMS plot_items BRACE_CLOSE { $$ = NODE_LISTED(PLOT, $4, named($2, node(parse, TREE_STRING, @2, 0, NULL, NULL))); }
    | PLOT plot_item_list                 { $$ = NODE_LISTED(PLOT, $2, NULL); }
    | IMAGE expr                          { $$ = NODE(IMAGE, $2, NULL); }
    | IMAGE expr TO expr                  { $$ = NODE(IMAGE, $2, $4); }
    | SAVE expr TO expr                   { $$ = NODE(SAVE, $2, $4); }
    | RESTORE expr FROM expr              { $$ = NODE(RESTORE, $2, $4); }
    | REPORT expr                         { $$ = NODE(REPORT, $2); }
    | EXPECT expr                         { $$ = NODE(EXPECT, $2); }
    | PRECISION NAME                      { $$ = named($2, LEAF(PRECISION)); }
    | SEED expr                           { $$ = NODE(SEED, $2); }
    ;

label: STRING;

rows
    : %empty                              { $$ = nodes(parse, NULL); }
    | row_list
    ;

row_list
    : row                                 { $$ = nodes(parse, $1); }
    | row_list NEWLINE row                { $$ = append(parse, $1, $3); }
    ;

row
    : label ASSIGN expr_list              { $$ = NODE_LISTED(ROW, $3, named($1, node(parse, TREE_STRING, @1, 0, NULL, NULL))); }
    | ROW label ASSIGN expr_list          { $$ = NODE_LISTED(ROW, $4, named($2, node(parse, TREE_STRING, @2, 0, NULL, NULL))); }
    | FOR NAME IN expr ROWS rows BRACE_CLOSE
                                          { $$ = named($2, NODE(FOR, $4, node(parse, TREE_BLOCK, @5, 0, NULL, $6))); }
    | let
    | error                               { $$ = NULL; RESUME; }
    ;

plot_items
    : %empty                              { $$ = nodes(parse, NULL); }
    | plot_item_list
    | plot_items NEWLINE plot_item        { $$ = append(parse, $1, $3); }
    ;

plot_item_list
    : plot_item                           { $$ = nodes(parse, $1); }
    | plot_item_list COMMA plot_item      { $$ = append(parse, $1, $3); }
    ;

plot_item
    : expr
    | named_argument
    | error                               { $$ = NULL; RESUME; }
    ;

expr_list
    : expr                                { $$ = nodes(parse, $1); }
    | expr_list COMMA expr                { $$ = append(parse, $1, $3); }
    ;

expr
    : primary
    | expr OPEN arguments CLOSE           { $$ = call_or_make(parse, TREE_CALL, @$, $1, $3); }
    | expr MAKE arguments BRACE_CLOSE     { $$ = call_or_make(parse, TREE_MAKE, @$, $1, $3); }
    | expr BRACKET items BRACKET_CLOSE    { $$ = NODE_LISTED(INDEX, $3, $1); }
    | expr DOT NAME                       { $$ = named($3, NODE(FIELD, $1)); }
    | expr DOT GLOB                       { $$ = named($3, NODE(FIELD, $1)); }
    | expr EPOCHS                         { $$ = quantity(parse, @$, "epochs", $1); }
    | expr STEPS                          { $$ = quantity(parse, @$, "steps", $1); }
    | expr PERCENT                        { $$ = quantity(parse, @$, "percent", $1); }
    | MINUS expr %prec SIGN               { $$ = named((Word){"-", @1}, NODE(UNARY, $2)); }
    | NOT expr                            { $$ = named((Word){"not", @1}, NODE(UNARY, $2)); }
    | expr POWER expr                     { $$ = BINARY("^", $1, $3); }
    | expr STAR expr                      { $$ = BINARY("*", $1, $3); }
    | expr SLASH expr                     { $$ = BINARY("/", $1, $3); }
    | expr FLOOR expr                     { $$ = BINARY("//", $1, $3); }
    | expr MODULO expr                    { $$ = BINARY("%", $1, $3); }
    | expr MATMUL expr                    { $$ = BINARY("@", $1, $3); }
    | expr PLUS expr                      { $$ = BINARY("+", $1, $3); }
    | expr MINUS expr                     { $$ = BINARY("-", $1, $3); }
    | expr EQ expr                        { $$ = BINARY("==", $1, $3); }
    | expr NE expr                        { $$ = BINARY("!=", $1, $3); }
    | expr LT expr                        { $$ = BINARY("<", $1, $3); }
    | expr LE expr                        { $$ = BINARY("<=", $1, $3); }
    | expr GT expr                        { $$ = BINARY(">", $1, $3); }
    | expr GE expr                        { $$ = BINARY(">=", $1, $3); }
    | expr AND expr                       { $$ = BINARY("and", $1, $3); }
    | expr OR expr                        { $$ = BINARY("or", $1, $3); }
    | expr RANGE expr                     { $$ = NODE(RANGE, $1, $3); }
    | expr PIPE expr                      { $$ = NODE(PIPE, $1, $3); }
    | expr EXCEPT expr                    { $$ = NODE(EXCEPT, $1, $3); }
    | expr WITH NAME ASSIGN expr %prec WITH { $$ = named($3, NODE(WITH, $1, $5)); }
    | expr WITHOUT NAME                   { $$ = named($3, NODE(WITHOUT, $1)); }
    | LAMBDA parameters CLOSE ARROW expr %prec LOW { $$ = lambda(parse, @$, $2, $5); }
    | IF expr THEN expr ELSE expr %prec LOW { $$ = NODE(IF, $2, $4, $6); }
    | IF expr block %prec LOW             { $$ = NODE(IF, $2, $3, NULL); }
    | IF expr block ELSE expr %prec LOW   { $$ = NODE(IF, $2, $3, $5); }
    ;

primary
    : atom
    | block
    ;

atom
    : NAME                                { $$ = named($1, LEAF(NAME)); }
    | NUMBER                              { $$ = number_node(parse, TREE_NUMBER, @$, $1.value, $1.whole); }
    | STRING                              { $$ = named($1, LEAF(STRING)); }
    | TRUE                                { $$ = number_node(parse, TREE_BOOL, @$, 1, false); }
    | FALSE                               { $$ = number_node(parse, TREE_BOOL, @$, 0, false); }
    | OPEN expr CLOSE                     { $$ = $2; }
    | BRACKET items BRACKET_CLOSE         { $$ = LISTED(LIST, $2); }
    | RECORD fields BRACE_CLOSE           { $$ = LISTED(RECORD, $2); }
    | LOOP OPEN fields CLOSE UNTIL expr optional_max block
                                          { $$ = NODE(LOOP, node(parse, TREE_BLOCK, @3, 0, NULL, $3), $6, $7, $8); }
    ;

optional_max
    : %empty                              { $$ = NULL; }
    | MAX expr                            { $$ = $2; }
    ;

items
    : %empty                              { $$ = nodes(parse, NULL); }
    | item_list
    | item_list COMMA
    ;

item_list
    : item                                { $$ = nodes(parse, $1); }
    | item_list COMMA item                { $$ = append(parse, $1, $3); }
    ;

item
    : expr
    | slice
    | ELLIPSIS                            { $$ = flagged(true, NODE(SLICE, NULL, NULL, NULL)); }
    ;

slice
    : from_to                             { $$ = $1; }
    | from_to COLON expr                  { $$ = NODE(SLICE, $1->items[0], $1->items[1], $3); }
    ;

from_to
    : COLON                               { $$ = NODE(SLICE, NULL, NULL, NULL); }
    | COLON expr                          { $$ = NODE(SLICE, NULL, $2, NULL); }
    | expr COLON                          { $$ = NODE(SLICE, $1, NULL, NULL); }
    | expr COLON expr                     { $$ = NODE(SLICE, $1, $3, NULL); }
    ;

arguments
    : %empty                              { $$ = nodes(parse, NULL); }
    | argument_list
    | argument_list COMMA
    ;

argument_list
    : argument                            { $$ = nodes(parse, $1); }
    | argument_list COMMA argument        { $$ = append(parse, $1, $3); }
    ;

argument
    : expr                                { $$ = NODE(ARGUMENT, $1); }
    | named_argument
    ;

named_argument: NAME ASSIGN expr          { $$ = named($1, NODE(ARGUMENT, $3)); };

fields
    : %empty                              { $$ = nodes(parse, NULL); }
    | field_list
    | field_list COMMA
    ;

field_list
    : named_argument                      { $$ = nodes(parse, $1); }
    | field_list COMMA named_argument     { $$ = append(parse, $1, $3); }
    ;

%%

/* What is written the same is called the same. */
const char *token_name(int kind) {
    switch (kind) {
    case TOKEN_MAKE: case TOKEN_RECORD: case TOKEN_CLAUSES: case TOKEN_MEMBERS: case TOKEN_ROWS: case TOKEN_ITEMS: return "`{`";
    case TOKEN_LAMBDA: return "`(`";
    case TOKEN_MODULO: return "`%`";
    default: return yysymbol_name((yysymbol_kind_t)kind);
    }
}

static int yyreport_syntax_error(const yypcontext_t *context, Parse *parse) {
    yysymbol_kind_t kinds[YYNTOKENS];
    int expected[YYNTOKENS];
    int count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
    for (int i = 0; i < count; i++) expected[i] = (int)kinds[i];
    syntax_error_report(parse, expected, count);
    return 0;
}
