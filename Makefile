# det: GNU make. `make demo` and `make check` set up all they need by themselves.
include config.mk

O      ?= build
BIN    ?= bin
STD     = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion
SANFLAGS = $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
comma   = ,
ALL_CFLAGS = $(STD) $(OPT) -fPIC -Ilib -I. $(INCS) $(OPENMP) $(SANFLAGS) \
	-DDET_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LIBS = $(LIBS) -ldl -lm -lpthread

LIB_SRC  := $(wildcard lib/*/*.c)
TOOL_SRC := $(wildcard bin/det-*.c)
UNIT_SRC := $(wildcard tests/unit/*.c)
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o)
TOOLS    := $(TOOL_SRC:bin/%.c=$(BIN)/%)
UNITS    := $(UNIT_SRC:%.c=$(O)/%)

all: $(TOOLS)

$(O)/libdet.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BIN)/det-%: $(O)/bin/det-%.o $(O)/bin/tool.o $(O)/bin/opt.o $(O)/libdet.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(O)/tests/unit/%: $(O)/tests/unit/%.o $(O)/libdet.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

units: $(UNITS)

clean:
	rm -rf $(O) $(TOOLS)

.SECONDARY:
.PHONY: all units clean
-include $(LIB_OBJ:.o=.d) $(TOOL_SRC:%.c=$(O)/%.d) $(UNIT_SRC:%.c=$(O)/%.d) $(O)/bin/tool.d $(O)/bin/opt.d
