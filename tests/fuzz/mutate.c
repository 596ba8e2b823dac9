/* One mutated program: mutate SEED DONOR FILE writes FILE with one to three tokens deleted, doubled, swapped or replaced by tokens of
 * DONOR. The same arguments give the same text. */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 18, TOKENS_MAX = 1 << 15 };

typedef struct Piece {
    const char *start;
    int length;
} Piece;

typedef struct Program {
    char text[TEXT_MAX];
    Piece pieces[TOKENS_MAX];
    int count;
} Program;

static uint64_t state;

static uint64_t next_random(void) { /* splitmix64 */
    uint64_t z = state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int below(int limit) { return limit > 0 ? (int)(next_random() % (uint64_t)limit) : 0; }

static bool is_word(int c) { return isalnum(c) || c == '_' || c >= 0x80; }

/* Words and numbers, strings, comments, blanks; anything else is a piece of its own. */
static int piece_length(const char *at) {
    const unsigned char *c = (const unsigned char *)at;
    int n = 1;
    if (is_word(c[0]))
        while (is_word(c[n])) n++;
    else if (c[0] == '"') {
        while (c[n] && c[n] != '"' && c[n] != '\n') n++;
        n += c[n] == '"';
    } else if (c[0] == '#')
        while (c[n] && c[n] != '\n') n++;
    else if (c[0] == ' ')
        while (c[n] == ' ') n++;
    return n;
}

static bool read_program(const char *path, Program *program) {
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    size_t length = fread(program->text, 1, TEXT_MAX - 1, file);
    fclose(file);
    program->text[length] = 0;
    program->count = 0;
    for (const char *at = program->text; *at && program->count < TOKENS_MAX;) {
        int n = piece_length(at);
        program->pieces[program->count++] = (Piece){at, n};
        at += n;
    }
    return program->count > 0;
}

static int pick_token(const Program *program) {
    for (int tries = 0; tries < 64; tries++) {
        int at = below(program->count);
        char first = program->pieces[at].start[0];
        if (first != ' ' && first != '#') return at;
    }
    return 0;
}

static void mutate(Program *program, const Program *donor) {
    int at = pick_token(program), other = pick_token(program);
    Piece *pieces = program->pieces, held = pieces[at];
    switch (below(6)) {
    case 0: pieces[at].length = 0; break;
    case 1: pieces[at] = pieces[other]; break;
    case 2: pieces[at] = pieces[other], pieces[other] = held; break;
    case 3: pieces[at] = donor->pieces[pick_token(donor)]; break;
    case 4: pieces[at].start = "0", pieces[at].length = 1; break;
    default: /* a token behind itself */
        if (program->count == TOKENS_MAX) break;
        memmove(pieces + at + 1, pieces + at, sizeof *pieces * (size_t)(program->count++ - at));
        break;
    }
}

int main(int count, char **arguments) {
    static Program program, donor;
    if (count != 4 || !read_program(arguments[3], &program) || !read_program(arguments[2], &donor)) {
        fprintf(stderr, "mutate SEED DONOR FILE\n");
        return 2;
    }
    state = strtoull(arguments[1], NULL, 10) * 0x2545f4914f6cdd1du + 1;
    for (int rounds = 1 + below(3); rounds > 0; rounds--) mutate(&program, &donor);
    for (int k = 0; k < program.count; k++) fwrite(program.pieces[k].start, 1, (size_t)program.pieces[k].length, stdout);
    return 0;
}
