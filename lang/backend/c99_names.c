/* What the C text calls what the script has names for.
 *
 * A name that C has already gets an ending of its kind: `sin_fn`, `new_in`, `delete_out`. Inside the function arguments are called in_NAME
 * and out_NAME, and constants FUNCTION_value_PATH, so that neither meets a name that the writers make. */
#include "lang/backend/c99_inside.h"

#include <string.h>
#include <strings.h>

/* Words of C and of C++, which includes the header too. */
static const char keywords[] =
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while alignas alignof and "
    "and_eq asm atomic_cancel atomic_commit atomic_noexcept bitand bitor bool catch char8_t char16_t char32_t class co_await "
    "co_return co_yield compl concept const_cast consteval constexpr constinit decltype delete dynamic_cast explicit export "
    "false friend module mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected public "
    "reflexpr reinterpret_cast requires static_assert static_cast synchronized template this thread_local throw true try "
    "typeid typename typeof typeof_unqual using virtual wchar_t xor xor_eq linux unix ";

/* Functions of the C library, which may not be defined again, with some that Unix adds. Those of <math.h> also end in f and l. */
static const char library[] =
    "abort abs acos acosh alloca asctime asin asinh assert atan atan2 atanh atexit atof atoi atol atoll bcmp bcopy bsearch "
    "btowc bzero cabs cacos cacosh calloc carg casin casinh catan catanh cbrt ccos ccosh ceil cexp cimag clearerr clock "
    "close clog conj connect copysign cos cosh cpow cproj creal csin csinh csqrt ctan ctanh ctime difftime div drem erf erfc "
    "errno exit exp exp10 exp2 expm1 fabs fclose fdim feclearexcept fegetenv fegetexceptflag fegetround feholdexcept feof "
    "feraiseexcept ferror fesetenv fesetexceptflag fesetround fetestexcept feupdateenv fflush fgetc fgetpos fgets fgetwc "
    "fgetws finite floor fma fmax fmin fmod fopen fork fpclassify fprintf fputc fputs fputwc fputws fread free freopen frexp "
    "fscanf fseek fsetpos ftell fwide fwprintf fwrite fwscanf gamma getc getchar getenv gets getwc getwchar gmtime hypot "
    "ilogb imaxabs imaxdiv index isalnum isalpha isblank iscntrl isdigit isfinite isgraph isgreater isgreaterequal isinf "
    "isless islessequal islessgreater islower isnan isnormal isprint ispunct isspace isunordered isupper iswalnum iswalpha "
    "iswblank iswcntrl iswctype iswdigit iswgraph iswlower iswprint iswpunct iswspace iswupper iswxdigit isxdigit j0 j1 jn "
    "kill labs ldexp ldiv lgamma link listen llabs lldiv llrint llround localeconv localtime log log10 log1p log2 logb "
    "longjmp lrint lround main malloc mblen mbrlen mbrtowc mbsinit mbsrtowcs mbstowcs mbtowc memchr memcmp memcpy memmove "
    "memset mktime modf nan nearbyint nextafter nexttoward open perror pipe pow pow10 printf putc putchar puts putwc "
    "putwchar qsort raise rand random read realloc remainder remove remquo rename rewind rindex rint round scalb scalbln "
    "scalbn scanf select send setbuf setjmp setlocale setvbuf signal signbit signgam significand sin sincos sinh sleep "
    "snprintf socket sprintf sqrt srand sscanf stat stderr stdin stdout strcat strchr strcmp strcoll strcpy strcspn strerror "
    "strftime strlen strncat strncmp strncpy strpbrk strrchr strspn strstr strtod strtof strtoimax strtok strtol strtold "
    "strtoll strtoul strtoull strtoumax strxfrm swprintf swscanf system tan tanh tgamma time times tmpfile tmpnam tolower "
    "toupper towctrans towlower towupper trunc ungetc ungetwc va_arg va_copy va_end va_start vfprintf vfscanf vfwprintf "
    "vfwscanf vprintf vscanf vsnprintf vsprintf vsscanf vswprintf vswscanf vwprintf vwscanf wait wcrtomb wcscat wcschr "
    "wcscmp wcscoll wcscpy wcscspn wcsftime wcslen wcsncat wcsncmp wcsncpy wcspbrk wcsrchr wcsrtombs wcsspn wcsstr wcstod "
    "wcstof wcstoimax wcstok wcstol wcstold wcstoll wcstombs wcstoul wcstoull wcstoumax wcsxfrm wctob wctomb wctrans wctype "
    "wmemchr wmemcmp wmemcpy wmemmove wmemset wprintf write wscanf y0 y1 yn ";

/* How the macros of <math.h> and <stdint.h> begin, and those that every other header has. */
static const char *const macros[] = {"INT", "UINT",   "PTRDIFF_", "SIZE_M",   "SIG_ATOMIC_", "WCHAR_M",  "WINT_M",
                                     "FP_", "M_",     "HUGE_",    "INFINITY", "NAN",         "MATH_",    "NULL",
                                     "EOF", "DOMAIN", "SING",     "SNAN",     "MAXFLOAT",    "OVERFLOW", "UNDERFLOW"};

static bool is_among(const char *words, const char *name, size_t length) {
    for (const char *at = words; *at; at += strcspn(at, " ") + 1)
        if (strcspn(at, " ") == length && !strncmp(at, name, length)) return true;
    return false;
}

/* For anything that the header names. */
static bool is_reserved(const char *name) {
    size_t length = strlen(name);
    if (is_among(keywords, name, length) || (length > 2 && !strcmp(name + length - 2, "_t"))) return true;
    for (size_t k = 0; k < sizeof macros / sizeof *macros; k++)
        if (!strncmp(name, macros[k], strlen(macros[k]))) return true;
    return false;
}

static bool is_library(const char *name) {
    size_t length = strlen(name);
    bool has_kind = length > 2 && (name[length - 1] == 'f' || name[length - 1] == 'l');
    return is_among(library, name, length) || (has_kind && is_among(library, name, length - 1));
}

/* Letters, digits and single underscores between them. */
static char *plain(Arena *arena, const char *name) {
    char *text = arena_string(arena, name), *to = text;
    for (const char *at = name; *at; at++) {
        bool is_kept = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        if (is_kept) *to++ = *at;
        else if (to > text && to[-1] != '_') *to++ = '_';
    }
    if (to > text && to[-1] == '_') to--;
    *to = '\0';
    if (!*text) return arena_string(arena, "value");
    return *text >= '0' && *text <= '9' ? arena_format(arena, "m_%s", text) : text;
}

char *c99_identifier(Arena *arena, const char *name) {
    char *text = plain(arena, name);
    return is_reserved(text) || is_library(text) ? arena_format(arena, "%s_fn", text) : text;
}

/* Macros are made of them: two that differ only in case are the same. */
static bool is_used(const char *const *names, int count, const char *name) {
    for (int k = 0; k < count; k++)
        if (!strcasecmp(names[k], name)) return true;
    return false;
}

void c99_name_arguments(C99 *c) {
    const C99Request *r = c->request;
    int count = r->input_count + r->output_count;
    c->arguments = arena_alloc(c->arena, sizeof *c->arguments * (size_t)(count + 1));
    c->own_arguments = arena_alloc(c->arena, sizeof *c->own_arguments * (size_t)(count + 1));
    for (int k = 0; k < count; k++) {
        bool is_input = k < r->input_count;
        const char *kind = is_input ? "in" : "out";
        const char *name = plain(c->arena, is_input ? r->inputs[k].name : r->outputs[k - r->input_count].name), *wanted = name;
        if (is_reserved(name)) name = wanted = arena_format(c->arena, "%s_%s", name, kind);
        for (int n = 2; is_used(c->arguments, k, name); n++) name = arena_format(c->arena, "%s_%d", wanted, n);
        c->arguments[k] = name;
        c->own_arguments[k] = arena_format(c->arena, "%s_%s", kind, name);
    }
}

const char *c99_constant_name(C99 *c, const char *path) {
    const char *tail = path && strchr(path, '.') ? strchr(path, '.') + 1 : path;
    return tail ? arena_format(c->arena, "%s_value_%s", c->name, plain(c->arena, tail)) : arena_format(c->arena, "%s_value", c->name);
}
