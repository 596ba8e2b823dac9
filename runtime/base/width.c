#include "runtime/base/width.h"

typedef struct Range {
    uint32_t first, last;
} Range;

static const Range zero_width[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0E31, 0x0E31},
    {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x202A, 0x202E},
    {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF},
};
static const Range double_width[] = {
    {0x1100, 0x115F}, {0x231A, 0x231B}, {0x2329, 0x232A},   {0x2E80, 0x303E},   {0x3041, 0x33FF},   {0x3400, 0x4DBF},
    {0x4E00, 0x9FFF}, {0xA000, 0xA4CF}, {0xA960, 0xA97F},   {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},
    {0xFF00, 0xFF60}, {0xFFE0, 0xFFE6}, {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD},
};

#define IN_RANGES(ranges, character) in_ranges(ranges, sizeof(ranges) / sizeof *(ranges), character)

static int in_ranges(const Range *ranges, size_t count, uint32_t character) {
    for (size_t i = 0; i < count; i++)
        if (character >= ranges[i].first && character <= ranges[i].last) return 1;
    return 0;
}

uint32_t utf8_next(const char **at) {
    const unsigned char *byte = (const unsigned char *)*at;
    if (!byte[0]) return 0;
    int extra = byte[0] < 0x80                      ? 0
                : byte[0] >= 0xC2 && byte[0] < 0xE0 ? 1
                : byte[0] >= 0xE0 && byte[0] < 0xF0 ? 2
                : byte[0] >= 0xF0 && byte[0] < 0xF5 ? 3
                                                    : -1;
    uint32_t character = extra <= 0 ? byte[0] : byte[0] & (0x3Fu >> extra);
    for (int i = 1; i <= extra; i++) {
        if ((byte[i] & 0xC0) != 0x80) {
            extra = -1;
            break;
        }
        character = character << 6 | (byte[i] & 0x3Fu);
    }
    *at += extra < 0 ? 1 : extra + 1;
    return extra < 0 ? 0xFFFD : character;
}

int utf8_columns(uint32_t character) {
    if (character < 0x20 || (character >= 0x7F && character < 0xA0)) return 0;
    if (character < 0x0300) return 1;
    if (IN_RANGES(zero_width, character)) return 0;
    return IN_RANGES(double_width, character) ? 2 : 1;
}

int text_columns(const char *string) {
    int columns = 0;
    for (uint32_t character; (character = utf8_next(&string));) columns += utf8_columns(character);
    return columns;
}

void text_add_utf8(Text *text, uint32_t character) {
    if (character < 0x80) {
        text_add_char(text, (char)character);
        return;
    }
    int extra = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    text_add_char(text, (char)(lead[extra] | character >> (6 * extra)));
    for (int i = extra - 1; i >= 0; i--) text_add_char(text, (char)(0x80 | (character >> (6 * i) & 0x3F)));
}

void text_add_repeat(Text *text, const char *piece, int count) {
    for (int i = 0; i < count; i++) text_add(text, piece);
}

static void add_cut(Text *text, const char *string, int columns) {
    int used = 0;
    for (const char *at = string; *at;) {
        const char *start = at;
        used += utf8_columns(utf8_next(&at));
        if (used > columns - 1) break;
        text_add_bytes(text, start, (size_t)(at - start));
    }
    if (columns > 0) text_add(text, "…");
}

void text_add_left(Text *text, const char *string, int columns) {
    int width = text_columns(string);
    if (width > columns) {
        add_cut(text, string, columns);
        return;
    }
    text_add(text, string);
    text_add_repeat(text, " ", columns - width);
}

void text_add_right(Text *text, const char *string, int columns) {
    text_add_repeat(text, " ", columns - text_columns(string));
    text_add_left(text, string, text_columns(string) < columns ? text_columns(string) : columns);
}
