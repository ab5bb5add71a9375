# det: GNU make. `make demo` and `make check` set up all they need by themselves.
include config.mk

# Each flavour of build has its own folder, so that none disturbs another.
comma   := ,
FLAVOUR := $(if $(SAN),/san)$(if $(findstring clang,$(CC)),/clang)
O       ?= build$(FLAVOUR)
BIN     ?= $(if $(FLAVOUR),$(O)/bin,bin)

STD      = -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion
SANFLAGS = $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer)
ALL_CFLAGS = $(STD) $(OPT) -fPIC -Ilib -I. $(INCS) $(SIMD) $(SANFLAGS) $(WERROR) \
	-DDET_VERSION='"$(VERSION)"' $(CFLAGS)
ALL_LIBS = $(LIBS) -ldl -lm -lpthread

LIB_SRC  := $(sort $(wildcard lib/*/*.c))
TOOL_SRC := $(sort $(wildcard bin/det-*.c))
# det-model's commands, which no other tool needs
MODEL_SRC := $(sort $(wildcard bin/model_*.c bin/import_*.c))
# and det-anchors's
ANCHORS_SRC := $(sort $(wildcard bin/anchors_*.c))
# and det-eval's
EVAL_SRC := $(sort $(wildcard bin/eval_*.c))
# and det-train's
TRAIN_SRC := $(sort $(wildcard bin/train_*.c))
# and det-image's
IMAGE_SRC := $(sort $(wildcard bin/image_*.c))
# and det-propose's
PROPOSE_SRC := $(sort $(wildcard bin/propose_*.c))
# and det-roipool's
ROIPOOL_SRC := $(sort $(wildcard bin/roipool_*.c))
# and det-svm's
SVM_SRC := $(sort $(wildcard bin/svm_*.c))
BIN_SRC  := $(filter-out $(TOOL_SRC) $(MODEL_SRC) $(ANCHORS_SRC) $(EVAL_SRC) $(TRAIN_SRC) \
	$(IMAGE_SRC) $(PROPOSE_SRC) $(ROIPOOL_SRC) $(SVM_SRC),$(sort $(wildcard bin/*.c)))
ARCH_TXT := $(sort $(wildcard lib/arch/*.arch lib/arch/*.part))
UNIT_SRC := $(sort $(wildcard tests/unit/*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
# What unit tests share, and programs that shell tests run
SHARED_SRC := $(sort $(wildcard tests/*.c))
HELP_SRC := $(sort $(wildcard tests/tool/*.c))
LIB_OBJ  := $(LIB_SRC:%.c=$(O)/%.o) $(O)/arch_files.o
BIN_OBJ  := $(BIN_SRC:%.c=$(O)/%.o)
MODEL_OBJ := $(MODEL_SRC:%.c=$(O)/%.o)
ANCHORS_OBJ := $(ANCHORS_SRC:%.c=$(O)/%.o)
EVAL_OBJ := $(EVAL_SRC:%.c=$(O)/%.o)
TRAIN_OBJ := $(TRAIN_SRC:%.c=$(O)/%.o)
IMAGE_OBJ := $(IMAGE_SRC:%.c=$(O)/%.o)
PROPOSE_OBJ := $(PROPOSE_SRC:%.c=$(O)/%.o)
ROIPOOL_OBJ := $(ROIPOOL_SRC:%.c=$(O)/%.o)
SVM_OBJ := $(SVM_SRC:%.c=$(O)/%.o)
TOOLS    := $(TOOL_SRC:bin/%.c=$(BIN)/%)
UNITS    := $(UNIT_SRC:%.c=$(O)/%)
REPLAYS  := $(FUZZ_SRC:%.c=$(O)/%)
BENCHES  := $(BENCH_SRC:%.c=$(O)/%)
HELPERS  := $(HELP_SRC:%.c=$(O)/%)
SHARED_OBJ := $(SHARED_SRC:%.c=$(O)/%.o)
SCRIPTS  := $(sort $(wildcard tests/*.t))
# What programs that link the library may include; the others say "Private" in their first
# lines, or are templates that the kernels are made from.
PUBLIC_H  = $(filter-out lib/nn/gemm_%.h lib/nn/%_simd.h,$(shell grep -L Private lib/*/*.h))

all: tools $(O)/det.bash $(O)/det.pc
tools: $(TOOLS)

$(O)/libdet.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# The texts of the architectures, in the library: nothing is looked for at run time.
$(O)/arch_files.c: lib/arch/embed.sh $(ARCH_TXT)
	@mkdir -p $(@D)
	sh lib/arch/embed.sh $(ARCH_TXT) >$@.tmp && mv $@.tmp $@
$(O)/arch_files.o: $(O)/arch_files.c
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The model that comes with det is in the tools that take -m, and in det-model.
CARRIERS := $(patsubst %.c,$(BIN)/%,$(notdir $(shell grep -lE 'TOOL_(NEEDS_)?MODEL' $(TOOL_SRC)))) \
	$(BIN)/det-model
$(CARRIERS): $(O)/lib/default/default.o
$(O)/lib/default/default.o: lib/default/scene.det
$(O)/lib/default/default.o: ALL_CFLAGS += -fno-lto -DDET_DEFAULT_FILE='"lib/default/scene.det"'

$(BIN)/det-model: $(MODEL_OBJ)
$(BIN)/det-anchors: $(ANCHORS_OBJ)
$(BIN)/det-eval: $(EVAL_OBJ)
$(BIN)/det-train: $(TRAIN_OBJ)
$(BIN)/det-image: $(IMAGE_OBJ)
$(BIN)/det-propose: $(PROPOSE_OBJ)
$(BIN)/det-roipool: $(ROIPOOL_OBJ)
$(BIN)/det-svm: $(SVM_OBJ)
# Tests start tools thousands of times: as clang does it, gcc's sanitizers are linked in, which
# takes half as long to start as their shared libraries do.
$(TOOLS): ALL_LIBS += $(if $(SAN),$(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan))
# lib/svm is all that calls liblinear.
$(BIN)/det-svm $(filter %/test_svm,$(UNITS)): ALL_LIBS += $(LINEAR)
$(TOOLS): $(BIN)/%: $(O)/bin/%.o $(BIN_OBJ) $(O)/libdet.a
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(O)/libdet.a $(ALL_LIBS)

$(UNITS) $(HELPERS): $(SHARED_OBJ)
$(UNITS) $(HELPERS) $(BENCHES): $(O)/%: $(O)/%.o $(O)/libdet.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(O)/libdet.a $(ALL_LIBS)

# What convolutions are compared with: long sums in double over whole arrays, of which the
# sanitizers would make most of the time of those tests. What is tested has them all.
$(O)/tests/conv_ref.o: SANFLAGS =

# A fuzz target linked with a driver that replays files; `make fuzz` makes the fuzzers.
$(REPLAYS): $(O)/%: $(O)/%.o $(O)/tests/fuzz/replay.o $(O)/libdet.a
	$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(ALL_LIBS)

$(O)/det.bash: tests/completion.sh $(TOOLS)
	sh tests/completion.sh $(TOOLS) >$@.tmp && mv $@.tmp $@

# Made each time: PREFIX may be another than the last time.
$(O)/det.pc: force
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'includedir=$(INCDIR)' 'libdir=$(LIBDIR)' '' \
	    'Name: det' 'Description: object detectors as shell pipes, the library' \
	    'Version: $(VERSION)' 'Requires.private: $(PKGS)' 'Cflags: -I$${includedir}' \
	    'Libs: -L$${libdir} -ldet $(LIBS) -ldl -lm -lpthread' \
	    'Libs.private: $(LINEAR)' >$@

# --- set-up -----------------------------------------------------------------------------
deps:
	@sh .ci/deps $(DEPS)
check-deps:
	@sh .ci/deps $(DEPS) $(CHECK_DEPS)
deps-list:
	@printf '%s\n' $(DEPS) $(CHECK_DEPS)

# --- see it work ------------------------------------------------------------------------
# The sub-makes start over, so that pkg-config is asked after it was installed.
demo: deps
	@$(MAKE) --no-print-directory -j2 all
	@DET_BIN='$(CURDIR)/$(BIN)' DET_SRC='$(CURDIR)' sh tests/demo.sh

# --- tests ------------------------------------------------------------------------------
check: check-deps
	@$(MAKE) --no-print-directory -j2 WERROR=-Werror all units replays
	@$(MAKE) --no-print-directory run-tests

run-tests:
	@DET_BIN='$(abspath $(BIN))' DET_SRC='$(CURDIR)' DET_BUILD='$(abspath $(O))' \
	    DET_SAN='$(SAN)' sh tests/run $(if $(V),-v) $(if $(T),$(T),$(UNITS) $(SCRIPTS))

# All that takes longer: convolutions of thousands of shapes, each set of kernels, the other compiler, the sanitizers, arm64.
check-long: check
	@$(O)/tests/unit/test_conv_shapes -n 6000 -s 2 -m 1e7
	@$(O)/tests/unit/test_conv_shapes -n 600 -s 3 -m 3e8
	@DET_CONV_WORK=3e7 $(MAKE) --no-print-directory run-tests V=1 T=tests/conv-real.t
	@for l in c avx2; do echo "DET_CPU=$$l"; \
		DET_CPU=$$l $(MAKE) --no-print-directory run-tests || exit 1; done
	@$(MAKE) --no-print-directory check CC=clang
	@$(MAKE) --no-print-directory check SAN=1
	@$(MAKE) --no-print-directory arm64-check

# Cross-built and emulated; skipped where Debian's tools for that are not installed.
arm64-check:
	@sh tests/arm64.sh $(T)

units: $(UNITS) $(HELPERS)
replays: $(REPLAYS)

# The compiler's fuzzer on every target, FUZZ_TIME seconds each.
FUZZ_TIME ?= 60
fuzz:
	$(MAKE) CC=clang SAN=1 O=build/fuzz BIN=build/fuzz/bin \
	    CFLAGS='-fsanitize=fuzzer-no-link' build/fuzz/libdet.a
	@for f in $(FUZZ_SRC:tests/fuzz/%.c=%); do \
		clang $(STD) -g -O1 -Ilib -I. -fsanitize=fuzzer,address,undefined $(SIMD) \
		    -o build/fuzz/$$f tests/fuzz/$$f.c build/fuzz/libdet.a $(ALL_LIBS) && \
		mkdir -p build/fuzz/corpus-$$f && \
		build/fuzz/$$f -rss_limit_mb=4096 -max_total_time=$(FUZZ_TIME) -print_final_stats=1 \
		    build/fuzz/corpus-$$f || exit 1; \
	done

lint:
	@sh tests/lint.sh
format:
	clang-format -i bin/*.[ch] lib/*/*.[ch] tests/*.[ch] tests/*/*.[ch]

# --- figures ----------------------------------------------------------------------------
bench: all $(BENCHES)
	@DET_BIN='$(abspath $(BIN))' DET_SRC='$(CURDIR)' DET_BUILD='$(abspath $(O))' \
	    sh tests/bench/run.sh $(BENCH)

# --- installation -----------------------------------------------------------------------
install: all
	mkdir -p $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(DATADIR) \
	    $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 \
	    $(DESTDIR)$(COMPDIR)
	install -m 755 $(TOOLS) $(DESTDIR)$(BINDIR)
	install -m 644 $(O)/libdet.a $(DESTDIR)$(LIBDIR)
	install -m 644 $(O)/det.pc $(DESTDIR)$(LIBDIR)/pkgconfig/det.pc
	for h in $(PUBLIC_H); do install -D -m 644 $$h $(DESTDIR)$(INCDIR)/$${h#lib/} || exit 1; done
	install -m 644 examples/*.mk lib/recipes/*.mk lib/recipes/*.recipe \
	    lib/recipes/*.awk lib/recipes/*.sh $(DESTDIR)$(DATADIR)
	install -m 644 formats/*.md formats/*.py $(DESTDIR)$(DATADIR)
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(MANDIR)/man$$s || exit 1; done
	for t in $(notdir $(TOOLS)); do \
		install -m 644 $(O)/det.bash $(DESTDIR)$(COMPDIR)/$$t || exit 1; done

uninstall:
	cd $(DESTDIR)$(BINDIR) && rm -f $(notdir $(TOOLS))
	rm -f $(DESTDIR)$(LIBDIR)/libdet.a $(DESTDIR)$(LIBDIR)/pkgconfig/det.pc
	for p in man/*.[157]; do rm -f $(DESTDIR)$(MANDIR)/man$${p##*.}/$${p#man/}; done
	cd $(DESTDIR)$(COMPDIR) && rm -f $(notdir $(TOOLS))
	rm -rf $(DESTDIR)$(INCDIR) $(DESTDIR)$(DATADIR)

clean:
	rm -rf build $(TOOL_SRC:.c=)

.SECONDARY:
.DELETE_ON_ERROR:
.PHONY: force all tools deps check-deps deps-list demo check check-long arm64-check run-tests \
	units replays fuzz lint format bench install uninstall clean
OBJ := $(LIB_OBJ) $(BIN_OBJ) $(MODEL_OBJ) $(ANCHORS_OBJ) $(EVAL_OBJ) $(TRAIN_OBJ) $(IMAGE_OBJ) \
	$(PROPOSE_OBJ) $(ROIPOOL_OBJ) $(SVM_OBJ) \
	$(patsubst %.c,$(O)/%.o,$(TOOL_SRC) $(UNIT_SRC) $(FUZZ_SRC) $(BENCH_SRC) $(SHARED_SRC) $(HELP_SRC))
-include $(OBJ:.o=.d)
