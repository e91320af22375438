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

# The image of this machine (x86, arm64, jetson), from the detection that also writes .env.
IMAGE_PLATFORM = $(shell docker/detect 2>/dev/null | sed -n 's/^SUITE_PLATFORM=//p')
# seeded, or pinned: with ./models, which `make models` fetches, inside the image
MODELS ?= seeded

.PHONY: help setup setup-dev env bench bench-native bench-x86 bench-arm64 bench-quick bench-lab test test-images lint check \
	benchmarks locks wheelhouse models pins publish repro-check doctor clean
.PHONY: engine
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(ENV_STAMP) $(PROJECT_STAMP)  ## make .venv from the locks (skipped when it is up to date)
	@:

setup-dev: setup $(DEV_STAMP)  ## the same, and what tests and checks need
	@:

bench:  ## measure all models and write the report: in a container if an engine answers, else here in .venv
	@if $(ENGINE_ANSWERS) && [ -n "$(IMAGE_PLATFORM)" ]; then \
		if $(MAKE) --no-print-directory image-$(IMAGE_PLATFORM); then exec $(MAKE) --no-print-directory bench-$(IMAGE_PLATFORM); fi; \
		echo "make bench: there is no image and none can be built (see above), so this goes on without a container"; fi; \
	exec $(MAKE) --no-print-directory bench-native

bench-native: setup  ## the same, always here in .venv
	@$(call suite_all,standard)

bench-x86: engine image-x86 env  ## the same in the image for x86-64
	$(call in_container,x86)

bench-arm64: engine image-arm64 env  ## the same in the image for arm64 (on a Mac: in a virtual machine, without its GPU)
	$(call in_container,arm64)

bench-quick: setup  ## a first look in a few minutes
	@$(call suite_all,quick)

bench-lab: setup  ## the lab's own protocol: 10 calls, mean and standard deviation
	@$(call suite_all,lab)

test: setup-dev  ## all tests
	$(BIN)/python -m pytest

test-images: setup-dev engine  ## build the images and run the battery in them (BASE=... names another base image)
	$(BIN)/python -m pytest -m images --durations=8 tests/images

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

env:  ## write .env: which Compose files serve this machine, and that results are yours
	@[ ! -e .env ] || grep -q '^# Written by make env' .env || { echo "make env: .env is not of this command's making;" \
		"move it away, and keep settings of your own in the environment"; exit 2; }
	@docker/detect >.env.part && mv .env.part .env

build-%: engine  ## build the image of a platform: build-x86, build-arm64 (MODELS=pinned takes ./models into it)
	@[ -e Dockerfile.$* ] || { echo "make build-$*: there is no Dockerfile.$*; there is" Dockerfile.*; exit 2; }
	@case "$(BASE_$*)" in (*@sha256:*) ;; (*) echo "make build-$*: the base $(BASE_$*) is not pinned by a digest (pins.env);" \
		"make publish will refuse this image" ;; esac
	docker buildx build --load --platform linux/$(ARCHITECTURE_$*) --file Dockerfile.$* --tag suite:$* $(call build_args,$*) .

# Builds unless there is an image of this very commit.
image-%: engine
	@[ -n "$(DIRTY)" ] || [ "$$(docker image inspect --format \
		'{{index .Config.Labels "org.opencontainers.image.revision"}}' suite:$* 2>/dev/null)" != "$(REVISION)" ] || exit 0; \
		$(MAKE) --no-print-directory build-$*

engine:
	@command -v docker >/dev/null || { echo "make: this needs Docker with Compose and buildx (docs.docker.com/engine/install);" \
		"make bench-native does without"; exit 2; }
	@$(ENGINE_ANSWERS) || { echo "make: no Docker engine answers: $$(docker info 2>&1 >/dev/null | tail -n 1);" \
		"start it, or join its group (sudo usermod -aG docker $$USER), or use make bench-native"; exit 2; }

wheelhouse: setup  ## fetch every wheel of this platform into wheelhouse/, to install and build without a network
	$(PIP) download --no-deps --require-hashes --only-binary :all: $(WHEELHOUSE) --dest wheelhouse \
		--extra-index-url $(TORCH_INDEX) -r locks/torch-$(PLATFORM).txt
	$(PIP) download --no-deps --require-hashes --only-binary :all: $(WHEELHOUSE) --dest wheelhouse -r locks/$(PLATFORM).txt

models: setup  ## fetch the published weights that models.lock pins into models/, checked to the byte (MODEL=lxmert for one)
	$(BIN)/suite models fetch --to models $(if $(MODEL),--model $(MODEL))

pins: engine  ## look up the digests that pins.env lacks
	docker/resolve-pins pins.env

publish: engine  ## push the images by digest: make publish REGISTRY=ghcr.io/you IMAGES="x86 arm64"
	@[ -n "$(REGISTRY)" ] || { echo "make publish: name a registry: make publish REGISTRY=ghcr.io/you"; exit 2; }
	@[ "$(MODELS)" = seeded ] || { echo "make publish: MODELS=$(MODELS) would publish weights whose licence is not stated;" \
		"publish MODELS=seeded"; exit 2; }
	@[ -z "$(DIRTY)" ] || { echo "make publish: commit first: an image is published under the commit that it was made from"; exit 2; }
	@for base in $(foreach image,$(IMAGES),"$(BASE_$(image))"); do case "$$base" in (*@sha256:*) ;; (*) \
		echo "make publish: the base $$base is not pinned by a digest; run make pins first"; exit 2 ;; esac; done
	@for image in $(IMAGES); do $(MAKE) --no-print-directory build-$$image || exit; done
	@docker/publish "$(REGISTRY)" "$(VERSION)" $(IMAGES)

save-%: engine  ## write an image with its checksum to images/, for machines without a network: save-x86
	@docker image inspect suite:$* >/dev/null 2>&1 || { echo "make save-$*: there is no image suite:$*; make build-$* makes it"; exit 2; }
	@mkdir -p images && docker save suite:$* | gzip -n >images/suite-$*.tar.gz
	@cd images && $(SHA256) suite-$*.tar.gz >suite-$*.tar.gz.sha256 && cat suite-$*.tar.gz.sha256

load-%: engine  ## check and load such a file: load-x86
	@[ -e images/suite-$*.tar.gz ] || { echo "make load-$*: there is no images/suite-$*.tar.gz; make save-$* writes it," \
		"with its .sha256, where the image is"; exit 2; }
	@cd images && $(SHA256) -c suite-$*.tar.gz.sha256 && docker load --quiet --input suite-$*.tar.gz

repro-check: repro-check-$(or $(IMAGE_PLATFORM),x86)  ## build twice without cache and compare: this machine's image, or repro-check-arm64
	@:

repro-check-%: engine
	@docker/repro-check Dockerfile.$* --platform linux/$(ARCHITECTURE_$*) $(call build_args,$*)

doctor: setup  ## what this machine can measure, and how to fix the rest
	@$(BIN)/suite doctor || [ $$? -eq 1 ]

clean:  ## remove what make and the tools made here; results/ and wheelhouse/ stay
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

# Exit status 1 means done, with something that this machine can't measure: the report says what, so make goes on.
suite_all = $(BIN)/suite all --plan $(1) $(ARGS) || [ $$? -eq 1 ]

ENGINE_ANSWERS = docker info >/dev/null 2>&1
SHA256 := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
IMAGES ?= x86 arm64
ARCHITECTURE_x86 := amd64
ARCHITECTURE_arm64 := arm64
BASE_x86 = $(or $(BASE),$(X86_BASE))
BASE_arm64 = $(or $(BASE),$(ARM64_BASE))
LOCKS_x86 = locks/x86.txt locks/$(or $(TORCH_LOCK),torch-x86.txt)
LOCKS_arm64 = locks/arm64.txt locks/$(or $(TORCH_LOCK),torch-arm64.txt)

COMMIT = $(shell git rev-parse HEAD 2>/dev/null)
# As suite/host/software.py has it: a new file beside the package changes nothing.
DIRTY = $(shell git status --porcelain 2>/dev/null | grep -vE '^\?\? ([^s]|s[^u]|su[^i])' | head -c 1)
REVISION = $(COMMIT)$(if $(DIRTY),-dirty)
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' suite/__init__.py)
SOURCE = $(shell git remote get-url origin 2>/dev/null | sed 's,//[^/@]*@,//,')
build_args = --build-arg BASE="$(BASE_$(1))" --build-arg MODELS="$(MODELS)" --build-arg TORCH_INDEX="$(TORCH_INDEX)" \
	$(if $(TORCH_LOCK),--build-arg TORCH_LOCK="$(TORCH_LOCK)") --build-arg REVISION="$(REVISION)" \
	--build-arg VERSION="$(VERSION)" --build-arg SOURCE="$(SOURCE)" \
	--build-arg LOCK_SHA256="$$(cat $(LOCKS_$(1)) | $(SHA256) | cut -d ' ' -f 1)" \
	--build-arg SOURCE_DATE_EPOCH="$$(git log -1 --format=%ct 2>/dev/null || echo 0)"
# The digest that the record names is that of the registry where the image came from one, else the engine's own.
in_container = @mkdir -p results; \
	SUITE_IMAGE=suite:$(1) SUITE_IMAGE_DIGEST=$$(docker image inspect --format '{{.Id}}' suite:$(1)) \
	docker compose run --rm suite all --plan standard $(ARGS) || [ $$? -eq 1 ]

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
