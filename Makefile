# Every command a person types. `make` alone lists them.

# From pins.env, as docker/build takes them too.
TORCH_INDEX ?= $(shell sed -n 's/^TORCH_INDEX=//p' pins.env)

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
DEV_STAMP := .venv/dev-$(call hash,locks/dev.txt locks/models.txt)

PIP := $(BIN)/python -m pip --disable-pip-version-check -q
LOCKED := --no-deps --require-hashes --only-binary :all:
# A lock, and an index that is asked where neither wheelhouse/ nor pip's own configuration has its files.
install = docker/install-lock $(1) wheelhouse "$(2)" $(PIP) install $(LOCKED)
download = docker/install-lock $(1) wheelhouse "$(2)" $(PIP) download $(LOCKED) --dest wheelhouse

# From the detection that also writes .env: the image of this machine (x86, arm64, jetson4 to jetson7), and on a Jetson its
# JetPack and the version of its service jtop, which the client in the image must share. ROOT: another root folder, for tests.
ROOT ?=
detected = $(shell docker/detect $(ROOT) 2>/dev/null | sed -n 's/^$(1)=//p')
IMAGE_PLATFORM = $(call detected,SUITE_PLATFORM)
JETPACK = $(call detected,JETPACK)
JTOP ?= $(call detected,SUITE_JTOP)
# An image to measure in, instead of one that is built here: SUITE_IMAGE=R/suite@sha256:... make bench
SUITE_IMAGE ?=
export SUITE_IMAGE
# seeded, or pinned: with ./models, which `make models` fetches, inside the image. docker/build reads it, and whatever stands in
# for a pin: make build-x86 BASE=...
MODELS ?= seeded
export MODELS

.PHONY: help setup setup-dev env bench bench-native bench-x86 bench-arm64 bench-jetson bench-quick bench-lab test test-images \
	lint check benchmarks locks wheelhouse models pins publish repro-check doctor clean
# What commands need first; no commands themselves.
.PHONY: engine jetson here-x86 here-arm64
.DELETE_ON_ERROR:

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9%-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(ENV_STAMP) $(PROJECT_STAMP)  ## make .venv from the locks (skipped when it is up to date)
	@:

setup-dev: setup $(DEV_STAMP)  ## the same, and what tests and checks need
	@:

bench:  ## measure all models and write the report: in a container if an engine answers, else here in .venv
	@if [ -n "$(SUITE_IMAGE)" ]; then docker/detect $(ROOT) >/dev/null || exit; \
		exec $(MAKE) --no-print-directory bench-$(patsubst jetson%,jetson,$(IMAGE_PLATFORM)); fi; \
	if $(ENGINE_ANSWERS); then \
		if docker/detect $(ROOT) >/dev/null && $(MAKE) --no-print-directory image-$(IMAGE_PLATFORM); then \
			exec env SUITE_IMAGE=suite:$(IMAGE_PLATFORM) $(MAKE) --no-print-directory bench-$(patsubst jetson%,jetson,$(IMAGE_PLATFORM)); fi; \
		echo "make bench: there is no image and none can be built (see above), so this goes on without a container"; fi; \
	exec $(MAKE) --no-print-directory bench-native

bench-native: setup  ## the same, always here in .venv
	@$(call suite_all,standard)

bench-x86: here-x86 engine image-x86 env  ## the same in the image for x86-64
	$(call in_container,x86)

bench-jetson: jetson engine env  ## the same on a Jetson board, in the image for its JetPack
	@$(MAKE) --no-print-directory image-jetson$(JETPACK)
	$(call in_container,jetson$(JETPACK))

bench-arm64: here-arm64 engine image-arm64 env  ## the same in the image for arm64 (on a Mac: in a virtual machine, without its GPU)
	$(call in_container,arm64)

bench-quick: setup  ## a first look in a few minutes
	@$(call suite_all,quick)

bench-lab: setup  ## the lab's own protocol: 10 calls, mean and standard deviation
	@$(call suite_all,lab)

test: setup-dev  ## all tests
	$(BIN)/python -m pytest

test-images: setup-dev engine  ## build the images and run the battery in them (BASE=... names another base image)
	$(BIN)/python -m pytest -m images --durations=8 tests/images

SHELL_SCRIPTS = $(shell grep -lE '^\#!/(bin/sh|usr/bin/env bash)' .ci/* docker/* tests/images/*)
WORKFLOWS = $(wildcard .github/workflows/*.yml)
lint: setup-dev  ## format, lint and types; Dockerfiles, shell scripts and the workflow too
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/hadolint $(wildcard Dockerfile.*)
	$(BIN)/shellcheck $(SHELL_SCRIPTS)
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows $(WORKFLOWS)
	$(BIN)/zizmor --quiet --offline --persona=pedantic $(WORKFLOWS)

check: lint test  ## lint, then all tests: what CI runs

benchmarks: setup-dev  ## the suite's own figures beside their goals (RUN=results/... adds those of a run)
	@for script in startup params overhead; do $(BIN)/python benchmarks/$$script.py || exit; done
	@if [ -n "$(RUN)" ]; then for script in report_time memory wall_share; do \
		$(BIN)/python benchmarks/$$script.py "$(RUN)" || exit; done; fi

# uv resolves for platforms other than this one, which pip can't. The versions of torch stand in locks/torch-*.txt, by hand.
UV_COMPILE = $(UV) pip compile --quiet --upgrade --generate-hashes --only-binary :all: --no-annotate --custom-compile-command "make locks"
for = --python-platform $(1) --python-version $(2)
locks:  ## resolve the dependencies again (needs uv)
	@command -v $(UV) >/dev/null || { echo "make locks needs uv: python3 -m pip install uv, or make locks UV=/path/to/uv"; exit 2; }
	$(UV_COMPILE) $(call for,x86_64-manylinux_2_28,3.11) pyproject.toml locks/worker.in -o locks/x86.txt
	$(UV_COMPILE) $(call for,aarch64-manylinux_2_28,3.11) pyproject.toml locks/worker.in -o locks/arm64.txt
	MACOSX_DEPLOYMENT_TARGET=14.0 $(UV_COMPILE) $(call for,aarch64-apple-darwin,3.11) pyproject.toml locks/worker.in -o locks/macos.txt
	$(UV_COMPILE) $(call for,x86_64-manylinux_2_28,3.11) -c locks/x86.txt locks/dev.in -o locks/dev.txt
	$(UV_COMPILE) $(call for,x86_64-manylinux_2_28,3.11) locks/installer.in -o locks/installer.txt
	$(UV_COMPILE) $(call for,aarch64-manylinux_2_28,3.11) -c locks/arm64.txt pyproject.toml -o locks/jetson.txt
	$(UV_COMPILE) $(call for,aarch64-manylinux_2_17,3.6) locks/jetson4.in -o locks/jetson4.txt
	$(UV_COMPILE) $(call for,aarch64-manylinux_2_31,3.8) locks/jetson5.in -o locks/jetson5.txt
	$(UV_COMPILE) $(call for,aarch64-manylinux_2_35,3.10) locks/jetson6.in -o locks/jetson6.txt
	$(UV_COMPILE) $(call for,aarch64-manylinux_2_39,3.11) -c locks/arm64.txt locks/jetson7.in -o locks/jetson7.txt
	for jtop in 4.3 7.2; do $(UV_COMPILE) $(call for,aarch64-manylinux_2_28,3.11) --no-binary jetson-stats \
		locks/jtop-$$jtop.in -o locks/jtop-$$jtop.txt || exit; done

env:  ## write .env: which Compose files serve this machine, and that results are yours
	@[ ! -e .env ] || grep -q '^# Written by make env' .env || { echo "make env: .env is not of this command's making;" \
		"move it away, and keep settings of your own in the environment"; exit 2; }
	@told=$$(docker/detect $(ROOT)) || exit; printf '%s\n' "$$told" >.env

build-jetson:  ## build the image for this Jetson, or for JETPACK=4, 5, 6 or 7
	@[ -n "$(JETPACK)" ] || docker/detect $(ROOT) >/dev/null || exit; [ -n "$(JETPACK)" ] || { \
		echo "make build-jetson: this is no Jetson board: name its JetPack, as in make build-jetson JETPACK=6 (4, 5, 6 or 7)"; exit 2; }
	@$(MAKE) --no-print-directory build-jetson$(JETPACK)

build-%: engine  ## build the image of a platform: build-x86, build-arm64, build-jetson6 (MODELS=pinned takes ./models into it)
	JTOP="$(JTOP)" docker/build $* --load --tag suite:$*

# Builds unless SUITE_IMAGE names one, or there is an image of this very commit with these models.
image-%: engine
	@JTOP="$(JTOP)" docker/image $*

here-x86 here-arm64: here-%:
	@[ "$(IMAGE_PLATFORM)" = $* ] || { echo "make: the image of this machine is suite:$(or $(IMAGE_PLATFORM),none), not suite:$*, which" \
		"could only be emulated: make bench takes the right one, make build-$* builds the other"; exit 2; }

# What `make bench-jetson` needs beside an engine.
jetson:
	@[ -e $(ROOT)/etc/nv_tegra_release ] || { echo "make: this is no Jetson board: there is no $(ROOT)/etc/nv_tegra_release;" \
		"make build-jetson JETPACK=6 builds its image here, and make save-jetson6 packs it for the board"; exit 2; }
	@[ -n "$(SUITE_RUNTIME)" ] || docker info --format '{{json .Runtimes}}' 2>/dev/null | grep -q nvidia || { \
		echo "make: the engine lacks NVIDIA's runtime, without which there is no CUDA in a container: sudo apt-get install" \
		"nvidia-container, then sudo nvidia-ctk runtime configure and restart docker"; exit 2; }

engine:
	@command -v docker >/dev/null || { echo "make: this needs Docker with Compose and buildx (docs.docker.com/engine/install);" \
		"make bench-native does without"; exit 2; }
	@$(ENGINE_ANSWERS) || { echo "make: no Docker engine answers: $$(docker info 2>&1 >/dev/null | tail -n 1);" \
		"start it, or join its group (sudo usermod -aG docker $$USER), or use make bench-native"; exit 2; }
	@for plugin in compose buildx; do docker $$plugin version >/dev/null 2>&1 || { echo "make: Docker here lacks its plug-in $$plugin:" \
		"install docker-$$plugin-plugin (docs.docker.com/engine/install)"; ! command -v docker-compose >/dev/null || \
		echo "make: the older docker-compose, which is here, does not read these files"; exit 2; }; done

wheelhouse: setup  ## fetch every wheel of this platform into wheelhouse/, to install and build without a network
	$(call download,locks/installer.txt)
	$(call download,locks/torch-$(PLATFORM).txt,$(TORCH_INDEX))
	$(call download,locks/$(PLATFORM).txt)

wheelhouse-%: setup  ## the same for the image of another platform: wheelhouse-jetson6
	@docker/wheelhouse $* $(BIN)/python

models: setup  ## fetch the published weights that models.lock pins into models/, checked to the byte (MODEL=lxmert for one)
	$(BIN)/suite models fetch --to models $(if $(MODEL),--model $(MODEL))

pins: engine  ## look up the digests that pins.env lacks
	docker/resolve-pins pins.env

publish: engine  ## push the images by digest: make publish REGISTRY=ghcr.io/you IMAGES="x86 arm64"
	@[ -n "$(REGISTRY)" ] || { echo "make publish: name a registry: make publish REGISTRY=ghcr.io/you"; exit 2; }
	@case "$(REVISION)" in (''|*-dirty) echo "make publish: commit first: an image is published under the commit that it was" \
		"made from"; exit 2 ;; esac
	@docker/publish "$(REGISTRY)" "$$(docker/version)" $(IMAGES)

# Where images are saved, for a class room without internet.
ARCHIVES ?= images
save-%: engine  ## write an image with its checksum to images/, for machines without a network: save-x86
	@docker image inspect suite:$* >/dev/null 2>&1 || { echo "make save-$*: there is no image suite:$*; make build-$* makes it"; exit 2; }
	@mkdir -p $(ARCHIVES) && docker save --output $(ARCHIVES)/suite-$*.tar suite:$* && gzip --no-name --force $(ARCHIVES)/suite-$*.tar
	@cd $(ARCHIVES) && $(SHA256) suite-$*.tar.gz >suite-$*.tar.gz.sha256 && cat suite-$*.tar.gz.sha256

save-bases-%: engine  ## the same for the bases that an image is built on; there: make load-bases-x86
	@mkdir -p $(ARCHIVES) && docker/save-bases $* $(ARCHIVES)/suite-bases-$*.tar && gzip --no-name --force $(ARCHIVES)/suite-bases-$*.tar
	@cd $(ARCHIVES) && $(SHA256) suite-bases-$*.tar.gz >suite-bases-$*.tar.gz.sha256 && cat suite-bases-$*.tar.gz.sha256

load-%: engine  ## check and load such a file: load-x86
	@[ -e $(ARCHIVES)/suite-$*.tar.gz ] || { echo "make load-$*: there is no $(ARCHIVES)/suite-$*.tar.gz; make save-$* writes it," \
		"with its .sha256, where the image is"; exit 2; }
	@cd $(ARCHIVES) && $(SHA256) -c suite-$*.tar.gz.sha256 && docker load --quiet --input suite-$*.tar.gz

repro-check: repro-check-$(or $(IMAGE_PLATFORM),x86)  ## build twice without cache and compare: this machine's image, or repro-check-arm64
	@:

repro-check-%: engine
	@docker/repro-check $*

doctor: setup  ## what this machine can measure, and how to fix the rest
	@$(BIN)/suite doctor || [ $$? -eq 1 ]

clean:  ## remove .venv, .env and caches of tools; results/, my/, models/, wheelhouse/, images/ and the engine's images stay
	@! grep -q '^# Written by make env' .env 2>/dev/null || rm -f .env
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist *.egg-info

# Exit status 1 means done, with something that this machine can't measure: the report says what, so make goes on.
suite_all = $(BIN)/suite all --plan $(1) $(ARGS) || [ $$? -eq 1 ]

ENGINE_ANSWERS = docker info >/dev/null 2>&1
SHA256 := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
IMAGES ?= x86 arm64
REVISION = $(shell docker/revision)
# The digest that the record names is that of the registry where the image came from one, else the engine's own.
measured_in = $(or $(SUITE_IMAGE),suite:$(1))
in_container = @mkdir -p results my; \
	SUITE_IMAGE=$(measured_in) SUITE_IMAGE_DIGEST=$(if $(findstring @sha256:,$(SUITE_IMAGE)),$(SUITE_IMAGE),$$(docker image inspect \
	--format '{{.Id}}' $(measured_in))) docker compose run --rm suite all --plan standard $(ARGS) || [ $$? -eq 1 ]

$(ENV_STAMP):
	@[ $(PLATFORM) != none ] || { echo "make setup: no lock for $$(uname -s) on $$(uname -m);" \
		"there is one for Linux on x86-64 and arm64, and for macOS on Apple silicon"; exit 2; }
	@[ -n "$(PYTHON)" ] || { echo "make setup: no Python 3.11 with venv here; get it with 'apt-get install python3.11-venv'," \
		"'brew install python@3.11' or from python.org, or name one: make PYTHON=/path/to/python3.11"; exit 2; }
	@echo "Setting up .venv from locks/$(PLATFORM).txt: about 300 MB to fetch, a minute or a few"
	@rm -rf .venv && "$(PYTHON)" -m venv .venv
	@$(call install,locks/torch-$(PLATFORM).txt,$(TORCH_INDEX))
	@$(call install,locks/$(PLATFORM).txt)
	@touch $@

$(PROJECT_STAMP): $(ENV_STAMP)
	@$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@rm -f .venv/project-* && touch $@

$(DEV_STAMP): $(ENV_STAMP)
	@$(call install,locks/dev.txt)
	@$(call install,locks/models.txt) || echo "make setup-dev: without these, tests of models that others made are skipped"
	@rm -f .venv/dev-* && touch $@
