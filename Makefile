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

-include $(OBJECTS:.o=.d)
