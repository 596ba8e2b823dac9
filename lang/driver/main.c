/* The command line: the table of commands, and the only place that ends the program with a code. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "runtime/base/width.h"

#include <stdio.h>
#include <string.h>

#define REG_VERSION "1.0.0"

static int command_help(const Options *options);
static int command_version(const Options *options);

static const Command commands[] = {
    {"run", "FILE", "run a script", "FILE may be `-` for standard input.\n", 1, 1, command_run, NULL},
    {"explain", "FILE", "say what one step of each train block does: places, passes, state, memory", "", 1, 1, command_explain, NULL},
    {"check", "FILE…", "check names, shapes and clauses of scripts without computing", "", 1, -1, command_check, NULL},
    {"compile", "[FILE]", "make a program of a script, or C text of a saved model",
     "The program runs where there is neither Reg nor a compiler, takes the options of `reg run` (`PROGRAM --help` lists them), prints\n"
     "the same and computes the same bits. With --model a model or a function over it becomes net.c and net.h instead: plain C99.\n",
     0, 1, command_compile, NULL},
    {"graph", "FILE", "show what a script compiles to, statement by statement",
     "Shows the fused groups by default; --dump chooses another stage.\n", 1, 1, command_graph, NULL},
    {"doc", "[NAME]", "explain a built-in, a name of the standard library, a data set or an error code",
     "Without a name it lists everything there is.\n", 0, -1, command_doc, NULL},
    {"fmt", "FILE…", "rewrite scripts in their one form", "FILE may be `-`: standard input to standard output.\n", 1, -1, command_fmt,
     NULL},
    {"test", "DIR|FILE…", "run scripts and compare what they print with their `#> value` lines",
     "A file passes when it runs without errors and every golden line matches. Of a folder all .reg files are run.\n"
     "`reg test stdlib` also runs the examples in the doc comments of the standard library, and of a page such as README.md\n"
     "the blocks that open with ```reg, each as a script of its own.\n",
     1, -1, command_test, NULL},
    {"repl", "", "talk to Reg line by line (also: `reg` alone)", "", 0, 0, command_repl, NULL},
    {"help", "[COMMAND]", "show this page, or the options of a command", "", 0, 1, command_help, NULL},
    {"version", "", "show the version", "", 0, 0, command_version, NULL},
};
enum { COMMAND_COUNT = sizeof commands / sizeof *commands };

static const Command *find_command(const char *name) {
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) name = "version";
    for (int k = 0; k < COMMAND_COUNT; k++)
        if (!strcmp(commands[k].name, name)) return &commands[k];
    return NULL;
}

static int unknown_command(const char *word) {
    const char *names[COMMAND_COUNT];
    for (int k = 0; k < COMMAND_COUNT; k++) names[k] = commands[k].name;
    const char *nearest = nearest_name(word, names, COMMAND_COUNT);
    size_t length = strlen(word);
    if (nearest || length < 4 || strcmp(word + length - 4, ".reg"))
        return unknown_word(NULL, word[0] == '-' ? "option" : "command", word, nearest);
    fprintf(stderr, "reg: '%s' is a script, not a command\nhelp: `reg run %s`\n", word, word);
    return EXIT_USAGE;
}

/* Help --------------------------------------------------------------------------------------------------------------- */

static int help_of(const Command *command) {
    Text text = {0};
    text_addf(&text, "reg %s %s%s— %s\n\n%s%s", command->name, command->arguments, *command->arguments ? " " : "", command->summary,
              command->help, *command->help ? "\n" : "");
    options_help(command, &text);
    console_text(&text);
    text_free(&text);
    return EXIT_DONE;
}

static int command_help(const Options *options) {
    if (options->name_count) {
        const Command *command = find_command(options->names[0]);
        return command ? help_of(command) : unknown_command(options->names[0]);
    }
    printf("Reg: say what is learned, from what, and what holds it back.\n\n");
    for (int k = 0; k < COMMAND_COUNT; k++) {
        Text line = {0};
        text_add_left(&line, commands[k].name, 8);
        text_add_left(&line, commands[k].arguments, 10);
        printf("  reg %s %s\n", text_string(&line), commands[k].summary);
        text_free(&line);
    }
    printf("\n`reg help COMMAND` lists the options of a command, `reg doc` what the language knows.\n");
    return EXIT_DONE;
}

static int command_version(const Options *options) {
    (void)options;
    printf("reg " REG_VERSION "\n");
    return EXIT_DONE;
}

int main(int count, char **words) {
    Bundle bundle;
    if (bundle_open(&bundle)) return console_close(program_main(&bundle, count, words));
    if (bundle_is_due()) {
        fprintf(stderr,
                "%s: the script that this program carries cannot be read: the file is damaged, or may not be read\n"
                "help: copy it again or make it anew with `reg compile`; it needs permission to be read (chmod +r), and tools that\n"
                "      rewrite executables, such as strip, remove what it carries\n",
                words[0]);
        return EXIT_FAILED;
    }
    const Command *command = find_command(count > 1 ? words[1] : "repl");
    /* `reg --threads 1` is the REPL with an option. */
    bool is_repl = !command && words[1][0] == '-' && words[1][1];
    if (is_repl) command = find_command("repl");
    if (!command) return unknown_command(words[1]);
    Options options = {.command = command};
    bool wants_help = false;
    int skipped = count > 1 && !is_repl ? 2 : 1;
    bool ok = options_read(&options, count - skipped, words + skipped, &wants_help);
    int code = !ok ? EXIT_USAGE : wants_help ? help_of(command) : command->run(&options);
    options_free(&options);
    return console_close(code);
}
