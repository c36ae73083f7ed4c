# What CI and the README call; nothing is hidden elsewhere. `make` lists the targets.
#
# A fresh machine needs Rust (rustup) and make. What else the tests need is installed here, where it is missing: cargo
# subcommands beside cargo, Python packages in .tools/venv, npm packages in tests/stock and sdk/js, and Debian's packages
# where we are root on Debian. Every step is quick when there is nothing to do.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
# One thing at a time: cargo is parallel already, and the log stays readable.
.NOTPARALLEL:

NEXTEST_VERSION := 0.9.143
DENY_VERSION    := 0.20.2
FUZZ_VERSION    := 0.13.2

# Seconds that `make fuzz` spends on each target.
FUZZ_SECONDS ?= 10
# More arguments for the service or the test runner: make test ARGS='refresh --no-capture'
ARGS ?=

VENV    := .tools/venv
BIN     := $(VENV)/bin
PYTHON  := $(VENV)/.installed
SDK_BIN    := .tools/sdk-python/bin
SDK_PYTHON := .tools/sdk-python/.installed
NODE    := tests/stock/node_modules/.package-lock.json
SDK_JS  := sdk/js/node_modules/.package-lock.json
SCRIPTS := .ci/run .ci/need tests/schemathesis.sh
RING    := --no-default-features --features ring

.PHONY: help
help: ## This list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 24

.PHONY: run
run: ## The service in development mode: loopback, its own keys, a `dev` client
	cargo run --locked -- serve $(ARGS)

.PHONY: test
test: nextest python node ## Every test, on the default crypto backend
	cargo nextest run --locked --workspace --no-fail-fast $(ARGS)
	cargo test --locked --workspace --doc --quiet

.PHONY: test-ring
test-ring: nextest python node ## Every test, on ring
	cargo nextest run --locked --workspace --no-fail-fast $(RING) $(ARGS)

.PHONY: sdk-js sdk-js-build
sdk-js: sdk-js-build vectors ## The TypeScript verifier: shared vectors, parts, against the real service
	@# The service as the tests build it, so that nothing is compiled twice.
	cargo test --locked --workspace --no-run --quiet
	npm test --prefix sdk/js --silent
sdk-js-build: $(SDK_JS)
	npm run build --prefix sdk/js --silent

.PHONY: sdk-python
sdk-python: $(SDK_PYTHON) ## The Python verifier: types and tests, some against the real service
	@# The service as the tests build it, so that nothing is compiled twice.
	cargo test --locked --workspace --no-run --quiet
	cd sdk/python && ../../$(SDK_BIN)/mypy && ../../$(SDK_BIN)/pytest

.PHONY: lint
lint: ## Format, clippy on both backends, scripts, Dockerfile
lint: fmt clippy scripts

.PHONY: ci
ci: fmt scripts deny clippy test sdk-js sdk-python api test-ring docs fuzz ## Everything that a change must pass
	@echo 'make ci: passed'

.PHONY: bench
bench: ## The measurements (criterion), and at the end all ratios beside their targets
	@mkdir -p target
	cargo bench --locked --workspace --bench domain --bench keys --bench store --bench verify --bench feed --bench forward_auth $(ARGS) | tee target/bench.log
	@echo; echo 'Measured in turn within this run (lowest tenth of the samples); targets on the right'
	@sed -n 's/^=> /  /p' target/bench.log

.PHONY: fuzz
fuzz: cargo-fuzz ## Each fuzz target for FUZZ_SECONDS, from its seeds
	cargo metadata --locked --format-version 1 --manifest-path fuzz/Cargo.toml >/dev/null
	$(FUZZ) build --fuzz-dir fuzz --target-dir target/fuzz
	@for target in $$(cargo fuzz list --fuzz-dir fuzz); do \
		corpus=target/fuzz/corpus/$$target; log=target/fuzz/$$target.log; mkdir -p $$corpus; \
		if ! $(FUZZ) run --fuzz-dir fuzz --target-dir target/fuzz $$target $$corpus fuzz/seeds/$$target -- \
			-max_total_time=$(FUZZ_SECONDS) -timeout=5 -verbosity=0 -print_final_stats=1 >$$log 2>&1; then \
			tail -n 120 $$log; echo "fuzz $$target: FAILED"; exit 1; \
		fi; \
		echo "fuzz $$target: $$(sed -n 's/^stat::number_of_executed_units: *//p' $$log) inputs in $(FUZZ_SECONDS) s"; \
	done

# The sanitizer flags are unstable; this lets the stable compiler take them, for these builds only.
FUZZ := RUSTC_BOOTSTRAP=1 cargo fuzz

.PHONY: openapi
openapi: ## Write openapi.yaml anew from the types
	cargo run --locked --quiet -- openapi > openapi.yaml.new
	mv openapi.yaml.new openapi.yaml

.PHONY: docs
docs: ## The crates' documentation; a broken link fails
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --workspace --no-deps

.PHONY: api
api: python ## schemathesis against the running service
	@# As the tests build it, so that nothing is compiled twice.
	cargo test --locked --workspace --no-run --quiet
	tests/schemathesis.sh $(ARGS)

# --- the parts of lint and ci ---

.PHONY: fmt
fmt:
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check

.PHONY: clippy
clippy:
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --workspace --all-targets $(RING) -- -D warnings

.PHONY: scripts
scripts: python
	$(BIN)/shellcheck $(SCRIPTS)
	$(BIN)/hadolint Dockerfile

.PHONY: vectors
vectors: python
	$(BIN)/python tests/vectors/make.py --check

.PHONY: deny
deny: cargo-deny
	cargo deny --locked check bans licenses sources
	@if timeout 120 cargo deny fetch db >/dev/null 2>&1; then cargo deny --locked check advisories; \
	else echo 'cargo deny: advisories NOT checked: their database is out of reach'; fi

# --- what must be installed ---

.PHONY: tools
tools: nextest cargo-deny cargo-fuzz python node $(SDK_JS) $(SDK_PYTHON) ## Install what the other targets need

.PHONY: nextest cargo-deny cargo-fuzz
nextest:
	@command -v cargo-nextest >/dev/null || cargo install --locked --profile dev cargo-nextest --version $(NEXTEST_VERSION)
cargo-deny:
	@command -v cargo-deny >/dev/null || cargo install --locked --profile dev cargo-deny --version $(DENY_VERSION)
cargo-fuzz:
	@.ci/need g++ g++ --version
	@command -v cargo-fuzz >/dev/null || cargo install --locked --profile dev cargo-fuzz --version $(FUZZ_VERSION)

.PHONY: python node
python: $(PYTHON)
$(PYTHON): tests/stock/requirements.txt
	@.ci/need python3-venv python3 -c 'import ensurepip, venv'
	python3 -m venv --clear $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

$(SDK_PYTHON): sdk/python/requirements-test.txt
	@.ci/need python3-venv python3 -c 'import ensurepip, venv'
	python3 -m venv --clear .tools/sdk-python
	$(SDK_BIN)/pip install --quiet --disable-pip-version-check --no-deps --requirement $<
	@touch $@

node: $(NODE)
$(NODE): tests/stock/package.json tests/stock/package-lock.json
	@.ci/need nodejs node --version
	@.ci/need npm npm --version
	npm ci --prefix tests/stock --no-audit --no-fund --loglevel=error
	@touch $@

$(SDK_JS): sdk/js/package.json sdk/js/package-lock.json
	@.ci/need nodejs node --version
	@.ci/need npm npm --version
	npm ci --prefix sdk/js --no-audit --no-fund --loglevel=error
	@touch $@
