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
LIBS    = -lfftw3 -lfftw3f -lcairo -lpng -ldeflate -lzip -lcjson -lreadline -lm -lpthread -ldl $(SAN)

RUNTIME := $(wildcard runtime/*/*.c)
COMPILER := $(wildcard lang/*/*.c)
OBJECTS  = $(patsubst %.c,$B/%.o,$(RUNTIME) $(COMPILER)) $(GENERATED)
GENERATED = $B/lang/syntax/lexer.o $B/lang/syntax/parser.o $B/embed/stdlib.o $B/embed/data.o $B/embed/kernel_text.o
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
EXTRA_sweep_v1 = -O3
EXTRA_sweep_v3 = -O3 -ffp-contract=fast -march=x86-64-v3
EXTRA_sweep_v4 = -O3 -ffp-contract=fast -march=x86-64-v4 -mprefer-vector-width=512
EXTRA_gather = -O3
EXTRA_columns = -O3
EXTRA_conv = -O3
EXTRA_conv_last = -O3
EXTRA_patches = -O3
EXTRA_depthwise = -O3
EXTRA_pool = -O3 -fno-trapping-math
EXTRA_pool_last = -O3 -fno-trapping-math
EXTRA_move = -O3
EXTRA_matmul = -O3

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

# --- vector math as text, for compiled kernels ----------------------------------------------------------------------------------
$B/embed/kernel_text.c: runtime/kernels/flatten.awk $(wildcard runtime/kernels/vecmath*.h) runtime/kernels/special.h
	@mkdir -p $(@D)
	@echo "gen  $@"
	$(Q)awk -f runtime/kernels/flatten.awk runtime/kernels/vecmath.h > $(@:.c=.txt)
	$(Q){ echo '#include "runtime/data/embed.h"'; echo 'EMBED_FILE(kernel_text, "$(@:.c=.txt)")'; } > $@
# --- end of vector math ----------------------------------------------------------------------------------------------------------

# --- tests -----------------------------------------------------------------------------------------------------------------------
JOBS     := $(shell nproc)
UNIT      = $(patsubst tests/unit/%.c,$B/tests/unit/%,$(wildcard tests/unit/test_*.c))
SUPPORT   = $(patsubst %.c,$B/%.o,$(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c)))
SLOW_UNIT = $B/tests/unit/test_derivatives $B/tests/unit/test_passes $B/tests/unit/test_train

$B/libreg.a: $(LIBRARY_OBJECTS)
	@echo "ar   $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$B/tests/unit/test_%: $B/tests/unit/test_%.o $(SUPPORT) $B/libreg.a
	@echo "link $@"
	$(Q)$(CC) -o $@ $^ -lcmocka $(LIBS)

.SECONDARY:   # keep the objects of tests
.PHONY: test check unit golden library examples bless asan fuzz
test: deps   ## install what is missing, build, run every test
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $B/reg $(UNIT)
	+$(Q)$(MAKE) --no-print-directory unit golden library examples
	@echo "all tests passed"

check: $B/reg $(filter-out $(SLOW_UNIT),$(UNIT))   ## the fast part of the tests
	$(Q)sh tests/unit/run.sh $(filter-out $(SLOW_UNIT),$(UNIT))
	$(Q)sh tests/golden/run.sh $B run bad check fmt repl

unit: $(UNIT)   ## tests of modules; products and convolutions also without oneDNN
	$(Q)sh tests/unit/run.sh $(UNIT)
	$(Q)REG_ONEDNN=off sh tests/unit/run.sh $B/tests/unit/test_dense $B/tests/unit/test_conv

golden: $B/reg   ## programs with their expected output
	$(Q)sh tests/golden/run.sh $B

library: $B/reg   ## the examples in the standard library, and the methods against their reference arrays
	$(Q)$B/reg test --quiet stdlib lang/README.md
	$(Q)sh tests/reference/run.sh $B

examples: $B/reg   ## every example, in its short form
	$(Q)sh tests/examples.sh $B

bless: $B/reg   ## accept what the golden programs print now
	$(Q)BLESS=1 sh tests/golden/run.sh $B

fuzz: $B/reg   ## mutated programs must neither crash nor hang; best on a build with sanitizers
	$(Q)sh tests/fuzz/mutate.sh $B 500

asan:   ## unit and golden tests under the address and undefined-behaviour sanitizers
	+$(Q)LSAN_OPTIONS=suppressions=$(CURDIR)/tests/leaks.txt:print_suppressions=0 TEST_SECONDS=900 \
	  $(MAKE) B=build-asan OPT="-O1 -g -fno-omit-frame-pointer" SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined" unit golden
# --- end of tests ----------------------------------------------------------------------------------------------------------------

# --- the rest --------------------------------------------------------------------------------------------------------------------
# Debian packages: what the build needs, then what the tests need.
PACKAGES = gcc make flex bison libopenblas-dev liblapacke-dev libfftw3-dev libcairo2-dev libpng-dev libdeflate-dev libzip-dev \
           libcjson-dev libreadline-dev libdnnl-dev libcmocka-dev
SOURCES  = $(wildcard lang/*/*.[ch] runtime/*/*.[ch] tests/unit/*.[ch])

.PHONY: deps demo lint format bench experiments install clean help
deps:   ## install the Debian packages that are missing (as root or with sudo)
	$(Q)sh tests/deps.sh $(PACKAGES)

demo: deps   ## install what is missing, build, train the quickstart, print its table and write its plot
	+$(Q)$(MAKE) --no-print-directory -j$(JOBS) $B/reg
	$(Q)$B/reg run examples/quickstart.reg --set source=fashion-14

lint:   ## layers, warnings, form
	$(Q)sh tests/lint.sh
	+$(Q)$(MAKE) --no-print-directory B=$B/lint OPT="-O1 -Werror" $B/lint/libreg.a
	$(Q)clang-format --dry-run -Werror $(SOURCES)

format:   ## rewrite the C files in the house form
	$(Q)clang-format -i $(SOURCES)

bench: $B/reg   ## Reg beside PyTorch: a table of workloads, then plots of how the cost grows
	$(Q)sh tests/bench/run.sh $B
	$(Q)sh tests/bench/scaling.sh $B

experiments: $B/reg   ## every example in its full form, and a table: claim, measured, holds or not
	$(Q)FULL=1 sh tests/examples.sh $B

install: $B/reg   ## into PREFIX (/usr/local): program, library texts, examples
	$(Q)install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/reg/stdlib/methods $(DESTDIR)$(PREFIX)/share/reg/examples
	$(Q)install $B/reg $(DESTDIR)$(PREFIX)/bin/reg
	$(Q)install -m 644 $(wildcard stdlib/*.reg) $(DESTDIR)$(PREFIX)/share/reg/stdlib
	$(Q)$(if $(wildcard stdlib/methods/*.reg),install -m 644 $(wildcard stdlib/methods/*.reg) $(DESTDIR)$(PREFIX)/share/reg/stdlib/methods)
	$(Q)$(if $(wildcard examples/*.reg),install -m 644 $(wildcard examples/*.reg) $(DESTDIR)$(PREFIX)/share/reg/examples)

clean:   ## remove what was built
	$(Q)rm -rf $B build-asan

help:   ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo "  B=dir builds elsewhere, V=1 shows the commands, CC=, PREFIX=, DESTDIR= as usual"
# --- end of the rest -------------------------------------------------------------------------------------------------------------

-include $(OBJECTS:.o=.d) $(wildcard $B/tests/unit/*.d)
