# Every command a person types. `make` alone lists them.

include pins.env

PLATFORM := $(shell case "$$(uname -s)-$$(uname -m)" in \
	(Linux-x86_64) echo x86 ;; (Linux-aarch64|Linux-arm64) echo arm64 ;; (Darwin-arm64) echo macos ;; (*) echo none ;; esac)
IS_311 := import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 11))
PYTHON = $(shell for python in python3.11 python3; do \
	$$python -c '$(IS_311)' 2>/dev/null && { echo $$python; break; }; done)
BIN := .venv/bin
UV ?= uv
# Arguments for `suite all`: make bench ARGS="--model lxmert --resume"
ARGS ?=

# Each stamp is named by what it was made from, so a changed lock sets up again and a touched file does not.
hash = $(shell cat $(1) 2>/dev/null | git hash-object --stdin)
ENV_STAMP := .venv/env-$(call hash,locks/$(PLATFORM).txt locks/torch-$(PLATFORM).txt)
PROJECT_STAMP := .venv/project-$(call hash,pyproject.toml)
DEV_STAMP := .venv/dev-$(call hash,locks/dev.txt)

PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
LOCKED := install --no-deps --require-hashes --only-binary :all:
WHEELHOUSE := $(if $(wildcard wheelhouse),--find-links wheelhouse)

.PHONY: help setup setup-dev bench bench-native bench-quick bench-lab test lint check benchmarks locks clean
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(ENV_STAMP) $(PROJECT_STAMP)  ## make .venv from the locks (skipped when it is up to date)
	@:

setup-dev: setup $(DEV_STAMP)  ## the same, and what tests and checks need
	@:

bench: bench-native  ## measure all models and write the report (here, in .venv; container images are still to come)

bench-native: setup  ## the same, always here in .venv
	@$(call suite_all,standard)

bench-quick: setup  ## a first look in about two minutes
	@$(call suite_all,quick)

bench-lab: setup  ## the lab's own protocol: 10 calls, mean and standard deviation
	@$(call suite_all,lab)

test: setup-dev  ## all tests
	$(BIN)/python -m pytest

lint: setup-dev  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

check: lint test  ## lint, then all tests: what CI runs

benchmarks: setup-dev  ## the suite's own figures beside their goals (RUN=results/... adds those of a run)
	@for script in startup params overhead; do $(BIN)/python benchmarks/$$script.py || exit; done
	@if [ -n "$(RUN)" ]; then for script in report_time memory wall_share; do \
		$(BIN)/python benchmarks/$$script.py "$(RUN)" || exit; done; fi

# uv resolves for platforms other than this one, which pip can't. The versions of torch stand in locks/torch-*.txt, by hand.
UV_COMPILE = $(UV) pip compile --quiet --upgrade --generate-hashes --python-version 3.11 --only-binary :all: --no-annotate \
	--custom-compile-command "make locks"
locks:  ## resolve the dependencies again (needs uv)
	@command -v $(UV) >/dev/null || { echo "make locks needs uv: python3 -m pip install uv, or make locks UV=/path/to/uv"; exit 2; }
	$(UV_COMPILE) --python-platform x86_64-manylinux_2_28 pyproject.toml locks/worker.in -o locks/x86.txt
	$(UV_COMPILE) --python-platform aarch64-manylinux_2_28 pyproject.toml locks/worker.in -o locks/arm64.txt
	MACOSX_DEPLOYMENT_TARGET=14.0 $(UV_COMPILE) --python-platform aarch64-apple-darwin pyproject.toml locks/worker.in -o locks/macos.txt
	$(UV_COMPILE) --python-platform x86_64-manylinux_2_28 -c locks/x86.txt locks/dev.in -o locks/dev.txt

clean:  ## remove what make and the tools made here; results/ and wheelhouse/ stay
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

# Exit status 1 means done, with something that this machine can't measure: the report says what, so make goes on.
suite_all = $(BIN)/suite all --plan $(1) $(ARGS) || [ $$? -eq 1 ]

$(ENV_STAMP):
	@[ $(PLATFORM) != none ] || { echo "make setup: no lock for $$(uname -s) on $$(uname -m);" \
		"there is one for Linux on x86-64 and arm64, and for macOS on Apple silicon"; exit 2; }
	@[ -n "$(PYTHON)" ] || { echo "make setup: no Python 3.11 with venv here; get it with 'apt-get install python3.11-venv'," \
		"'brew install python@3.11' or from python.org, or name one: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Setting up .venv from locks/$(PLATFORM).txt: about 300 MB to fetch, a minute or a few"
	@rm -rf .venv && "$(PYTHON)" -m venv .venv
	@$(PIP) $(LOCKED) $(WHEELHOUSE) -r locks/torch-$(PLATFORM).txt 2>.venv/torch.log || { \
		echo "torch is neither in wheelhouse/ nor where pip is configured to look; taking it from $(TORCH_INDEX)"; \
		$(PIP) $(LOCKED) --index-url $(TORCH_INDEX) -r locks/torch-$(PLATFORM).txt; } || { cat .venv/torch.log; \
		echo "make setup: torch could not be fetched; put the wheel that locks/torch-$(PLATFORM).txt names into" \
		"wheelhouse/, or mend the network, and run make setup again"; exit 3; }
	@$(PIP) $(LOCKED) $(WHEELHOUSE) -r locks/$(PLATFORM).txt
	@touch $@

$(PROJECT_STAMP): $(ENV_STAMP)
	@$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@rm -f .venv/project-* && touch $@

$(DEV_STAMP): $(ENV_STAMP)
	@$(PIP) $(LOCKED) $(WHEELHOUSE) -r locks/dev.txt
	@rm -f .venv/dev-* && touch $@
