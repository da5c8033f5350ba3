# The few entry points. Each does its own set-up first and is safe to run again.

.PHONY: setup demo test lint build guided bench-tools bench suites fuzz fuzz-short

setup:
	@tests/setup.sh

# Shows the main job on a throwaway PostgreSQL. `make demo KEEP=1` leaves it running.
demo: setup
	@cargo build --quiet -p palisade
	@KEEP=$(KEEP) tests/demo/run.sh

# Every test: those beside the code, and the promises through the real binary.
test: setup
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --workspace --no-fail-fast && cargo test --workspace --doc --quiet; \
	else \
		cargo test --workspace --no-fail-fast; \
	fi

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

# The optimised binary: target/release/palisade
build: setup
	cargo build --release -p palisade

# The fastest binary: built twice, the second time guided by what the first did under load. target/guided/release/palisade
guided: setup bench-tools
	tests/bench/guided.sh

bench-tools:
	@command -v pgbouncer >/dev/null 2>&1 || test -x /usr/sbin/pgbouncer || \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer >/dev/null
	@command -v wrk >/dev/null 2>&1 && { command -v nginx >/dev/null 2>&1 || test -x /usr/sbin/nginx; } || \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends wrk nginx-light >/dev/null
	cargo build --release -p palisade-relay --example plain
	CARGO_TARGET_DIR=target cargo build --release --manifest-path tests/bench/pingora/Cargo.toml

# What the gateway costs, against pgbouncer, a plain relay and PostgreSQL itself, as ratios in one run; then how fast a backtest
# is, and what the parts cost. BENCH="--quick" takes a few minutes, BENCH="--quick --only select,bulk" less. BUILT=build measures
# the binary of `make build`, which is there sooner.
BUILT ?= guided
bench: RELEASE = $(if $(filter guided,$(BUILT)),target/guided,target)/release
bench: $(BUILT) bench-tools
	@python3 tests/bench/run.py --palisade $(RELEASE)/palisade $(BENCH)
	@python3 tests/bench/web.py --palisade $(RELEASE)/palisade --pingora $(RELEASE)/bare-pingora
	@python3 tests/bench/backtest.py --palisade $(RELEASE)/palisade
	cargo bench -p palisade-sql
	cargo bench -p palisade-mask
	cargo bench -p palisade --bench parts
	@python3 tests/bench/parts.py

# Test suites that others wrote, directly and through the gateway. SUITES="--only psycopg2 --quick" picks some.
suites: build
	@python3 tests/suites/run.py --palisade target/release/palisade $(SUITES)

# Searches for inputs that break promises, FUZZ_SECONDS (600) for each target, and runs LINEAGE_COUNT random SELECTs.
fuzz: setup
	fuzz/run.sh long
	LINEAGE_COUNT=$${LINEAGE_COUNT:-20000} LINEAGE_SEED=$${LINEAGE_SEED:-1000} \
		cargo test -p palisade --test promises -- lineage --nocapture

# A fixed number of inputs for each target.
fuzz-short: setup
	fuzz/run.sh short
