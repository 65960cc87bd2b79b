# The tests. Each test/unit, test/faults and test/live/test_*.c is a cmocka program of its own; what else it
# needs of the linker stands in its source behind "LINK:".

UNIT_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/unit/test_*.c))
FAULT_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,$(wildcard test/faults/test_*.c) test/faults/selftest.c)
# test_client and test_kinds first, test_changes last: after definitions were deleted discovery is unsteady for a while.
LIVE_TESTS := $(patsubst test/%.c,$(BUILD)/test/%,test/live/test_client.c test/live/test_kinds.c \
	$(filter-out %/test_client.c %/test_kinds.c %/test_changes.c,$(wildcard test/live/test_*.c)) \
	test/live/test_changes.c)
TEST_UTIL := $(patsubst %.c,$(BUILD)/%.o,$(wildcard test/*.c))
LIVE_UTIL := $(patsubst %.c,$(BUILD)/%.o,$(filter-out test/live/test_%.c,$(wildcard test/live/*.c)))
SCRIPTS := test/docs.sh test/install.sh test/judge.sh
TEST_LIBS := -lcmocka $(FAKEAPI_LIBS) -lpthread

$(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS): $(BUILD)/%: $(BUILD)/%.o $(TEST_UTIL) $(FAKEAPI_OBJECTS) $(STATIC)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $< $(shell sed -n 's/.*LINK: *\(.*[^ ]\) *\*\/.*/\1/p' $*.c) \
		$(filter-out $< $(STATIC),$^) $(STATIC) $(REAL_LIBS) $(TEST_LIBS) -o $@

$(LIVE_TESTS): $(LIVE_UTIL)

CLUSTER := test/cluster/cluster

setup-test:
	@sh test/setup.sh test

test-programs: setup-test
	@$(MAKE) --no-print-directory all bench-programs $(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS)

test: test-programs ## all tests, on a control plane of their own
	@$(CLUSTER) build
	@KUBESHIM=$(KUBESHIM) $(CLUSTER) run -- test/run --log $(BUILD)/test-logs $(UNIT_TESTS) $(FAULT_TESTS) \
		$(LIVE_TESTS) $(wildcard test/live/*.sh) $(SCRIPTS)

check: test-programs ## those that need no control plane
	@test/run --log $(BUILD)/test-logs $(UNIT_TESTS) $(FAULT_TESTS) $(SCRIPTS)

check-asan: setup-test ## the tests under the address and undefined-behaviour sanitizers
	@$(MAKE) --no-print-directory BUILD=build-asan CFLAGS='-O1 -g -fno-omit-frame-pointer' \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' check-programs
	@$(CLUSTER) build
	@$(CLUSTER) run -- test/run --log build-asan/test-logs $(subst $(BUILD)/,build-asan/,$(UNIT_TESTS) $(FAULT_TESTS) \
		$(LIVE_TESTS))

check-programs: $(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS)

VALGRIND := valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,possible \
	--errors-for-leak-kinds=definite,possible --suppressions=test/valgrind.supp

# The rest of the fault tests run under valgrind too, but for longer than CI should take: VALGRIND_TESTS chooses.
VALGRIND_TESTS ?= $(UNIT_TESTS) $(BUILD)/test/faults/test_contract

check-valgrind: test-programs ## units and the callback contract under valgrind (VALGRIND_TESTS: others)
	@KSHIM_VALGRIND=1 test/run --wrap "$(VALGRIND)" --log $(BUILD)/valgrind-logs $(VALGRIND_TESTS)

demo: ## the four examples against a real control plane on this machine
	@sh test/setup.sh test
	@$(MAKE) --no-print-directory all
	@$(CLUSTER) build
	@$(CLUSTER) run -- sh examples/demo.sh $(BUILD)

.PHONY: setup-test test-programs test check check-asan check-programs check-valgrind demo
-include $(patsubst %,%.d,$(UNIT_TESTS) $(FAULT_TESTS) $(LIVE_TESTS)) $(FAKEAPI_OBJECTS:.o=.d)
