# `make help` lists the targets and the settings. From top to bottom: settings, flags,
# sources, files that are built in a way of their own, what is installed, programs of
# the tests, installation.

# ---- settings ----------------------------------------------------------------

# make itself says cc.
ifeq ($(origin CC),default)
CC := gcc
endif
OBJCOPY ?= objcopy
PREFIX ?= /usr/local
# V=1 shows the compiler lines.
V ?=
comma := ,
Q := $(if $(V),,@)
SAN ?=
# -Werror in scripts/test and scripts/check: another compiler warns of other things.
WERROR ?=
# TEST=1: a core that dies where the environment says (lib/base/crash_point.h).
TEST ?=
# RARE=: without the APIs of rules/rare.
RARE ?= 1

.DEFAULT_GOAL := all
B := build$(if $(SAN),-$(SAN))$(if $(RARE),,-common)$(if $(TEST),-test)

# ---- flags -------------------------------------------------------------------

# CFLAGS, CPPFLAGS and LDFLAGS are those of whoever builds; the own ones stand beside
# them, so that `make CFLAGS=...` takes none away.
WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes
SANFLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SANFLAGS_tsan := -fsanitize=thread
SANFLAGS_fuzz := -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined
SANFLAGS := $(SANFLAGS_$(SAN)) $(if $(SAN),-fno-omit-frame-pointer)
OPT := $(if $(SAN),-O1 -g,-O2 -g)
DEFINES := -D_GNU_SOURCE -I. -Iinclude $(if $(TEST),-DLLMOBS_TEST) \
	$(if $(RARE),-DLLMOBS_RARE)

# There, atomics are calls into libgcc unless this is said, and libgcc asks for a
# name that musl lacks.
MACHINE := $(shell $(CC) -dumpmachine)
ATOMICS := $(if $(findstring aarch64,$(MACHINE)),-mno-outline-atomics)

# One object without the marks of control-flow protection takes the protection
# from its whole process, or is refused (docs/DECISIONS.md). Old tools know none.
knows = $(shell $(CC) -Wl,--fatal-warnings $(1) -Werror -shared -nostdlib \
	-o /dev/null -xc /dev/null 2>/dev/null && echo '$(1)')
PROTECT := $(call knows,$(if $(findstring aarch64,$(MACHINE)),\
	-mbranch-protection=standard,-fcf-protection))
SHADOW := $(call knows,-Wl$(comma)-z$(comma)$(if \
	$(findstring aarch64,$(MACHINE)),gcs=always,shstk))
# Between compiling and linking, names of the core and the tool change (objcopy),
# which the compiler's own form of an object does not allow.
NO_LTO := -fno-lto
ifneq ($(findstring -flto,$(CC) $(CFLAGS) $(CPPFLAGS) $(LDFLAGS)),)
$(info -flto has no effect here: CONTRIBUTING.md, For packagers)
endif
# Exceptions and cancellations of the program go through frames of ours. One binary
# runs with each libc, of which some lack the functions of _FORTIFY_SOURCE.
CFLAGS_ALL = -std=c11 $(OPT) $(WARN) $(WERROR) -fvisibility=hidden \
	-fasynchronous-unwind-tables $(SANFLAGS) $(ATOMICS) $(PROTECT) $(CFLAGS) $(NO_LTO) \
	-U_FORTIFY_SOURCE
# SPECIAL, FRAMES and OPT differ by file: see below.
SPECIAL :=
FRAMES :=
COMPILE = $(CC) $(DEFINES) $(CPPFLAGS) $(CFLAGS_ALL) $(SPECIAL)

# The shim runs in processes without a libc: nothing may be called that is not
# ours or checked for first, and no sanitizer goes in. Constructors, destructors
# and an allocator of the program's may be called from within frames of the shim,
# and look at or unwind the stack.
SHIM_CFLAGS = -std=c11 -O2 -g $(WARN) $(WERROR) -fvisibility=hidden -fPIC -fno-plt \
	-fno-stack-protector -U_FORTIFY_SOURCE -ffreestanding \
	-fasynchronous-unwind-tables $(ATOMICS) $(PROTECT) $(NO_LTO)
SHIM_LDFLAGS := -shared -nostdlib $(SHADOW) -Wl,-z,now -Wl,-z,norelro -Wl,-z,nodelete \
	-Wl,-z,initfirst -Wl,-z,noseparate-code -Wl,--hash-style=both \
	-Wl,--version-script=shim/shim.map -Wl,--sort-section=name -Wl,-soname,libllmobs_preload.so

# zlib is inside the core, and nothing of it leaves (docs/DECISIONS.md).
STATIC_ZLIB := $(shell $(CC) -print-file-name=libz.a)

# br and zstd go in likewise where their headers and an archive that a shared
# object can take are here; BROTLI= or ZSTD= leaves one out.
# $(call usable,HEADER,FUNCTION,ARCHIVE...)
usable = $(shell echo 'int probe(void); int probe(void) { return $(2)() == 0; }' | \
	$(CC) -include $(1) -w -fPIC -shared -Wl,-z,text,-z,defs \
	-Wl,--exclude-libs,ALL -o /dev/null -xc - -xnone $(3) 2>/dev/null && echo $(3))
BROTLI_LIBS := $(shell $(CC) -print-file-name=libbrotlidec.a) \
	$(shell $(CC) -print-file-name=libbrotlicommon.a)
BROTLI := $(call usable,brotli/decode.h,BrotliDecoderVersion,$(BROTLI_LIBS))
ZSTD := $(call usable,zstd.h,ZSTD_versionNumber,$(shell $(CC) -print-file-name=libzstd.a))
CODING_LIBS := $(BROTLI) $(ZSTD)
CODING_FLAGS := $(if $(BROTLI),-DLLMOBS_BROTLI) $(if $(ZSTD),-DLLMOBS_ZSTD)

# All that decides about an object: where it changes, the objects are made anew. With
# or without ccache or -Werror they are the same.
$(B)/flags: export FLAGS := $(filter-out %ccache,$(CC)) $(DEFINES) $(CPPFLAGS) \
	$(filter-out -Werror,$(CFLAGS_ALL) $(SHIM_CFLAGS)) $(LDFLAGS)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo "$$FLAGS" | cmp -s - $@ || echo "$$FLAGS" > $@
# The files among what a target is made of that the linker takes.
OBJECTS = $(filter %.o,$^)

# ---- sources -----------------------------------------------------------------

SHIM_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard shim/*.c) lib/libc/bytes.c)
CORE_SRC := $(filter-out lib/libc/%,$(sort $(shell find core lib -name '*.c')))
RULES_SRC := $(filter-out rules/shapes_index.c $(if $(RARE),,rules/rare/%), \
	$(sort $(shell find rules -name '*.c')))
CORE_OBJ := $(CORE_SRC:%.c=$(B)/%.o)
RULES_OBJ := $(RULES_SRC:%.c=$(B)/%.o)
TABLE_OBJ := $(B)/rules/apis_table.o $(B)/rules/shapes_table.o
CLI_OBJ := $(patsubst %.c,$(B)/%.o,$(filter-out cli/run/run_main.c, \
	$(shell find cli -name '*.c')))
# Few files die where they are told; the others are those of the plain build.
ifneq ($(TEST),)
PLAIN := $(B:-test=)
ifeq ($(PLAIN),$(B))
$(error TEST=1 shares objects with the plain build: B must end in -test)
endif
DYING := $(shell grep -rl --include='*.c' '"lib/base/crash_point.h"' core lib rules)
shared = $(patsubst $(B)/%,$(PLAIN)/%,$(filter-out $(DYING:%.c=$(B)/%.o),$(1)))
CORE_OBJ := $(call shared,$(CORE_OBJ)) $(DYING:%.c=$(B)/%.o)
SHIM_OBJ := $(call shared,$(SHIM_OBJ))
RULES_OBJ := $(call shared,$(RULES_OBJ))
CLI_OBJ := $(call shared,$(CLI_OBJ))
TABLE_OBJ := $(PLAIN)/rules/apis_table.o $(PLAIN)/rules/shapes_table.o
.PHONY: plain
plain:
	$(Q)$(MAKE) --no-print-directory TEST= B=$(PLAIN) all
$(filter $(PLAIN)/%,$(CORE_OBJ) $(SHIM_OBJ) $(RULES_OBJ) $(TABLE_OBJ) $(CLI_OBJ)): plain ;
endif
# In a set order: core/order.txt says why.
EARLY := $(patsubst %.c,%.o,$(shell grep -v '^\#' core/order.txt))
EARLY := $(foreach name,$(EARLY),$(filter %/$(name),$(CORE_OBJ) $(RULES_OBJ)))
LIB_OBJ := $(EARLY) $(filter-out $(EARLY),$(CORE_OBJ) $(RULES_OBJ)) $(TABLE_OBJ) \
	$(if $(TEST),$(B)/tests/support/crash_point.o)
# The objects that test programs share; each takes what it needs.
SUPPORT_OBJ := $(patsubst %,$(B)/tests/support/%.o,base64 case_file corpus_case \
	es_frame h2_log http1_log otlp_reader websocket_log)
UNIT_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/*.c)) $(SUPPORT_OBJ) \
	$(B)/rules/shapes_index.o \
	$(patsubst %,$(B)/$(if $(SAN),tests/fuzz/shim_,shim/)%.o,connections fds insert) \
	$(patsubst %,$(B)/cli/%.o,doctor/find_files doctor/host_starter doctor/object \
	intercept/hello intercept/way_out \
	run/choose shared/site_request log/relay_places query/cell query/cost query/evaluations query/filter \
	query/stored query/keys query/roots query/tools query/row query/texts query/when query/price query/prices \
	shared/accounts shared/escape shared/guard shared/json_out shared/marks shared/options shared/reader shared/tail \
	shared/suggest shared/tell)
CLIENTS := $(patsubst %.c,$(B)/%,$(wildcard tests/clients/*.c))

# ---- files that are built in a way of their own ------------------------------

# The program's threads and coroutines may have little stack: no function that
# runs there has a larger frame. Functions that run on our own thread alone, or
# at the end of a process, may have larger ones.
FRAME := 512
DEEP_FRAME := 9216
OTLP := attributes letters messages otlp_logs otlp_metrics otlp_route otlp_traces \
	resource source writer
DEEP := $(patsubst %,$(B)/%.o, \
	lib/elf/symbol \
	$(addprefix core/deliver/,delivery_fill destination) core/event/to_span \
	$(addprefix core/export/,peer store) \
	$(addprefix core/ledger/,counts ledger ledger_dir) \
	$(addprefix core/export/,http resolve $(OTLP)) \
	$(addprefix core/log/,adopt adopt_file \
	live_namespaces) \
	lib/text/inflate rules/read/base64)

ifeq ($(SAN),)
$(SHIM_OBJ) $(CORE_OBJ) $(RULES_OBJ): FRAMES := -Wframe-larger-than=$(FRAME)
$(DEEP): FRAMES := -Wframe-larger-than=$(DEEP_FRAME)
endif

# Code that waits for disk and network, or runs once, or on the worker alone:
# every process loads it, so it is built for its size. The rest runs beside the
# program's calls, or for every byte.
SMALL := $(filter-out $(patsubst %,$(B)/%.o,core/event/exchange \
	core/export/letters core/export/writer core/trace/carrier \
	$(addprefix core/trace/,caller caller_unnamed) \
	$(addprefix core/deliver/,account destination) \
	rules/read/match rules/read/text rules/read/url) \
	$(B)/core/event/link% $(patsubst rules/%.c,$(B)/rules/%.o,$(wildcard rules/*.c)), \
	$(filter $(addprefix $(B)/,$(patsubst %,core/%/%.o,config deliver event \
	export ledger trace) rules/%) $(patsubst %,$(B)/%.o, \
	$(addprefix core/capture/,attach command global) \
	$(addprefix core/log/,adopt adopt_file live_namespaces \
	owner spool_relay) lib/base/process_id lib/base/stats \
	$(addprefix lib/span/,content_filter redact)), \
	$(CORE_OBJ) $(RULES_OBJ)))
ifeq ($(SAN),)
$(SMALL): OPT := -Os -g
# They run for less time than the compiler would take to make them fast, and some
# look at their own frames, whatever CFLAGS says.
$(B)/tests/unit/%.o: SPECIAL := -O0
endif

# clang would make a switch over thunks a table of addresses, each of which the
# loader has to relocate in every process.
$(B)/shim/thunks.o: SPECIAL := -fno-jump-tables

# The libraries that there are decide what it can decode.
$(B)/lib/text/inflate.o: SPECIAL := $(CODING_FLAGS)
$(B)/lib/text/inflate.o: $(B)/codings
$(B)/codings: FORCE
	@mkdir -p $(@D)
	@echo '$(CODING_LIBS)' | cmp -s - $@ || echo '$(CODING_LIBS)' > $@

# The index of the shapes: a program writes it where the build runs. It has the
# tables, and the functions that they name; what those call is not there, for it
# calls none of them. For another processor HOSTCC compiles it.
HOSTCC ?= cc
NATIVE := $(filter $(shell uname -m)-%,$(MACHINE))
READS_APIS := rules/apis/read.c rules/read/layout.c lib/span/span.c
$(B)/apis-table: scripts/apis_table.c $(READS_APIS) $(wildcard rules/*/*.h) $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -w $(DEFINES) -std=c11 $(filter %.c,$^) -no-pie \
		-Wl,--unresolved-symbols=ignore-all -o $@
$(B)/rules/apis_table.c: $(B)/apis-table rules/apis/hosts \
		$(wildcard rules/apis/*.api rules/rare/*.api)
	@mkdir -p $(@D)
	$(Q)$< $(filter rules/apis/%,$^) $(if $(RARE),,--without) $(filter rules/rare/%,$^) \
		> $@.new && mv $@.new $@
$(B)/rules/apis_table.o: $(B)/rules/apis_table.c
	$(Q)$(COMPILE) -fPIC -c $< -o $@
TABLES = $(if $(NATIVE),\
	$(RULES_SRC:%.c=$(B)/%.o) $(B)/rules/apis_table.o $(B)/rules/shapes_index.o,\
	$(RULES_SRC) $(B)/rules/apis_table.c rules/shapes_index.c)
$(B)/shapes-table: scripts/shapes_table.c $(TABLES) $(B)/flags
	$(Q)$(if $(NATIVE),$(CC) $(SANFLAGS),$(HOSTCC) -w) $(DEFINES) -std=c11 \
		$(filter %.c %.o,$^) -no-pie -Wl,--unresolved-symbols=ignore-all -o $@
$(B)/rules/shapes_table.c: $(B)/shapes-table
	@mkdir -p $(@D)
	$(Q)$< > $@.new && mv $@.new $@
$(B)/rules/shapes_table.o: $(B)/rules/shapes_table.c
	$(Q)$(COMPILE) -fPIC -c $< -o $@

# They stand for functions of libc.
$(B)/lib/libc/%.o: SPECIAL := -fno-builtin

# They contain files of other languages. The page's policy names its script and its
# style by their hashes.
$(B)/cli/show/completion.o: $(wildcard packaging/completion/*)
$(B)/cli/shared/options.o: $(wildcard cli/help/*)
$(B)/cli/show/page.o: $(B)/page.js cli/show/page.css scripts/csp-hash
$(B)/cli/show/page.o: SPECIAL = \
	-DLLMOBS_PAGE_JS='"$(B)/page.js"' \
	-DLLMOBS_PAGE_JS_HASH='"$(shell scripts/csp-hash $(B)/page.js)"' \
	-DLLMOBS_PAGE_CSS_HASH='"$(shell scripts/csp-hash cli/show/page.css)"'

# The page's script, without its comments, the begins of its lines, the ends of lines
# that go on, and the spaces beside signs of its code: in lines that have a pattern or a
# template up to this, or to a brace that may end one.
PAGE_CODE = ^(([^'\n]|'[^'\n]*')*
$(B)/page.js: cli/show/page.js
	$(Q)mkdir -p $(@D)
	$(Q)sed -E -e '/^ *\/\*.*\*\/$$/d' -e '/^ *\/\*/,/\*\/$$/d' -e 's/^ *//' \
	    -e 's| /\* [^*`]* \*/$$||' -e '/^$$/d' -e '/[`"\/]|[$$][{]/s/[}`"\/]|$$/\n&/' -e ':a' \
	    -e "s/$(PAGE_CODE)) ([]=<>?:,;(){}&|*![])/\1\3/;ta" -e ':b' \
	    -e "s/$(PAGE_CODE)[=<>?:,;(){}&|*]) /\1/;tb" -e ':c' \
	    -e "s/$(PAGE_CODE)) ([-+]) ([^-+])/\1\3\4/;tc" -e 's/\n//' $< | \
	    sed -e ':a' -e '/[,;{(]$$/{N;s/\n//;ba' -e '}' > $@

# ---- what is installed -------------------------------------------------------

LAUNCHERS := llmobs-run llmobs-entrypoint

.PHONY: all check test unit fuzz fuzzers clients conformance bench benches install \
	uninstall clean dist format help tree FORCE
# Python may leave its own folder there.
HELPERS := $(filter-out %/__pycache__,$(wildcard examples/inbound/*))
HOOK_OF_PYTHON := hooks/python/sitecustomize.py
HOOKS := $(HELPERS) hooks/python/llmobs_hook.py
HOOK_OF_NODE := hooks/node/llmobs_hook.cjs

all: $(B)/libllmobs_preload.so $(B)/libllmobs_core.so $(B)/llmobs-tool $(B)/places \
	$(addprefix $(B)/,llmobs $(LAUNCHERS) prices.json) \
	$(addprefix $(B)/inbound/,$(notdir $(HOOKS)) python/sitecustomize.py \
	node/llmobs_hook.cjs)

$(filter $(B)/%,$(SHIM_OBJ)): $(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEFINES) $(CPPFLAGS) $(SHIM_CFLAGS) $(SPECIAL) $(FRAMES) -MMD -MP -c $< -o $@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(FRAMES) -fPIC -MMD -MP -c $< -o $@

$(B)/libllmobs_preload.so: $(SHIM_OBJ) shim/shim.map
	@mkdir -p $(@D)
	$(Q)$(CC) $(SHIM_LDFLAGS) $(SHIM_OBJ) -o $@

$(B)/places: shim/places shim/inert.S
	@mkdir -p $(@D)
	$(Q)CC='$(CC)' OBJCOPY='$(OBJCOPY)' shim/places $(B)
	@touch $@

# The core has nothing to run as it is loaded or unloaded. The compiler's start
# files would have the loader seek four names, three of them in every object of
# the process and in vain, and would touch one more page at exit. core/capture/attach.c
# has the one that is needed.
#
# One core for every C library: it names no library and no version, so that the
# loader takes each name from the libc that the process has. lib/libc/lacking.c has
# the functions that some lack. A sanitizer's library is one more that is needed.
LACKING := atexit pthread_atfork stat fstat fstatat explicit_bzero
LIBGCC := $(shell $(CC) -print-libgcc-file-name)
CORE_LIBC := $(if $(SAN),,$(B)/lib/libc/lacking.o)
CORE_LIBS := $(if $(SAN),$(SANFLAGS) -lpthread,-nostdlib -Wl,-z,text $(SHADOW))
$(B)/libllmobs_core.so: $(LIB_OBJ) $(CORE_LIBC) $(B)/flags
	$(Q)$(LD) -r $(LIB_OBJ) -o $(B)/core-own.o
ifeq ($(SAN),)
	$(Q)$(OBJCOPY) $(foreach name,$(LACKING), \
		--redefine-sym $(name)=llmobs_libc_$(name)) $(B)/core-own.o
endif
	$(Q)$(LD) -r $(B)/core-own.o $(CORE_LIBC) $(STATIC_ZLIB) $(CODING_LIBS) \
		$(LIBGCC) -o $(B)/core-all.o
	$(Q)$(OBJCOPY) --keep-global-symbol=llmobs_core_attach \
		--keep-global-symbol=__dso_handle $(B)/core-all.o
	$(Q)$(CC) -shared $(CORE_LIBS) -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete \
		-Wl,-z,noseparate-code -Wl,--hash-style=both \
		-Wl,--sort-section=name -Wl,-soname,libllmobs_core.so $(B)/core-all.o -o $@

# The tool finds it beside itself.
$(B)/prices.json: packaging/prices.json
	$(Q)cp $< $@

# The launcher does: they are the hooks of --inbound.
$(B)/inbound/python/%: hooks/python/%
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(B)/inbound/%: hooks/python/%
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(B)/inbound/node/%: hooks/node/%
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(B)/inbound/%: examples/inbound/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

# One tool for every C library, as the core: with the names of that libc alone
# which the process gets, and none of its versions. It names the libraries, so it
# is linked with ones that have nothing but those names (lib/libc/stubs), and it
# begins by itself (lib/libc/start.S). A sanitizer has a libc of its own.
TOOL_LACKING := $(LACKING) lstat reallocarray getrandom scandirat execvpe
TOOL_LIBC := $(patsubst %,$(B)/lib/libc/%.o,lacking lacking_tool start)
$(B)/lib/libc/%.o: lib/libc/%.S
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROTECT) -c $< -o $@
ifeq ($(SAN),)
$(B)/llmobs-tool: $(CLI_OBJ) $(LIB_OBJ) $(TOOL_LIBC) lib/libc/stubs $(B)/flags
	$(Q)$(LD) -r $(CLI_OBJ) $(LIB_OBJ) -o $(B)/tool-own.o
	$(Q)$(OBJCOPY) $(foreach name,$(TOOL_LACKING), \
		--redefine-sym $(name)=llmobs_libc_$(name)) $(B)/tool-own.o
	$(Q)$(LD) -r $(B)/tool-own.o $(TOOL_LIBC) $(STATIC_ZLIB) $(CODING_LIBS) \
		$(LIBGCC) -o $(B)/tool-all.o
	$(Q)$(OBJCOPY) --keep-global-symbol=_start $(B)/tool-all.o
	$(Q)CC='$(CC)' PROTECT='$(PROTECT)' lib/libc/stubs $(B)/tool-all.o $(B)/stubs
	$(Q)$(CC) -pie -nostdlib -Wl,-z,now -Wl,-z,relro -Wl,--hash-style=both \
		-Wl,--build-id $(SHADOW) $(LDFLAGS) $(B)/tool-all.o -L$(B)/stubs \
		-Wl,--no-as-needed -lc -lpthread -ldl -o $@
	$(Q)mkdir -p $(B)/empty && cp $(B)/stubs/libpthread.so \
		$(B)/empty/libpthread.so.0 && cp $(B)/stubs/libdl.so $(B)/empty/libdl.so.2
else
$(B)/llmobs-tool: $(CLI_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $(LDFLAGS) $(OBJECTS) $(CODING_LIBS) $(STATIC_ZLIB) \
		-ldl -lpthread -o $@
endif

# The program in front of it has three names: the tool's, which it executes by
# the loader that the system has, and those of the launcher, which it is. It
# needs nothing where it starts, also in an image of another libc, and no
# preloaded library comes into it: static, and without a sanitizer, of which it
# would be the first process. Dynamic where there is no static libc.
FRONT := $(addprefix cli/run/,run_main run) \
	$(addprefix cli/shared/,environment preload suggest tell) core/config/state_dir \
	$(addprefix lib/base/,scratch script)
FRONT_STATIC = $(shell echo 'int main(void) { return 0; }' | \
	$(CC) -static-pie -o /dev/null -xc - 2>/dev/null && echo -static-pie || echo -pie)
$(B)/llmobs: $(wildcard $(FRONT:=.c) $(FRONT:=.h)) $(B)/flags | $(B)/llmobs-tool
	@mkdir -p $(@D)
	$(Q)$(CC) $(DEFINES) $(CPPFLAGS) -std=c11 -O2 -g $(WARN) $(WERROR) -fPIE $(PROTECT) \
		$(CFLAGS) $(FRONT:=.c) $(FRONT_STATIC) $(LDFLAGS) -o $@
$(LAUNCHERS:%=$(B)/%): $(B)/llmobs
	$(Q)ln -sf llmobs $@

# ---- programs of the tests ---------------------------------------------------

$(B)/unit: $(UNIT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) -pie -Wl,--build-id,--wrap=malloc,--wrap=calloc,--wrap=realloc \
		$(SANFLAGS) $(OBJECTS) $(CODING_LIBS) -lcheck_pic -lsubunit -lrt -lm \
		-lz -ldl -lpthread -o $@

unit: $(B)/unit
	$(B)/unit

# Reads recorded calls without network (scripts/map-corpus).
$(B)/map-case: $(B)/tests/support/map_case.o $(SUPPORT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $(OBJECTS) $(CODING_LIBS) -lz -lpthread -o $@

# Writes spans of OTLP without network (tests/support/otlp_conventions.py).
$(B)/otlp-case: $(B)/tests/support/otlp_case.o $(B)/tests/unit/rule_case.o \
	$(SUPPORT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $(OBJECTS) $(CODING_LIBS) -lz -lpthread -o $@

# A second opinion on JSON, for tests alone.
$(addprefix $(B)/,bench-parse fuzz-json fuzz-members fuzz-secrets): SECOND := -ljansson

# libFuzzer is clang's.
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/fuzz-%,$(filter-out \
	tests/fuzz/shapes.c tests/fuzz/seeds.c tests/fuzz/api_walk.c \
	tests/fuzz/walk_item.c tests/fuzz/tools.c, \
	$(wildcard tests/fuzz/*.c)))
fuzz:
	$(Q)$(MAKE) CC="$(CCACHE) clang" SAN=fuzz B=$(B)-fuzz fuzzers
fuzzers: $(FUZZERS) $(B)/fuzz-seeds
$(B)/fuzz-seeds: $(B)/tests/fuzz/seeds.o $(B)/tests/fuzz/shapes.o \
	$(B)/tests/unit/rule_case.o $(SUPPORT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $(OBJECTS) $(CODING_LIBS) -lz -lpthread -o $@
$(B)/fuzz-config: $(B)/tests/fuzz/shim_conf.o
$(B)/fuzz-elf: $(B)/tests/fuzz/shim_elf.o
$(B)/fuzz-insert: $(B)/tests/fuzz/shim_insert.o
$(B)/fuzz-hello: $(patsubst %,$(B)/cli/intercept/%.o,hello way_out)
$(B)/fuzz-object: $(patsubst %,$(B)/%.o,cli/doctor/object)
$(B)/fuzz-store: $(patsubst %,$(B)/%.o,cli/shared/reader cli/shared/escape \
	cli/shared/marks cli/shared/tail cli/shared/tell)
# With the sanitizers that the shim is made without.
$(B)/tests/fuzz/shim_%.o: shim/%.c $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -fPIC -MMD -MP -c $< -o $@
$(B)/fuzz-%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/shapes.o \
	$(B)/tests/fuzz/tools.o $(SUPPORT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) -fsanitize=fuzzer $(OBJECTS) $(CODING_LIBS) $(SECOND) -lz \
		-lpthread -o $@

EXAMPLES := $(patsubst %.c,$(B)/%,$(wildcard examples/*.c))
clients: $(CLIENTS) $(B)/tests/fuzz/api_walk $(B)/tests/clients/api_scopes \
	$(EXAMPLES)
$(EXAMPLES): $(B)/%: %.c include/llmobs.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $< -lcurl -lpthread -o $@
# Nothing of ours, nor libcurl, to link with.
$(B)/tests/clients/api_alone: tests/clients/api_alone.c include/llmobs.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -Iinclude $(CFLAGS_ALL) -std=c99 -D_GNU_SOURCE $< -o $@
$(B)/tests/clients/api_scopes: tests/clients/api_scopes.cc include/llmobs.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CXX) -Iinclude -std=c++11 -O2 -g -Wall -Wextra -Wpedantic -Wconversion \
		$(WERROR) $(SANFLAGS) $< -lpthread -o $@
$(filter-out %/api_alone,$(CLIENTS)): $(B)/%: %.c tests/clients/cases.h \
		tests/clients/pages.h include/llmobs.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $< -lcurl -ldl -lpthread -lm -o $@

# One more walks at random (tests/fuzz/walk).
$(B)/tests/fuzz/api_walk: $(B)/tests/fuzz/api_walk.o $(B)/tests/fuzz/walk_item.o
	$(Q)$(CC) $(SANFLAGS) $(OBJECTS) -lcurl -lpthread -o $@

conformance: all
	scripts/conformance $(B)

BENCHES := $(patsubst %,$(B)/bench-%,parse callsite miss otlp)
benches: $(BENCHES) $(B)/bench-frames.so
$(BENCHES): $(B)/bench-%: $(B)/tests/bench/%.o $(SUPPORT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $(OBJECTS) $(CODING_LIBS) $(SECOND) -lz -lpthread -o $@

# PHP has it by LD_PRELOAD.
$(B)/tests/bench/frames.o: SPECIAL := -fPIC
$(B)/bench-frames.so: $(B)/tests/bench/frames.o $(LIB_OBJ)
	$(Q)$(CC) -shared $(SANFLAGS) $(OBJECTS) -lpthread -o $@

bench: all clients benches
	scripts/bench --build $(B)

# ---- installation ------------------------------------------------------------

UNITS := llmobs-drain.service llmobs-relay.service llmobs-stats.service \
	llmobs-drain.timer llmobs-stats.timer
TREE ?= $(B)/tree
PAGES := share/doc/llmobs-preload
DOC = $(TREE)/$(PAGES)
BASH = $(TREE)/share/bash-completion/completions
put = install -D -m $(1) -t $(TREE)/$(2) $(3)

# The files of an archive, which its install.sh lays below a prefix. The pages stand to
# each other and to what they name as here, so that their links lead there.
tree: all
	rm -rf $(TREE)
	$(call put,755,lib/llmobs,$(addprefix $(B)/,libllmobs_preload.so \
		libllmobs_core.so llmobs-tool))
	cp -R -P $(B)/behind-libasan.so $(TREE)/lib/llmobs/
	$(if $(SAN),,$(call put,644,lib/llmobs/empty,$(B)/empty/*))
	$(call put,644,lib/systemd/system,$(addprefix packaging/,$(UNITS)))
	$(call put,644,share/systemd/user,packaging/user/*.service \
		packaging/llmobs-drain.timer)
	$(call put,755,bin,$(B)/llmobs)
	$(call put,644,include,include/llmobs.h)
	$(call put,644,share/pkgconfig,packaging/llmobs.pc)
	sed -i "s/@VERSION@/$$(sed -n 's/^#define LLMOBS_VERSION "\(.*\)"/\1/p' \
		include/llmobs.h)/" $(TREE)/share/pkgconfig/llmobs.pc
	$(call put,644,share/llmobs,packaging/prices.json packaging/llmobs-drain.cron \
		packaging/user/llmobs-drain.crontab)
	$(call put,644,share/llmobs/inbound,$(HOOKS))
	$(call put,644,share/llmobs/inbound/python,$(HOOK_OF_PYTHON))
	$(call put,644,share/llmobs/inbound/node,$(HOOK_OF_NODE))
	for d in . python; do : > $(TREE)/share/llmobs/inbound/$$d/__pycache__; done
	install -D -m 644 packaging/completion/llmobs.bash $(BASH)/llmobs
	for f in $(LAUNCHERS); do \
		ln -s llmobs $(TREE)/bin/$$f && ln -s llmobs $(BASH)/$$f || exit 1; done
	$(call put,644,share/zsh/site-functions,packaging/completion/_llmobs)
	$(call put,644,share/fish/vendor_completions.d,packaging/completion/llmobs.fish)
	$(call put,644,share/man/man1,packaging/man/*.1)
	$(call put,644,share/man/man5,packaging/man/*.5)
	for f in $$(find examples -type f ! -name '*.pyc'); do \
		install -D -m 644 $$f $(DOC)/$$f || exit 1; done
	$(call put,644,$(PAGES)/docs,docs/*.md)
	$(call put,644,$(PAGES)/docs/images,docs/images/*)
	install -m 644 $(wildcard *.md) LICENSE $(DOC)/
	$(call put,644,$(PAGES)/findings,findings/README.md)
	$(call put,644,$(PAGES)/include,include/llmobs.h)
	install -m 644 packaging/llmobs.conf $(DOC)/examples/
	install -m 755 packaging/archive/install.sh $(TREE)/

# By another user than the one who builds, mostly.
install: all
	tree=$$(mktemp -d) && $(MAKE) --no-print-directory tree TREE=$$tree && \
		DESTDIR='$(DESTDIR)' $$tree/install.sh --prefix '$(PREFIX)'; \
		status=$$?; rm -rf $$tree; exit $$status

# A tree below DESTDIR has no list of its files.
# The loop while you work, and the whole (CONTRIBUTING.md).
check:
	scripts/check $(B)

test:
	scripts/test

uninstall:
	$(if $(DESTDIR),@echo "remove the tree below $(DESTDIR) by hand" >&2; exit 1)
	packaging/archive/install.sh --uninstall --prefix '$(PREFIX)'

# Archives that work where they are unpacked.
dist:
	scripts/dist

# The list of commands for an editor's language server (clangd and others).
compile_commands.json: FORCE
	$(Q)scripts/compile-commands "$(CC)" '$(DEFINES) $(CPPFLAGS) $(CFLAGS_ALL)' > $@.new
	$(Q)mv $@.new $@

help:
	@echo 'make [-jN]        $(B)/libllmobs_preload.so, libllmobs_core.so, llmobs, llmobs-run'
	@echo 'make check        the loop while you work, some 25 s (scripts/check)'
	@echo 'make test         all tests of a change, seven minutes (scripts/test)'
	@echo 'make unit         the unit tests and the cases of dialects'
	@echo 'make clients      the C programs of tests/clients'
	@echo 'make conformance  recorded calls through curl, span by span'
	@echo 'make bench        the budgets, bare and observed in turn'
	@echo 'make fuzz         the fuzz targets, by clang (scripts/fuzz runs them)'
	@echo 'make format       writes all C files as clang-format has them'
	@echo 'make compile_commands.json   for clangd and editors'
	@echo 'make install      to PREFIX (/usr/local), below DESTDIR; make uninstall'
	@echo 'make dist         the archive, in dist/; of both processors where both compilers are'
	@echo 'make clean        removes the build folders'
	@echo 'settings: CC=clang  B=folder  SAN=asan|tsan  TEST=1 (a core that dies on'
	@echo '          demand)  RARE= (without rules/rare)  WERROR=-Werror  CFLAGS= CPPFLAGS= LDFLAGS='
	@echo '          V=1 (shows the commands)  PREFIX=  DESTDIR='

format:
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

clean:
	rm -rf build build-asan build-tsan build-clang build-dist build-fuzz build-test dist

-include $(shell find $(B) -name '*.d' 2>/dev/null)
