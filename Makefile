# kubeshim. `make help` lists the targets.

VERSION := 0.1.0
SOVERSION := 0

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
BUILD ?= build

CC ?= cc
CFLAGS ?= -O2 -g
LIBS := libcurl jansson yaml-0.1 openssl
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
REAL_CFLAGS = -std=c11 -D_GNU_SOURCE -Iinclude -Ilib $(WARNINGS) -fvisibility=hidden \
	$(shell pkg-config --cflags $(LIBS) 2>/dev/null) $(CPPFLAGS) $(CFLAGS) $(SANITIZE)
REAL_LIBS = $(shell pkg-config --libs $(LIBS) 2>/dev/null) $(SANITIZE)

LIB_SOURCES := $(wildcard lib/*.c lib/*/*.c)
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
STATIC := $(BUILD)/libkubeshim.a
SONAME := libkubeshim.so.$(SOVERSION)
SHARED := $(BUILD)/libkubeshim.so.$(VERSION)
EXAMPLES := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))
# The page that is made from the rows of the built-in kinds.
KINDS_PAGE := $(BUILD)/man/kubeshim_kinds.7
HTTP_SERVICE := $(BUILD)/examples/http_service
ifneq ($(shell pkg-config --exists libevent 2>/dev/null && echo there),there)
EXAMPLES := $(EXAMPLES:$(HTTP_SERVICE)=without-libevent)
endif
KUBESHIM := $(BUILD)/kubeshim
# What the command line is linked with.
KUBESHIM_LIB ?= $(STATIC)
CLI_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard examples/kubeshim/*.c))

all: $(STATIC) $(SHARED) $(BUILD)/kubeshim.pc $(EXAMPLES) $(KUBESHIM) $(KINDS_PAGE) ## the library, static and shared, the examples and the command line

$(HTTP_SERVICE): REAL_CFLAGS += $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libevent 2>/dev/null))
$(HTTP_SERVICE): REAL_LIBS += $(shell pkg-config --libs libevent 2>/dev/null)
without-libevent:
	@echo "  examples/http_service.c is left out: it takes libevent (Debian: libevent-dev)"

# What is missing is named before the compiler stumbles over it.
$(BUILD)/.checked:
	@sh test/setup.sh build
	@mkdir -p $(BUILD) && touch $@

$(BUILD)/%.o: %.c | $(BUILD)/.checked
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(REAL_CFLAGS) -fPIC -MMD -MP -c $< -o $@

$(STATIC): $(LIB_OBJECTS)
	@rm -f $@
	$(QUIET_AR)$(AR) rcs $@ $^

$(SHARED): $(LIB_OBJECTS) lib/kubeshim.map
	$(QUIET_LD)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=lib/kubeshim.map -Wl,-z,defs \
		$(LDFLAGS) $(LIB_OBJECTS) $(REAL_LIBS) -o $@
	@ln -sf $(notdir $@) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $(BUILD)/libkubeshim.so

$(BUILD)/kubeshim.pc: lib/kubeshim.pc.in Makefile FORCE | $(BUILD)/.checked
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

$(BUILD)/examples/%: examples/%.c $(STATIC)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $< $(STATIC) $(REAL_LIBS) -o $@

$(BUILD)/man/kinds: man/kinds.c $(STATIC)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $< $(STATIC) $(REAL_LIBS) -o $@

$(KINDS_PAGE): $(BUILD)/man/kinds
	@$< >$@

html: all ## the pages as HTML: build/html/index.html
	@sh man/html.sh $(BUILD)/html $(KINDS_PAGE)

$(KUBESHIM): $(CLI_OBJECTS) $(KUBESHIM_LIB)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $(CLI_OBJECTS) $(KUBESHIM_LIB) $(REAL_LIBS) -o $@

install: all ## into DESTDIR and PREFIX (/usr/local)
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCLUDEDIR)/kubeshim/adapters $(DESTDIR)$(BINDIR)
	install -m 644 $(STATIC) $(DESTDIR)$(LIBDIR)/
	install -m 755 $(SHARED) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libkubeshim.so
	install -m 644 $(BUILD)/kubeshim.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 include/kubeshim/*.h $(DESTDIR)$(INCLUDEDIR)/kubeshim/
	install -m 644 include/kubeshim/adapters/*.h $(DESTDIR)$(INCLUDEDIR)/kubeshim/adapters/
	install -m 755 $(KUBESHIM) $(DESTDIR)$(BINDIR)/
	for page in man/*.[0-9] $(KINDS_PAGE); do \
		section=$${page##*.}; \
		install -d $(DESTDIR)$(MANDIR)/man$$section; \
		install -m 644 $$page $(DESTDIR)$(MANDIR)/man$$section/; \
	done
	sh man/links.sh $(DESTDIR)$(MANDIR)

# What git knows, as it is in this tree; without git, from such a tarball, all but what was built.
DIST := kubeshim-$(VERSION)
dist: ## a tarball of the source: build/kubeshim-VERSION.tar.gz
	@mkdir -p $(BUILD)
	@if [ -e .git ]; then git ls-files -- ':!.ci'; else find . -path './build*' -prune -o ! -type d -printf '%P\n'; fi | LC_ALL=C sort | \
		tar --create --files-from=- --transform='s|^|$(DIST)/|' --owner=0 --group=0 --numeric-owner --mode=go=u,go-w \
			--mtime="$$([ -e .git ] && git log -1 --format=@%ct || date -r CHANGES +@%s)" | gzip -9n >$(BUILD)/$(DIST).tar.gz
	@echo $(BUILD)/$(DIST).tar.gz

# debian/ says what goes where. It is the tarball that is built.
deb: dist ## Debian packages, for runtime, development and the command line: build/deb/*.deb
	@sh test/setup.sh deb
	@rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	@tar -xzf $(BUILD)/$(DIST).tar.gz -C $(BUILD)/deb
	@cd $(BUILD)/deb/$(DIST) && env -u MAKEFLAGS -u MFLAGS -u MAKEOVERRIDES dpkg-buildpackage -us -uc >../log 2>&1 || \
		{ tail -n 60 ../log; exit 1; }
	@ls $(BUILD)/deb/*.deb

clean: ## what was built here; the cached control plane stays
	rm -rf $(BUILD)

help: ## this list
	@echo 'make TARGET, where TARGET is one of'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1@\2/p' $(MAKEFILE_LIST) | \
		while IFS=@ read -r target text; do printf '  %-16s %s\n' $$target "$$text"; done

# `make V=1` shows the commands.
ifndef V
QUIET_CC = @echo "  CC   $<";
QUIET_AR = @echo "  AR   $@";
QUIET_LD = @echo "  LD   $@";
endif

FORCE:

.PHONY: all without-libevent html install dist deb clean help FORCE
.DELETE_ON_ERROR:

include bench/bench.mk test/test.mk
-include $(LIB_OBJECTS:.o=.d) $(CLI_OBJECTS:.o=.d)
