# The bench's programs: the server that replays, the bare libcurl floor, kubeshim.

FAKEAPI_SOURCES := $(wildcard test/faults/fake*.c)
FAKEAPI_OBJECTS := $(FAKEAPI_SOURCES:%.c=$(BUILD)/%.o)
FAKEAPI_LIBS := -lnghttp2 -lssl -lcrypto -lz -lcurl
BENCH_COMMON := $(BUILD)/bench/bench.o
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/,replay bare bare_watch b_list b_get b_churn b_plugin b_watch b_cache b_peer)

$(BUILD)/bench/replay: $(BUILD)/bench/replay.o $(BUILD)/bench/pods.o $(BUILD)/bench/events.o $(BUILD)/bench/protobuf.o $(BENCH_COMMON) $(FAKEAPI_OBJECTS)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $^ $(FAKEAPI_LIBS) -o $@

$(BUILD)/bench/bare $(BUILD)/bench/bare_watch: %: %.o $(BUILD)/bench/bare_loop.o $(BENCH_COMMON)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $^ -lcurl -o $@

$(BUILD)/bench/b_%: $(BUILD)/bench/b_%.o $(BUILD)/bench/b_client.o $(BENCH_COMMON) $(STATIC)
	$(QUIET_LD)$(CC) $(REAL_CFLAGS) $(LDFLAGS) $^ $(REAL_LIBS) -o $@

bench-programs: $(BENCH_PROGRAMS)

.PHONY: bench-programs bench bench-peers
.SECONDARY:

# BENCH_OPTIONS: of bench/run; see bench/run --help.
BENCH_OUT := $(BUILD)/bench/runs
bench: bench-programs ## CPU and memory against the bare libcurl programs and the peers, in one run (BENCH_OPTIONS)
	@echo "bench: every scenario, kubeshim beside the bare libcurl programs, then beside the other clients that are installed"
	@echo "bench: (make bench-peers); with all of them that takes about half an hour. CPU is measured, with one core for the"
	@echo "bench: client: what else runs here is in the spread."
	@bench/run --build $(BUILD)/bench --json $(BENCH_OUT).json $(BENCH_OPTIONS)
	@bench/table.py $(BENCH_OUT).json >$(BENCH_OUT).md
	@bench/plot.py $(BENCH_OUT).json >$(BENCH_OUT).svg
	@echo "bench: each run is a line of $(BENCH_OUT).json; the medians are in $(BENCH_OUT).md, and as bars in $(BENCH_OUT).svg"

bench-peers: ## the other clients that the bench compares with, below build/peers; needs the network
	@bench/peers/install $(BUILD)/peers

-include $(patsubst %.c,$(BUILD)/%.d,$(wildcard bench/*.c))
