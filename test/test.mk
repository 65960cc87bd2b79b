# The tests. Each test/unit, test/faults and test/live/test_*.c is a cmocka program of its own; what else it
# needs of the linker stands in its source behind "LINK:".

UNIT_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/unit/test_*.c))
FAULT_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/faults/test_*.c) test/faults/selftest.c)
# test_client and test_kinds first, test_changes and test_crd last: after definitions were deleted discovery is
# unsteady for a while.
LIVE_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,test/live/test_client.c test/live/test_kinds.c \
	$(filter-out %/test_client.c %/test_kinds.c %/test_changes.c %/test_crd.c,$(wildcard test/live/test_*.c)) \
	test/live/test_changes.c test/live/test_crd.c)
# Foreign loops. Each source names the pkg-config module of its own behind "PKG-CONFIG:"; without it, it only says so.
LOOP_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/loops/test_*.c))
LOOP_UTIL := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/loops/test_%.c,$(wildcard test/loops/*.c)))
TEST_UTIL := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/*.c))
LIVE_UTIL := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/live/test_%.c,$(wildcard test/live/*.c)))
LIVE_SCRIPTS := $(wildcard test/live/*.sh)
SCRIPTS := test/docs.sh test/docs_fail.sh test/install.sh test/package.sh test/abi.sh test/clang.sh test/judge.sh \
	test/bench.sh test/secrets.sh

# test/run runs programs side by side: they have servers of their own, or Namespaces on the one that they share, and
# mostly wait. Those that share something else are named here, by what it is, and run one after another:
# - the nodes: who cordons and drains, and whose Pods want one that is neither; a DaemonSet sees every one
# - Dask's definitions, which whoever made them removes; and what discovery tells, where a test needs it to stand still
# - the processor, of which these take all that there is
# - alone, at the end: who takes the server away from all others, and who searches the logs of all others
APART := $(addprefix nodes:,live/test_node live/test_drain live/test_rollout live/cli_node.sh live/cli_rollout.sh) \
	$(addprefix definitions:,live/test_client live/test_kinds live/test_cache live/test_cli live/test_dask \
		live/test_changes live/test_crd live/test_watch live/cli.sh live/strace.sh) \
	$(addprefix processor:,docs.sh docs_fail.sh package.sh clang.sh judge.sh bench.sh faults/test_memory) \
	$(addprefix alone:,live/restart.sh secrets.sh)
# These begin first, for they take long, or others wait for them.
FIRST := live/test_node live/test_client live/test_kinds faults/test_memory faults/test_watch_life live/cli_node.sh live/test_dask \
	live/test_rollout live/test_drain
# And these last: they want a server that has compacted its history, which it does not in its first minute.
LAST := live/test_list
RUN := test/run --apart "$(APART)"
programs = $(foreach name,$(FIRST),$(filter %/$(name),$1)) $(filter-out $(addprefix %/,$(FIRST) $(LAST)),$1) \
	$(foreach name,$(LAST),$(filter %/$(name),$1))

MODEL_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/faults/model*.c))
TEST_LIBS := -lcmocka $(FAKEAPI_LIBS) -lpthread

$(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS) $(LOOP_TESTS): $(BUILD)/%: $(BUILD)/%.o $(TEST_UTIL) $(FAKEAPI_OBJECTS) $(STATIC)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $< $(shell sed -n 's/.*LINK: *\(.*[^ ]\) *\*\/.*/\1/p' $*.c) \
		$(filter-out $< $(STATIC),$^) $(STATIC) $(REAL_LIBS) $(TEST_LIBS) -o $@

$(LIVE_TESTS): $(LIVE_UTIL)
$(patsubst %,$(BUILD)/test/faults/test_%,modelapi soak soak_cache soak_cli soak_inside soak_reads): $(MODEL_OBJECTS)
$(patsubst %,$(BUILD)/test/faults/test_%,contract contract_inside): $(BUILD)/test/faults/contract.o
$(patsubst %,$(BUILD)/test/faults/test_%,exec exec_process): $(BUILD)/test/faults/plugin.o
$(patsubst %,$(BUILD)/test/faults/test_%,oidc oidc_failures): $(BUILD)/test/faults/provider.o

$(BUILD)/test/live/test_http_service: | $(filter $(HTTP_SERVICE),$(EXAMPLES))
$(BUILD)/test/faults/test_controller: | $(BUILD)/examples/controller
$(BUILD)/test/faults/test_soak_cli: | $(BUILD)/kubeshim

$(LOOP_TESTS): $(LIVE_UTIL) $(LOOP_UTIL)
$(LOOP_TESTS): REAL_LIBS += $(call module_flags,--libs,$*.c)
$(LOOP_TESTS:=.o): REAL_CFLAGS += $(patsubst -I%,-isystem %,$(call module_flags,--cflags,$*.c)) \
	$(if $(call module_flags,--modversion,$*.c),-DHAVE_HOST)
$(LOOP_TESTS:=.o): $(BUILD)/test/loops/modules
module_flags = $(shell for module in `sed -n 's/.*PKG-CONFIG: *\([^ ]*\).*/\1/p' $2`; do \
	pkg-config $1 $$module 2>/dev/null; done)

# Which are there: built anew when one comes.
$(BUILD)/test/loops/modules: FORCE
	@mkdir -p $(@D)
	@for module in `sed -n 's/.*PKG-CONFIG: *\([^ ]*\).*/\1/p' test/loops/test_*.c`; do \
		echo $$module `pkg-config --modversion $$module 2>/dev/null`; done >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

CLUSTER := test/cluster/cluster

setup-test:
	@sh test/setup.sh test

# What is missing for a node is no failure: the tests that need one are skipped then.
setup-more: setup-test
	@sh test/setup.sh more || echo 'setup: going on without what more tests take'

setup-node: setup-test
	@sh test/setup.sh node || echo 'setup: going on without a node'

test-programs: setup-test setup-more
	@$(MAKE) --no-print-directory all bench-programs $(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS) $(LOOP_TESTS)

test: test-programs setup-node ## all tests: on the newest Kubernetes with a node, then on the oldest
	@$(CLUSTER) build --node
	@KUBESHIM=$(KUBESHIM) test/total sh -c 'status=0; for which in newest oldest; do \
		$(MAKE) --no-print-directory test-$$which || status=1; done; exit $$status'

test-newest:
	@echo "== the newest Kubernetes, with a node"
	@$(CLUSTER) run --node -- $(RUN) --log $(BUILD)/test-logs $(call programs,$(LIVE_TESTS) $(LIVE_SCRIPTS) $(SCRIPTS) \
		$(FAULT_TESTS) $(LOOP_TESTS) $(UNIT_TESTS))

# Where the cluster or its programs are given there may be no such.
test-oldest:
	@if [ -n "$$KSHIM_TEST_KUBECONFIG" ] || { [ -n "$$KUBEBUILDER_ASSETS" ] && ! command -v go >/dev/null; }; then \
		echo "== SKIPPED: Kubernetes 1.24, the oldest: another was given, or there is no Go to build it"; \
	else \
		echo "== Kubernetes 1.24, the oldest" && $(CLUSTER) build --old && \
		$(CLUSTER) run --old -- $(RUN) --log $(BUILD)/test-logs-oldest \
			$(call programs,$(LIVE_TESTS) $(LIVE_SCRIPTS) test/secrets.sh); \
	fi

check: test-programs ## those that need no control plane
	@$(RUN) --log $(BUILD)/test-logs $(call programs,$(SCRIPTS) $(FAULT_TESTS) $(UNIT_TESTS))

check-asan: setup-test setup-more setup-node ## the tests under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory BUILD=build-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check-programs
	@$(CLUSTER) build --node
	@$(CLUSTER) run --node -- $(RUN) --log build-asan/test-logs $(subst $(BUILD)/,build-asan/,$(call programs,$(LIVE_TESTS) \
		$(FAULT_TESTS) $(LOOP_TESTS) $(UNIT_TESTS)))

fast-programs: $(UNIT_TESTS) $(FAULT_TESTS)

check-programs: $(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS) $(LOOP_TESTS)

VALGRIND := valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible \
	--errors-for-leak-kinds=definite,possible --suppressions=test/valgrind.supp

# All fault tests run under valgrind too, but for longer than the four minutes that CI should take: VALGRIND_TESTS
# chooses. What is left out runs there under the sanitizers.
VALGRIND_TESTS ?= $(UNIT_TESTS) $(patsubst %,$(BUILD)/test/faults/test_%,contract contract_inside memory credential_memory wait rollout)

check-valgrind: test-programs ## units, the callback contract, and memory that runs out, under valgrind (VALGRIND_TESTS: others)
	@KSHIM_VALGRIND=1 test/run --wrap "$(VALGRIND)" --log $(BUILD)/valgrind-logs $(VALGRIND_TESTS)

soak: test-programs ## watches and caches for an hour on a server that breaks at random (KSHIM_SOAK_SEED, _RUNS, _SECONDS)
	@for test in test_soak test_soak_cache test_soak_cli test_soak_inside test_soak_reads; do \
		KSHIM_SOAK_RUNS=$${KSHIM_SOAK_RUNS:-100} $(BUILD)/test/faults/$$test || exit 1; done

test-curl8: setup-test ## units and faults with the libcurl of Debian's backports; see test/curl8
	@APART="$(APART)" test/curl8

demo: ## the four examples against a real control plane on this machine
	@sh test/setup.sh test
	@$(MAKE) --no-print-directory all
	@$(CLUSTER) build
	@$(CLUSTER) run -- sh examples/demo.sh $(BUILD)

.PHONY: setup-test setup-more setup-node test-programs test test-newest test-oldest check check-asan fast-programs check-programs check-valgrind soak test-curl8 demo
-include $(patsubst %,%.d,$(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS) $(LOOP_TESTS)) \
	$(patsubst %.o,%.d,$(FAKEAPI_OBJECTS) $(MODEL_OBJECTS) $(TEST_UTIL) $(LIVE_UTIL) $(LOOP_UTIL))
