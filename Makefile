# Names the batch jobs. What is stale is decided by the runner (`cinescore run`) alone, and by cargo
# for the programs: no rule here knows a stage, an input or a result.

# The programs. A CARGO_TARGET_DIR of the user's is honoured.
PROGRAMS := $(or $(CARGO_TARGET_DIR),target)/release
CINESCORE := $(PROGRAMS)/cinescore

# Settings, from the command line or the environment.
DATA ?=
PIPELINE ?= demo
RUN_FLAGS ?=
CARGO_FLAGS ?=
GPU ?=
SECONDS ?= 60
SOURCES ?=

# A relative LIBTORCH means something else in every crate that cargo builds.
ifneq ($(LIBTORCH),)
export LIBTORCH := $(abspath $(LIBTORCH))
endif

# The pipelines name a default for `vars.data`.
SET_DATA := $(if $(DATA),--set 'vars.data=$(DATA)')

.DEFAULT_GOAL := help
.PHONY: help setup build data demo sentiment ratings recommended reviews-report run ingest featurize train report sweep reproduce test ballista test-ballista check fuzz bench screenshots accessibility fmt clean clean-cache

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z -]+:.*## / { printf "  %-33s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Install LibTorch into .libtorch (GPU=1: with the CUDA libraries; LIBTORCH=DIR: use that one)
	@scripts/setup-libtorch.sh $(if $(GPU),--gpu)

build: setup ## Build every program
	@cargo build --release --workspace $(CARGO_FLAGS)

data: build ## Download the public archives into data/ (SOURCES="aclimdb titles movielens glove": these)
	@$(PROGRAMS)/cinescore-ingest fetch $(SOURCES)

demo: build ## Sample data, all stages and the HTML report; the second time computes nothing
	@$(CINESCORE) run -p demo $(RUN_FLAGS)

sentiment: build ## Rate real reviews as good or bad: make sentiment DATA=DIR
	@$(CINESCORE) run -p sentiment $(SET_DATA) $(RUN_FLAGS)

ratings: build ## Predict 1 to 10 stars from real reviews: make ratings DATA=DIR
	@$(CINESCORE) run -p ratings $(SET_DATA) $(RUN_FLAGS)

recommended: build ## Train the network to take by default on real reviews: make recommended DATA=DIR
	@$(CINESCORE) run -p recommended $(SET_DATA) $(RUN_FLAGS)

reviews-report: build ## The published networks A to F, their word-by-word twins and linear models: make reviews-report DATA=DIR
	@$(CINESCORE) run -p reviews-report $(SET_DATA) $(RUN_FLAGS)

run: build ## Run any pipeline: make run PIPELINE=NAME-OR-PATH [DATA=DIR] [RUN_FLAGS=...]
	@$(CINESCORE) run -p '$(PIPELINE)' $(SET_DATA) $(RUN_FLAGS)

ingest featurize train report: build ## Run the stages of one program, with what they need: make train PIPELINE=NAME [DATA=DIR]
	@$(CINESCORE) run -p '$(PIPELINE)' $(SET_DATA) --program $@ $(RUN_FLAGS)

sweep: build ## Search the variables that a pipeline names under `sweep`: make sweep PIPELINE=tuning
	@$(CINESCORE) sweep -p '$(PIPELINE)' $(SET_DATA) $(RUN_FLAGS)

reproduce: build ## Check that a pipeline still gives what its lock file says: make reproduce PIPELINE=NAME [DATA=DIR]
	@$(CINESCORE) run -p '$(PIPELINE)' $(SET_DATA) --locked $(RUN_FLAGS)

test: build ## Every test; those on real data read CINESCORE_DATA (default ../shared/data)
	@cargo test --release --workspace $(CARGO_FLAGS) --doc --no-fail-fast
	@cargo build --release --workspace $(CARGO_FLAGS) --examples # the toy stage of the runner's tests
	@cargo test --release --workspace $(CARGO_FLAGS) --tests --no-fail-fast

# No member of the workspace: a build of its own, beside the other's.
BALLISTA := --release --manifest-path crates/ballista/Cargo.toml --target-dir $(or $(CARGO_TARGET_DIR),target)/ballista

ballista: ## Build cinescore-ballista, which counts and joins on a Ballista cluster and is its nodes (half an hour of processor time, once)
	@cargo build $(BALLISTA) $(CARGO_FLAGS)
	@mkdir -p $(PROGRAMS)
	@install $(or $(CARGO_TARGET_DIR),target)/ballista/release/cinescore-ballista $(PROGRAMS)/

test-ballista: ## Its tests, on a real cluster of three processes: 26 million ratings, executors killed with -9 (no part of `test`)
	@cargo fmt --check --manifest-path crates/ballista/Cargo.toml
	@cargo build --release -p cinescore-ingest $(CARGO_FLAGS)
	@CINESCORE_INGEST='$(abspath $(PROGRAMS))/cinescore-ingest' cargo test $(BALLISTA) $(CARGO_FLAGS) -- --nocapture --test-threads 1

check: setup ## Formatting, lints and documentation, warnings as errors
	@cargo fmt --all --check
	@cargo clippy --release --workspace $(CARGO_FLAGS) --all-targets -- -D warnings
	@RUSTDOCFLAGS='-D warnings' cargo doc --release --workspace $(CARGO_FLAGS) --no-deps --document-private-items

fuzz: setup ## Hand the runner random pipelines, networks, records and bundles, the server random requests, and ingest random sources, for SECONDS=60 each
	@scripts/fuzz.sh $(SECONDS)

bench: build ## Time the runner's inner parts on a matrix of 1,000 cells, and text to ids in MB/s
	@cargo build --release --workspace $(CARGO_FLAGS) --examples # the toy stage
	@cargo bench -p cinescore-cli $(CARGO_FLAGS) --bench runner
	@cargo bench -p cinescore-featurize $(CARGO_FLAGS) --bench text

screenshots: build ## Take pictures of a report (the README's: PIPELINE=recommended DATA=DIR): needs Chromium
	@PIPELINE='$(PIPELINE)' DATA='$(DATA)' scripts/screenshots.sh '$(PROGRAMS)'

accessibility: build ## Look at reports with axe in Chromium: needs npm
	@CARGO_FLAGS='$(CARGO_FLAGS)' scripts/accessibility.sh

fmt: ## Format the code
	@cargo fmt --all

clean: ## Remove what was built; results and LibTorch stay
	@cargo clean

clean-cache: ## Remove every result (artifacts/): the next run computes everything again
	@if [ -d artifacts ]; then chmod -R u+w artifacts && rm -rf artifacts; fi
