# xdplb: everything is built into build/. `make help` lists the targets.
SHELL     := /bin/bash
BUILD     := build
CLANG     ?= clang
BPFTOOL   ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool /usr/local/sbin/bpftool) bpftool)
ifeq ($(origin CC),default)
CC        := gcc
endif
PKGCONFIG ?= pkg-config
PREFIX    ?= /usr/local
VERSION   := 0.1.0
WERROR    ?=
# `make V=1` shows the commands.
V         ?= 0
say        = $(if $(filter 0,$(V)),@echo "  $(1)$(patsubst $(BUILD)/%,%,$@)" &&)

# Debian packages; `make deps` installs what is missing.
BUILD_DEPS := clang llvm gcc make pkg-config bpftool libbpf-dev libelf-dev zlib1g-dev libyaml-dev \
	libmnl-dev libsodium-dev libxxhash-dev libjansson-dev libev-dev libcurl4-openssl-dev libcap-ng-dev libsystemd-dev
TEST_DEPS  := libcriterion-dev iproute2 nginx-light curl tcpdump ethtool jq socat iputils-ping \
	procps util-linux openssl linuxptp dnsmasq-base nftables

# For `make test-vm` alone.
VM_DEPS    := qemu-system-x86 busybox-static kmod cpio xz-utils zstd tshark clang-14 clang-16 clang-19

LIBS       := libbpf libelf zlib yaml-0.1 libmnl libsodium jansson
AGENT_LIBS := libcurl libcap-ng libsystemd # and libev, which has no .pc file
override CPPFLAGS += -I. -Iinclude -Iloader/lib -Iloader/xdplb-agent -I$(BUILD) -D_GNU_SOURCE -DXDPLB_VERSION='"$(VERSION)"'
CFLAGS     ?= -O2 -g
override CFLAGS += -std=gnu11 -Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers \
	$(WERROR) -MMD -MP
AGENT_LDLIBS = -lev $(shell $(PKGCONFIG) --libs $(AGENT_LIBS))
LDLIBS      = $(shell $(PKGCONFIG) --libs $(LIBS))
BPF_ARCH   := $(shell uname -m | sed 's/x86_64/x86/;s/aarch64/arm64/;s/ppc64le/powerpc/')
BPF_CFLAGS := -O2 -g -mcpu=v3 -target bpf -D__TARGET_ARCH_$(BPF_ARCH) -I. -Iinclude -Ibpf \
	-Wall -Wextra -Wno-unused-parameter $(WERROR) -Wno-missing-declarations -MMD -MP

BPF_OBJS   := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.bpf.o,$(wildcard bpf/*.bpf.c))
SKELS      := $(BPF_OBJS:.bpf.o=.skel.h)
LIB_OBJS   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard loader/lib/*/*.c))
LOAD_OBJS  := $(patsubst %.c,$(BUILD)/%.o,$(wildcard loader/xdplb-load/*.c))
AGENT_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard loader/xdplb-agent/*.c loader/xdplb-agent/*/*.c))
UNIT_OBJS  := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c,$(wildcard tests/unit/*.c tests/support/*.c)))
BENCH_OBJS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
BENCH_BPF  := $(patsubst %.bpf.c,$(BUILD)/%.skel.h,$(wildcard tests/bench/*.bpf.c))
UNIT_BPF   := $(patsubst %.bpf.c,$(BUILD)/%.skel.h,$(wildcard tests/support/*.bpf.c))
LIB        := $(BUILD)/libxdplb.a
# Tools of `make bench-net`, each of one file or of those that begin with its name.
NET_OBJS   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/bench/net/*.c))
NET_TOOLS  := $(addprefix $(BUILD)/tests/bench/net/,load last_packet udp_stream probe_count \
	connect_loop node_crowd pps)
NET_BPF    := $(patsubst %.bpf.c,$(BUILD)/%.bpf.o,$(wildcard tests/net/*.bpf.c))
LAB_TOOLS  := $(addprefix $(BUILD)/tests/net/,lsr_delay fuzz_frames $(addprefix handover/,pattern_client pattern_server flood))

.PHONY: all help deps deps-build test test-unit test-net test-vm test-long demo demo-handover demo-ptp bench bench-katran bench-plot bench-net fuzz fuzz-datapath check-style install clean vmlinux
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/xdplb-load $(BUILD)/xdplb-agent ## build the BPF objects and the commands

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

deps: ## install the Debian packages that building and testing need (as root)
	@tests/support/deps.sh $(BUILD_DEPS) $(TEST_DEPS)

deps-build: ## install only what building needs (as root)
	@tests/support/deps.sh $(BUILD_DEPS)

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF   )$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/tests/%.bpf.o: tests/%.bpf.c vmlinux.h
	@mkdir -p $(@D)
	$(call say,BPF   )$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call say,SKEL  )$(BPFTOOL) gen skeleton $< >$@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC    )$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB_OBJS) $(LOAD_OBJS) $(AGENT_OBJS) $(UNIT_OBJS) $(BENCH_OBJS) $(NET_OBJS): | $(SKELS)
$(UNIT_OBJS) $(BENCH_OBJS): override CPPFLAGS += -Itests/support
$(BENCH_OBJS): | $(BENCH_BPF)
$(UNIT_OBJS): | $(UNIT_BPF)

$(LIB): $(LIB_OBJS)
	@rm -f $@
	$(call say,AR    )$(AR) rcs $@ $^

$(BUILD)/xdplb-load: $(LOAD_OBJS) $(LIB)
	$(call say,LD    )$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/xdplb-agent: $(AGENT_OBJS) $(LIB)
	$(call say,LD    )$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS) $(AGENT_LDLIBS)

# Everything of the agent but its main() is under test too.
$(BUILD)/tests/unit_tests: $(UNIT_OBJS) $(filter-out %/main.o,$(AGENT_OBJS)) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD    )$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS) $(AGENT_LDLIBS) $(shell $(PKGCONFIG) --libs criterion) -lm

$(BUILD)/tests/bench/bench: $(BENCH_OBJS) $(LIB)
	@mkdir -p $(@D)
	$(call say,LD    )$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/tests/bench/net/load: $(filter %/load_tally.o %/load_connection.o,$(NET_OBJS))
$(BUILD)/tests/bench/net/last_packet $(BUILD)/tests/bench/net/probe_count: \
	$(BUILD)/tests/bench/net/wire.o
$(BUILD)/tests/bench/net/pps.o: $(BUILD)/tests/bench/net/pps.skel.h
$(BUILD)/tests/bench/net/pps: $(BUILD)/tests/bench/frames.o
$(NET_TOOLS): %: %.o $(LIB)
	$(call say,LD    )$(CC) $(CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(LIB) -o $@ $(LDLIBS)

$(BUILD)/tests/net/lsr_delay.o: $(BUILD)/tests/net/lsr_delay.skel.h

$(BUILD)/tests/net/handover/pattern_client: $(BUILD)/tests/net/handover/streams.o
$(addprefix $(BUILD)/tests/net/handover/,pattern_client pattern_server flood): \
	$(BUILD)/tests/net/handover/endpoint.o
$(BUILD)/tests/net/fuzz_frames: $(addprefix $(BUILD)/tests/support/,packet_fuzz.o packet.o fragments.o icmp_error.o)
$(LAB_TOOLS): %: %.o
	$(call say,LD    )$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LDLIBS)

# The dependencies are installed before anything is compiled, hence the second make.
test: deps ## unit and end-to-end tests (as root)
	@$(MAKE) --no-print-directory all $(BUILD)/tests/unit_tests $(NET_BPF) $(LAB_TOOLS)
	@tests/support/run_all.sh $(BUILD)

test-unit: $(BUILD)/tests/unit_tests ## unit tests alone (as root)
	@tests/support/run_unit.sh $(BUILD)

test-net: all $(NET_BPF) $(LAB_TOOLS) ## end-to-end tests alone (as root)
	@tests/net/run.sh

# KERNELS="6.1 6.12"; VM_NET names the end-to-end tests to run there.
test-vm: deps ## under other kernels, in QEMU: verifier, other compilers, virtio_net (as root; minutes)
	@tests/support/deps.sh $(VM_DEPS)
	@$(MAKE) --no-print-directory all $(NET_BPF) $(BUILD)/tests/unit_tests
	@tests/vm/run.sh $(KERNELS)

test-long: deps ## ten minutes with 30 % of the heartbeats lost (as root)
	@$(MAKE) --no-print-directory all $(NET_BPF)
	@tests/net/long_loss.sh

demo: deps-build ## the main job in a lab of namespaces: real HTTP through the balancer (as root)
	@tests/support/deps.sh $(TEST_DEPS)
	@$(MAKE) --no-print-directory all $(NET_BPF) $(NET_TOOLS)
	@tests/net/demo.sh

demo-handover: deps-build ## 2,000 connections through changes of every kind (as root; 20 minutes at most)
	@tests/support/deps.sh $(TEST_DEPS)
	@$(MAKE) --no-print-directory all $(NET_BPF) $(LAB_TOOLS)
	@tests/net/handover/demo.sh

demo-ptp: deps-build ## real clocks by IP and through tunnels: a table, build/demo-ptp.json and .svg (as root)
	@tests/support/deps.sh $(TEST_DEPS) gnuplot-nox
	@$(MAKE) --no-print-directory all $(LAB_TOOLS)
	@tests/net/ptp/demo.sh

bench: all $(BUILD)/tests/bench/bench ## nanoseconds a packet, into build/bench.json (as root)
	@$(BUILD)/tests/bench/bench --out $(BUILD)/bench.json

# KATRAN_OBJ=FILE: Katran's balancer, built by yourself; tests/bench/README.md tells how.
bench-katran: all $(BUILD)/tests/bench/bench ## the same beside Katran's balancer, KATRAN_OBJ=its object (as root)
	@test -n "$(KATRAN_OBJ)" || { echo "make bench-katran: KATRAN_OBJ=FILE is missing" >&2; exit 2; }
	@$(BUILD)/tests/bench/bench --katran $(KATRAN_OBJ) --out $(BUILD)/bench-katran.json

bench-net: deps-build ## health on the wire: detection, probes, cost; into build/bench.json (as root)
	@tests/support/deps.sh $(TEST_DEPS)
	@$(MAKE) --no-print-directory all $(NET_BPF) $(NET_TOOLS)
	@tests/bench/net/run.sh $(BENCH_NET)

bench-plot: all $(BUILD)/tests/bench/bench ## draw cost against flows, services and backends (as root; minutes)
	@tests/support/deps.sh gnuplot-nox jq
	@tests/bench/plot.sh

# Fuzzers are built apart from everything else, with the sanitizers in.
FUZZ_SECONDS ?= 60
FUZZERS      := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

FUZZ_CC      := $(CLANG) -g -O1 -std=gnu11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined -I. -Iinclude -Iloader/lib

# It includes the .c it is for, so that it reaches what is static there.
$(BUILD)/fuzz/fuzz_share_wire: tests/fuzz/fuzz_share_wire.c loader/lib/base/error.c $(wildcard loader/lib/health/share_*.[ch])
	@mkdir -p $(@D)
	$(call say,FUZZ  )$(FUZZ_CC) $< loader/lib/base/error.c -o $@ -lsodium

# What reads the cluster file, with nothing of the machine behind it: see --wrap in the fuzzer. What else
# it calls comes from the library, as it is built for the commands.
FUZZ_CONFIG  := $(addprefix loader/lib/,$(addprefix base/,address.c digest.c error.c error_list.c prime.c) \
	health/share_keys.c) $(wildcard loader/lib/config/*.c)
$(BUILD)/fuzz/fuzz_config: tests/fuzz/fuzz_config.c $(FUZZ_CONFIG) $(wildcard loader/lib/*/*.h) $(LIB)
	@mkdir -p $(@D)
	$(call say,FUZZ  )$(FUZZ_CC) $< $(FUZZ_CONFIG) $(LIB) -o $@ -Wl,--wrap=open,--wrap=getpwnam $(LDLIBS)

# Each goes on from what it has found before, and fuzz_config from the examples.
FUZZ_SEEDS_fuzz_config := -dict=tests/fuzz/fuzz_config.dict loader/examples

fuzz: $(FUZZERS) ## fuzz the decoders and the cluster file, FUZZ_SECONDS each (package libclang-rt-dev)
	@$(foreach f,$(FUZZERS),mkdir -p $(f).corpus && $(f) -max_total_time=$(FUZZ_SECONDS) \
		-print_final_stats=1 -artifact_prefix=$(BUILD)/fuzz/ $(filter -%,$(FUZZ_SEEDS_$(notdir $(f)))) \
		$(f).corpus $(filter-out -%,$(FUZZ_SEEDS_$(notdir $(f)))) &&) true

# Random packets through the datapath and its reference models; FUZZ_SEED=N for others than last time.
FUZZ_PACKETS ?= 10000000
FUZZ_SEED    ?= 1
fuzz-datapath: $(BUILD)/tests/unit_tests ## compare lb_xdp and node_tc with their reference models, FUZZ_PACKETS packets each (as root)
	@FUZZ_PACKETS=$(FUZZ_PACKETS) FUZZ_SEED=$(FUZZ_SEED) $< --filter '*/agrees'

check-style: ## formatting, shell scripts, file lengths
	@tests/support/check_style.sh

install: all ## into PREFIX (default /usr/local)
	install -D -m 755 $(BUILD)/xdplb-load $(DESTDIR)$(PREFIX)/sbin/xdplb-load
	install -D -m 755 $(BUILD)/xdplb-agent $(DESTDIR)$(PREFIX)/sbin/xdplb-agent
	install -D -m 644 loader/man/xdplb-load.8 $(DESTDIR)$(PREFIX)/share/man/man8/xdplb-load.8
	install -D -m 644 loader/man/xdplb-agent.8 $(DESTDIR)$(PREFIX)/share/man/man8/xdplb-agent.8
	install -D -m 644 loader/man/xdplb.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/xdplb.yaml.5
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's:@PREFIX@:$(PREFIX):' loader/systemd/xdplb-agent.service \
		>$(DESTDIR)$(PREFIX)/lib/systemd/system/xdplb-agent.service
	install -D -m 644 loader/examples/cluster.yaml \
		$(DESTDIR)$(PREFIX)/share/doc/xdplb/examples/cluster.yaml
	install -D -m 644 loader/examples/clock.yaml \
		$(DESTDIR)$(PREFIX)/share/doc/xdplb/examples/clock.yaml

vmlinux: ## make vmlinux.h anew from the running kernel
	$(BPFTOOL) btf dump file /sys/kernel/btf/vmlinux format c >vmlinux.h

clean: ## remove build/
	rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
