# tlsrpt: RFC 8460 reports from an outbound mail server.
#
#   make            build everything into build/
#   make demo       install what is missing, build, report on a sample day
#   make test       install what is missing, build, run every test
#   make SAN=1 test the same under AddressSanitizer and UBSan (build/san)
#   make fuzz       build the parsers' fuzz targets with libFuzzer (build/fuzz)
#   make test-browser  the HTML page in headless Chromium
#   make pictures   those of the README, from what the programs say
#   make e2e-postfix  against the Postfix of Debian 13, which speaks TLSRPT
#   make bench      measure, as ratios against named yardsticks
#   make deb        a Debian package, in build/deb
#   make e2e-deb    that package, installed and removed again
#   make e2e-boot   the same on a Debian that is booted
#   make rpm        an RPM package, in build/rpm
#   make e2e-rpm    that it has what the Debian package has
#   make e2e-container  the image of packaging/Containerfile, built and run
#   make install    honours PREFIX, SYSCONFDIR and DESTDIR

PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR     ?= $(PREFIX)/bin
SBINDIR    ?= $(PREFIX)/sbin
MANDIR     ?= $(PREFIX)/share/man
DOCDIR     ?= $(PREFIX)/share/doc/tlsrpt
# Of systemd, sysctl and the like.
LIBDIR     ?= $(PREFIX)/lib
COMPDIR    ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR     ?= $(PREFIX)/share/zsh/site-functions
UNITDIR    ?= $(LIBDIR)/systemd/system

# Debian packages: the one place they are listed.
BUILD_DEPS = gcc libc6-dev pkg-config libssl-dev libcurl4-openssl-dev \
	libjansson-dev zlib1g-dev libesmtp-dev libsqlite3-dev libunbound-dev \
	libinih-dev libxxhash-dev libidn2-dev libpcre2-dev
TEST_DEPS = libcmocka-dev postfix nginx-light nsd unbound openssl jq sqlite3 \
	python3 python3-dkim python3-dnspython python3-nacl opendkim-tools \
	iproute2 curl time procps strace ca-certificates ldnsutils lua5.4 socat \
	mandoc bsdutils rsync systemd zsh e2fsprogs
E2E_DEPS = debootstrap systemd-container
BROWSER_DEPS = chromium chromium-driver fonts-dejavu-core
BENCH_DEPS = nghttp2-client
DEMO_DEPS = openssl
LINT_DEPS = clang-tidy cppcheck shellcheck
FUZZ_DEPS = clang
DEB_DEPS = build-essential debhelper lintian
RPM_DEPS = rpm
CONTAINER_DEPS = buildah podman crun netavark

VERSION := 1.0.0
B := build$(if $(FUZZ),/fuzz,$(if $(SAN),/san))
LIBS_ALL := openssl libcurl jansson zlib libesmtp-1.0 sqlite3 libunbound \
	inih libxxhash libidn2 libpcre2-8

CSTD     = -std=c17 -D_GNU_SOURCE -I. -DVERSION='"$(VERSION)"' \
	-DSYSCONFDIR='"$(SYSCONFDIR)"'
# Not -Wpedantic: it refuses %m, which log.h promises.
WARN     = -Wall -Wextra -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Wpointer-arith -Wvla \
	-Wformat=2 -Wno-format-nonliteral $(if $(WERROR),-Werror)
CFLAGS  ?= -O2 -g
HARDEN   = $(if $(SAN)$(FUZZ),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
LDHARDEN = -pie -Wl,-z,relro,-z,now -Wl,--as-needed
ifdef SAN
CFLAGS  += -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
LDHARDEN += -fsanitize=address,undefined
endif
ifdef FUZZ
CC       = clang
CFLAGS  += -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDHARDEN += -fsanitize=fuzzer,address,undefined
endif

pc = $(shell pkg-config --libs $(1))

# Each layer is an archive, and each program is linked with the archives of
# its own layer and the ones below only: a call upward does not link.
MAINS := spool/spool_main.c spool/spoold_main.c \
	reporter/send_main.c reporter/show_main.c reporter/check_main.c
CONF       := $(filter-out $(MAINS),$(wildcard conf/*.c))
SPOOL      := $(filter-out $(MAINS),$(wildcard spool/*.c))
AGGREGATOR := $(filter-out $(MAINS),$(wildcard aggregator/*.c))
REPORTER   := $(filter-out $(MAINS),$(wildcard reporter/*.c))

CONF_LIBS       = $(call pc,inih jansson)
SPOOL_LIBS      = $(call pc,libxxhash libidn2 zlib) $(CONF_LIBS) -lpthread
AGGREGATOR_LIBS = $(SPOOL_LIBS)
REPORTER_LIBS   = $(call pc,openssl libcurl libesmtp-1.0 sqlite3 libunbound libpcre2-8) \
	$(AGGREGATOR_LIBS)

CONF_A       = $(B)/libconf.a
SPOOL_A      = $(B)/libspool.a $(CONF_A)
AGGREGATOR_A = $(B)/libaggregator.a $(SPOOL_A)
REPORTER_A   = $(B)/libreporter.a $(AGGREGATOR_A)

obj = $(patsubst %.c,$(B)/%.o,$(1))
have = $(if $(wildcard $(1)),$(2))

PROGRAMS := $(call have,reporter/send_main.c,$(B)/tlsrpt-send) \
	$(call have,spool/spool_main.c,$(B)/tlsrpt-spool) \
	$(call have,spool/spoold_main.c,$(B)/tlsrpt-spoold) \
	$(call have,reporter/show_main.c,$(B)/tlsrpt-show) \
	$(call have,reporter/check_main.c,$(B)/tlsrpt-check)

# What is of use to people who administer nothing here.
FOR_ALL := %/tlsrpt-show %/tlsrpt-check

SHIMS := $(patsubst %.c,$(B)/%.so,$(wildcard tests/shim/*.c))
UNIT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/conf/test_*.c \
	tests/spool/test_*.c tests/aggregator/test_*.c tests/reporter/test_*.c))

PAGES := $(wildcard */*.[158])
DOCS  := $(wildcard README.md LICENSE conf/tlsrpt.conf \
	packaging/MOVING.md packaging/OPERATIONS.md \
	packaging/prometheus/tlsrpt.rules.yml)

all: $(PROGRAMS)

$(B)/libconf.a: $(call obj,$(CONF))
$(B)/libspool.a: $(call obj,$(SPOOL))
$(B)/libaggregator.a: $(call obj,$(AGGREGATOR))
$(B)/libreporter.a: $(call obj,$(REPORTER))
$(B)/%.a:
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARN) $(HARDEN) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(B)/reporter/page.o: reporter/page.css reporter/page.js

link = $(CC) $(CFLAGS) $(LDHARDEN) $(LDFLAGS) -o $@ $(filter %.o %.a,$^)

$(B)/tlsrpt-spool: $(B)/spool/spool_main.o $(SPOOL_A)
	$(link) $(SPOOL_LIBS)
$(B)/tlsrpt-spoold: $(B)/spool/spoold_main.o $(SPOOL_A)
	$(link) $(SPOOL_LIBS)
$(B)/tlsrpt-send: $(B)/reporter/send_main.o $(REPORTER_A)
	$(link) $(REPORTER_LIBS)
$(B)/tlsrpt-show: $(B)/reporter/show_main.o $(REPORTER_A)
	$(link) $(REPORTER_LIBS)
$(B)/tlsrpt-check: $(B)/reporter/check_main.o $(REPORTER_A)
	$(link) $(REPORTER_LIBS)

$(B)/tests/conf/test_%: $(B)/tests/conf/test_%.o $(CONF_A)
	$(link) $(CONF_LIBS) -lcmocka
$(B)/tests/spool/test_%: $(B)/tests/spool/test_%.o $(SPOOL_A)
	$(link) $(SPOOL_LIBS) -lcmocka
$(B)/tests/aggregator/test_%: $(B)/tests/aggregator/test_%.o $(AGGREGATOR_A)
	$(link) $(AGGREGATOR_LIBS) -lcmocka
$(B)/tests/reporter/test_%: $(B)/tests/reporter/test_%.o $(REPORTER_A)
	$(link) $(REPORTER_LIBS) -lcmocka

# Fuzz targets replay tests/corpus as ordinary tests; `make fuzz` builds them
# with libFuzzer instead, to be run as
#	build/fuzz/tests/fuzz/fuzz_record NEW-FOLDER tests/corpus/record
FUZZERS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_MAIN = $(if $(FUZZ),,$(B)/tests/fuzz/replay.o)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_MAIN) $(REPORTER_A)
	$(link) $(REPORTER_LIBS)
fuzzers: $(FUZZERS)
fuzz:
	tests/deps $(BUILD_DEPS) $(FUZZ_DEPS)
	@$(MAKE) FUZZ=1 fuzzers

# A fresh machine has neither compiler nor pkg-config: what uses them runs in
# a make of its own, after tests/deps.
deps:
	tests/deps $(BUILD_DEPS) $(TEST_DEPS)

demo:
	tests/deps $(BUILD_DEPS) $(DEMO_DEPS)
	@$(MAKE) all
	tests/e2e/demo.sh $(B)

test: deps
	@$(MAKE) check

# The same, taking for granted that everything is installed.
check: all $(UNIT_TESTS) $(FUZZERS) $(B)/tests/bench/gen $(SHIMS)
	tests/run $(B)

# The page of tlsrpt-show in a browser; leaves pictures in $(B)/browser.
test-browser:
	tests/deps $(BUILD_DEPS) $(TEST_DEPS)
	-tests/deps $(BROWSER_DEPS)
	@$(MAKE) all
	tests/browser/page.py $(B)

# The README's pictures but for the drawn one; without a browser, not the page.
pictures:
	tests/deps $(BUILD_DEPS) $(TEST_DEPS)
	-tests/deps $(BROWSER_DEPS)
	@$(MAKE) all
	tests/pictures/terminal.py $(B) >$(B)/terminal.svg
	mv $(B)/terminal.svg packaging/pictures/terminal.svg
	tests/pictures/page.py $(B) packaging/pictures

# Against the Postfix of Debian 13, in a root of its own (build/trixie).
e2e-postfix:
	tests/deps $(BUILD_DEPS) $(TEST_DEPS)
	-tests/deps $(E2E_DEPS)
	@$(MAKE) all
	tests/e2e/postfix-trixie.sh $(B)

lint:
	tests/deps $(BUILD_DEPS) $(TEST_DEPS) $(LINT_DEPS)
	tests/lint

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) \
		$(DESTDIR)$(DOCDIR) $(DESTDIR)$(SYSCONFDIR)/tlsrpt
	install -m 755 $(filter-out $(FOR_ALL),$(PROGRAMS)) $(DESTDIR)$(SBINDIR)
	install -m 755 $(filter $(FOR_ALL),$(PROGRAMS)) $(DESTDIR)$(BINDIR)
	install -m 644 $(DOCS) $(DESTDIR)$(DOCDIR)
	for page in $(PAGES); do \
		dir=$(DESTDIR)$(MANDIR)/man$${page##*.}; \
		install -d $$dir && install -m 644 $$page $$dir || exit 1; \
	done
	test -e $(DESTDIR)$(SYSCONFDIR)/tlsrpt/tlsrpt.conf || \
		install -m 640 conf/tlsrpt.conf \
		$(DESTDIR)$(SYSCONFDIR)/tlsrpt/tlsrpt.conf
	install -d $(DESTDIR)$(COMPDIR)
	install -m 644 packaging/completion/tlsrpt.bash \
		$(DESTDIR)$(COMPDIR)/tlsrpt-send
	for program in $(filter-out tlsrpt-send,$(notdir $(PROGRAMS))); do \
		ln -sf tlsrpt-send $(DESTDIR)$(COMPDIR)/$$program || exit 1; \
	done
	install -d $(DESTDIR)$(ZSHDIR)
	install -m 644 packaging/completion/_tlsrpt $(DESTDIR)$(ZSHDIR)
	install -d $(DESTDIR)$(UNITDIR)
	for unit in packaging/systemd/*; do \
		sed 's|/usr/sbin/|$(SBINDIR)/|' $$unit \
		    >$(DESTDIR)$(UNITDIR)/$${unit##*/} || exit 1; \
	done
	for kind in sysctl.d sysusers.d tmpfiles.d; do \
		install -d $(DESTDIR)$(LIBDIR)/$$kind && \
		install -m 644 packaging/$$kind/*.conf \
		    $(DESTDIR)$(LIBDIR)/$$kind || exit 1; \
	done

deb:
	tests/deps $(BUILD_DEPS) $(DEB_DEPS)
	packaging/deb $(VERSION) $(filter-out gcc libc6-dev,$(BUILD_DEPS))

# The RPM package; rpm of another world does not know what is installed.
rpm:
	tests/deps $(BUILD_DEPS) $(RPM_DEPS)
	packaging/rpm/build $(VERSION) $(if $(wildcard /etc/debian_version),--nodeps)

# Are both packages the same?
e2e-rpm: deb rpm
	@$(MAKE) all
	tests/e2e/rpm.sh $(B)

# The image of packaging/Containerfile, built and run.
e2e-container:
	@$(MAKE) all
	-tests/deps $(E2E_DEPS) $(CONTAINER_DEPS)
	tests/e2e/container.sh $(B)

print-%:
	@echo $($*)

# That package in a Debian of its own (build/bookworm).
e2e-deb: deb
	@$(MAKE) all
	-tests/deps $(E2E_DEPS)
	tests/e2e/package.sh $(B)

# And on a Debian that is booted in a container (build/bookworm-boot).
e2e-boot: deb
	@$(MAKE) all
	-tests/deps $(E2E_DEPS)
	tests/e2e/boot.sh $(B)

# What is loaded in front of libc: a slow disk, a wrong clock.
$(B)/tests/shim/%.so: tests/shim/%.c
	@mkdir -p $(@D)
	cc -std=c17 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -o $@ $< -ldl

# Measurements: generators and bare programs besides the real ones.
BENCHES := $(patsubst %.c,$(B)/%,$(wildcard tests/bench/*.c))
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(SPOOL_A)
	$(link) $(SPOOL_LIBS) -lm
$(B)/tests/bench/dkim_bench $(B)/tests/bench/queue_bench: \
    $(B)/tests/bench/%: $(B)/tests/bench/%.o $(REPORTER_A)
	$(link) $(REPORTER_LIBS)

bench:
	tests/deps $(BUILD_DEPS) $(TEST_DEPS) $(BENCH_DEPS)
	@$(MAKE) all $(BENCHES) $(SHIMS)
	tests/bench/run $(B)

clean:
	rm -rf build

.PHONY: all clean deb e2e-deb e2e-boot rpm e2e-rpm e2e-container deps demo test check test-browser pictures \
	e2e-postfix lint install bench fuzz fuzzers
.SECONDARY:
-include $(shell find $(B) \( -name trixie -o -name 'bookworm*' -o -name deb \
	-o -name rpm -o -name containers \) -prune -o -type f -name '*.d' -print 2>/dev/null)
