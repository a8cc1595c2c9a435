# make test: everything a change must pass. make fuzz: each fuzz target for FUZZTIME. make help lists the rest.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO          ?= go
FUZZTIME    ?= 20s
SEEDS       ?= 1-200
# Black-box tests mostly wait for clients' timers, so that more of them run at once than there are processors.
PARALLEL    ?= 8
BUILD       := $(CURDIR)/.build
STATICCHECK := $(BUILD)/staticcheck

# Packages tested with the race detector; those below test/ and bench/ drive the ordinary binary instead.
UNIT         = $$($(GO) list ./... | grep -vE '^github.com/potluck-p2p/potluck/(test|bench)(/|$$)')

# The race detector looks at everything but SQLite, which was C before it was Go: it would take most of the time. Only such a
# package can be left out: of one with generics, copies of the standard library's would be linked that hide what orders memory.
RACE         = -race -gcflags='modernc.org/sqlite/lib=-race=false'

# What the black-box tests use, as command:Debian package (py: names a Python module of /usr/bin/python3).
CLIENTS := py/libtorrent:python3-libtorrent transmission-daemon:transmission-daemon transmission-remote:transmission-cli \
	transmission-create:transmission-cli aria2c:aria2 rtorrent:rtorrent opentracker:opentracker mktorrent:mktorrent nginx:nginx-light ip:iproute2 nft:nftables miniupnpd:miniupnpd-nftables microsocks:microsocks danted:dante-server

.PHONY: test check fmt vet lint unit blackbox clients build bench sim dht-sim fuzz clean help

test: check unit blackbox ## everything: format, vet, staticcheck, unit tests, real clients

build: ## build ./potluck
	@$(GO) build -o potluck ./cmd/potluck

check: fmt vet lint ## format, vet and staticcheck only

fmt:
	@bad=$$(gofmt -l . ) || exit 1; if [ -n "$$bad" ]; then echo "not formatted (run gofmt -w):"; echo "$$bad"; exit 1; fi
	@echo "ok  	gofmt"

vet:
	@$(GO) vet ./... && echo "ok  	go vet"

lint: $(STATICCHECK)
	@$(STATICCHECK) ./... && echo "ok  	staticcheck"

# The tools have a module of their own, so that the program's dependencies stay the program's.
$(STATICCHECK): tools/go.mod tools/go.sum
	@mkdir -p $(BUILD) && cd tools && $(GO) build -o $@ honnef.co/go/tools/cmd/staticcheck

unit: ## unit tests under the race detector
	@$(GO) test $(RACE) -timeout 10m $(UNIT)

blackbox: clients ## the binary against real clients, in a network of their own
	@$(GO) test -count=1 -p 1 -parallel $(PARALLEL) -timeout 20m ./test/... ./bench/...

# Installs missing clients when it may, without starting the services some bring along; otherwise the tests that need them
# skip and say so.
clients:
	@missing=; for c in $(CLIENTS); do what=$${c%%:*}; case $$what in \
		py/*) /usr/bin/python3 -c "import $${what#py/}" 2>/dev/null ;; \
		*) PATH="$$PATH:/usr/sbin:/sbin" command -v $$what >/dev/null 2>&1 ;; esac || missing="$$missing $${c##*:}"; done; \
	missing=$$(printf '%s\n' $$missing | sort -u); [ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "installing" $$missing; mkdir -p $(BUILD); \
		export DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1; \
		{ apt-get update && apt-get install -y --no-install-recommends $$missing; } \
			</dev/null >$(BUILD)/apt.log 2>&1 || { echo "could not install them; tests that need them will skip:"; tail -n 5 $(BUILD)/apt.log; }; \
	else echo "missing (those tests will skip):" $$missing; fi

# Data lies in memory where the system has a place for that, so that no disk is measured.
bench: clients ## potluck beside other clients and the floor, into bench/RESULTS.md: ROUNDS=5, SCENARIO=tcp-v1 or 'tcp-.*|files'
	@cd bench && TMPDIR=$$([ -w /dev/shm ] && echo /dev/shm || echo "$${TMPDIR:-/tmp}") \
		$(GO) test -count=1 -timeout 120m -run '^TestScenarios$$/^($(or $(SCENARIO),.*))$$' \
		-args -measure -rounds $(or $(ROUNDS),5) -results $(CURDIR)/bench/RESULTS.md

sim: ## whole swarms in virtual time, one for each of SEEDS: SEEDS=7 or SEEDS=1-200; TELL=1 says what happens
	@$(GO) test -count=1 -timeout 60m -run '^TestSwarms$$' ./internal/sim -args -seeds $(SEEDS) $(if $(TELL),-tell)

dht-sim: SEEDS := $(if $(filter file,$(origin SEEDS)),1,$(SEEDS))
dht-sim: ## a DHT of 10,000 nodes in virtual time, for each of SEEDS; writes test/DHT.md; JOBS=2 runs two at a time
	@$(GO) test -count=1 -timeout 120m -parallel $(or $(JOBS),1) -run '^TestWholeDHT$$' -v ./internal/sim/dht -args -seeds $(SEEDS) -table $(CURDIR)/test/DHT.md

fuzz: ## each fuzz target for FUZZTIME
	@for pkg in $$($(GO) list ./...); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg 2>/dev/null | grep '^Fuzz' || true); do \
			echo "fuzz	$${pkg##*/potluck/} $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg | tail -n 1; \
		done; done

clean:
	@rm -rf $(BUILD) potluck

help:
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
