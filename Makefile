# make            build/libllmobs_preload.so, build/libllmobs_core.so,
#                 build/llmobs
# make unit       unit tests and rule cases        make SAN=asan|tsan unit
# make clients    the C programs of tests/clients
# make bench      the budgets, interleaved         make install PREFIX= DESTDIR=
CC ?= gcc
PREFIX ?= /usr/local
# V=1 shows the compiler lines.
V ?=
Q := $(if $(V),,@)
SAN ?=
WERROR ?= -Werror

B := build$(if $(SAN),-$(SAN))
WARN := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes $(WERROR)
SANFLAGS_asan := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SANFLAGS_tsan := -fsanitize=thread
SANFLAGS := $(SANFLAGS_$(SAN)) $(if $(SAN),-fno-omit-frame-pointer)
OPT := $(if $(SAN),-O1 -g,-O2 -g)
CPPFLAGS += -D_GNU_SOURCE -I. -Iinclude
CFLAGS_ALL := -std=c11 $(OPT) $(WARN) -fvisibility=hidden $(SANFLAGS) $(CFLAGS)

# The shim runs in processes without a libc: nothing may be called that is not
# ours or checked for first, and no sanitizer goes in.
SHIM_CFLAGS := -std=c11 -O2 -g $(WARN) -fvisibility=hidden -fPIC -fno-plt \
	-fno-stack-protector -U_FORTIFY_SOURCE -ffreestanding \
	-fno-asynchronous-unwind-tables
SHIM_LDFLAGS := -shared -nostdlib -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete \
	-Wl,-z,noseparate-code -Wl,--hash-style=both -Wl,--version-script=shim/shim.map \
	-Wl,-soname,libllmobs_preload.so

SHIM_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard shim/*.c))
CORE_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard core/*.c))
RULES_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard rules/*.c))
CLI_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard cli/*.c))
LIB_OBJ := $(CORE_OBJ) $(RULES_OBJ)
UNIT_OBJ := $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/*.c))
CLIENTS := $(patsubst %.c,$(B)/%,$(wildcard tests/clients/*.c))

.PHONY: all unit clients bench install clean format
all: $(B)/libllmobs_preload.so $(B)/libllmobs_core.so $(B)/llmobs

$(B)/shim/%.o: shim/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(SHIM_CFLAGS) -MMD -MP -c $< -o $@

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -fPIC -MMD -MP -c $< -o $@

$(B)/libllmobs_preload.so: $(SHIM_OBJ) shim/shim.map
	$(Q)$(CC) $(SHIM_LDFLAGS) $(SHIM_OBJ) -o $@

# Inside the core are jansson's values (not its reader, which is not PIC in
# Debian's static library) and zlib; nothing of either leaves
# (docs/ARCHITECTURE.md).
STATIC_JANSSON := $(shell $(CC) -print-file-name=libjansson.a)
STATIC_ZLIB := $(shell $(CC) -print-file-name=libz.a)
$(B)/libllmobs_core.so: $(LIB_OBJ)
	$(Q)$(LD) -r $(LIB_OBJ) $(STATIC_JANSSON) $(STATIC_ZLIB) \
		-o $(B)/core-all.o
	$(Q)objcopy --keep-global-symbol=llmobs_core_attach $(B)/core-all.o
	$(Q)$(CC) -shared $(SANFLAGS) -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete \
		-Wl,-z,noseparate-code -Wl,--hash-style=both \
		-Wl,-soname,libllmobs_core.so $(B)/core-all.o -lpthread -o $@

$(B)/llmobs: $(CLI_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $^ -ljansson -lz -lpthread -o $@

$(B)/unit: $(UNIT_OBJ) $(LIB_OBJ)
	$(Q)$(CC) $(SANFLAGS) $^ -lcheck_pic -lsubunit -lrt -lm -ljansson -lz \
		-lpthread -o $@

unit: $(B)/unit
	$(B)/unit

clients: $(CLIENTS)
$(B)/tests/clients/%: tests/clients/%.c tests/clients/cases.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) $< -lcurl -ldl -lpthread -o $@

bench: all clients
	scripts/bench

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/llmobs \
		$(DESTDIR)$(PREFIX)/include
	install -m 755 $(B)/libllmobs_preload.so $(B)/libllmobs_core.so \
		$(DESTDIR)$(PREFIX)/lib/llmobs/
	install -m 755 $(B)/llmobs scripts/llmobs-run $(DESTDIR)$(PREFIX)/bin/
	install -m 644 include/llmobs.h $(DESTDIR)$(PREFIX)/include/

format:
	clang-format -i $$(git ls-files -co --exclude-standard '*.c' '*.h')

clean:
	rm -rf build build-asan build-tsan

-include $(shell find $(B) -name '*.d' 2>/dev/null)
