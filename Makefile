# Reg: one non-recursive Makefile. `make help` lists the targets; V=1 shows the commands; B=dir builds elsewhere.
B      ?= build
CC     ?= gcc
PREFIX ?= /usr/local
V      ?= 0
Q      := $(if $(filter 1,$(V)),,@)

WARN   := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
OPT    ?= -O2 -g
# -ffp-contract=off: the same bits from the tile interpreter and from compiled C text.
CFLAGS  = -std=c17 -D_GNU_SOURCE $(OPT) $(WARN) -ffp-contract=off -fno-math-errno -I. -I$B $(SAN)
LIBS    = -llapacke -lopenblas -lfftw3 -lfftw3f -lcairo -lpng -lz -lzip -lcjson -lreadline -lm -lpthread $(SAN)

RUNTIME := $(wildcard runtime/*/*.c)
LANG    := $(wildcard lang/*/*.c)
OBJECTS  = $(patsubst %.c,$B/%.o,$(RUNTIME) $(LANG)) $(GENERATED)
GENERATED = $B/lang/syntax/lexer.o $B/lang/syntax/parser.o $B/embed/stdlib.o $B/embed/data.o
LIBRARY_OBJECTS = $(filter-out $B/lang/driver/main.o,$(OBJECTS))

# Elementwise loops: one text, three instruction sets, chosen at run time (runtime/exec/elementwise.c).
# -fno-trapping-math lets comparisons become masks; -fwrapv: integers wrap. Neither changes a float result.
VECTOR_FLAGS = -O3 -fno-trapping-math -fwrapv
# Loops whose trip counts are only known when they run: -O2 of gcc 12 leaves them scalar.
EXTRA_fused = -O3
EXTRA_reduction = -O3
EXTRA_scan = -O3
EXTRA_reduce = -O3
EXTRA_elementwise_v1 = $(VECTOR_FLAGS)
EXTRA_elementwise_v3 = $(VECTOR_FLAGS) -march=x86-64-v3
EXTRA_elementwise_v4 = $(VECTOR_FLAGS) -march=x86-64-v4 -mprefer-vector-width=512
# Matrix products and convolution: fused multiply-add, the same sums in every instruction set that has it.
EXTRA_product_v1 = -O3
EXTRA_product_v3 = -O3 -ffp-contract=fast -march=x86-64-v3
EXTRA_product_v4 = -O3 -ffp-contract=fast -march=x86-64-v4 -mprefer-vector-width=512
EXTRA_gather = -O3
EXTRA_columns = -O3
EXTRA_conv = -O3
EXTRA_pool = -O3
EXTRA_move = -O3

.PHONY: all
all: $B/reg   ## build the program (the default)

$B/reg: $(OBJECTS)
	@echo "link $@"
	$(Q)$(CC) -o $@ $^ $(LIBS)

$B/%.o: %.c
	@mkdir -p $(@D)
	@echo "cc   $<"
	$(Q)$(CC) $(CFLAGS) $(EXTRA_$(notdir $*)) -MMD -MP -c -o $@ $<

$B/%.o: $B/%.c
	@mkdir -p $(@D)
	@echo "cc   $<"
	$(Q)$(CC) $(CFLAGS) -Wno-conversion -Wno-sign-conversion -Wno-missing-prototypes -MMD -MP -c -o $@ $<

# --- syntax: scanner and grammar -------------------------------------------------------------------------------------------
$B/lang/syntax/lexer.c: lang/syntax/lexer.l
	@mkdir -p $(@D)
	@echo "flex $<"
	$(Q)flex -o $@ $<

$B/lang/syntax/parser.c: lang/syntax/parser.y
	@mkdir -p $(@D)
	@echo "bison $<"
	$(Q)bison -Wall -Werror -Wno-yacc --header=$B/lang/syntax/grammar.h -o $@ $<

$B/lang/syntax/grammar.h: $B/lang/syntax/parser.c ;
$(patsubst %.c,$B/%.o,$(wildcard lang/syntax/*.c)) $B/lang/syntax/lexer.o: | $B/lang/syntax/grammar.h
# --- end of syntax -----------------------------------------------------------------------------------------------------------

# --- built-in data: runtime/data/sets laid into the read-only section -------------------------------------------------------
SETS = $(sort $(wildcard runtime/data/sets/*.gz))

$B/embed/data.c: $(SETS)
	@mkdir -p $(@D)
	@echo "gen  $@"
	$(Q){ echo '#include "runtime/data/embed.h"'; \
	  n=0; for f in $(SETS); do echo "EMBED_FILE(set_$$n, \"$$f\")"; n=$$((n + 1)); done; \
	  echo 'const EmbeddedFile embedded_files[] = {'; \
	  n=0; for f in $(SETS); do echo "    {\"$${f##*/}\", set_$$n, set_$${n}_end},"; n=$$((n + 1)); done; \
	  echo '};'; echo 'const size_t embedded_file_count = sizeof embedded_files / sizeof *embedded_files;'; } > $@
# --- end of built-in data ----------------------------------------------------------------------------------------------------

# --- standard library: .reg texts and an index of their names ------------------------------------------------------------------
LIBRARY = $(sort $(wildcard stdlib/*.reg stdlib/methods/*.reg))

$B/embed/stdlib.c: $(LIBRARY) lang/script/embed.awk
	@mkdir -p $(@D)
	@echo "gen  $@"
	$(Q)awk -f lang/script/embed.awk $(LIBRARY) /dev/null > $@.tmp && mv $@.tmp $@
# --- end of standard library ---------------------------------------------------------------------------------------------------

-include $(OBJECTS:.o=.d)
