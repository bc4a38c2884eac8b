# `make quickstart`: set up, prepare real images, pretrain, evaluate. `make test`: set up, lint, all tests.
PYTHON ?= python3
VENV ?= .venv
PEERS ?= .venv-peers
BIN := $(VENV)/bin
PIP := python -m pip install --quiet --disable-pip-version-check

.PHONY: help setup quickstart test test-further test-faults test-meshes test-recipes test-golden test-peers lint api clean

help:
	@echo "make quickstart   set up, pretrain on Fashion-MNIST, evaluate (8 to 15 minutes on 2 cores)"
	@echo "make setup        create .venv with the tested versions of all packages"
	@echo "make test         set up, run ruff and all tests (about 30 minutes on 2 cores)"
	@echo "make test-further train every objective on eight simulated devices and on one, run the tutorials (10 minutes)"
	@echo "make test-faults  kill runs of several processes and resume them (5 minutes)"
	@echo "make test-meshes  train every objective on more meshes of 8 simulated devices"
	@echo "make test-recipes trace the step of every config at full size (5 minutes)"
	@echo "make test-golden  compare five steps of one small experiment per encoder with recorded values (3 minutes)"
	@echo "make test-peers   compare losses and models with PyTorch libraries (installs PyTorch)"
	@echo "make lint         set up, run ruff"
	@echo "make api          write docs/api.md anew from the docstrings"
	@echo "make clean        remove environments and caches; keep runs and data"

setup: $(VENV)/.installed

# The exact versions that are tested; setup.py itself allows ranges.
$(VENV)/.installed: requirements.txt setup.py
	$(PYTHON) -c 'import sys; sys.exit("ssljax needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP) -r requirements.txt
	$(BIN)/$(PIP) --no-deps -e .
	touch $@

# XLA uses two CPU cores better as two devices with half of the batch each than as one device.
quickstart: export JAX_NUM_CPU_DEVICES ?= 2
quickstart: setup
	source=$$($(BIN)/python -m ssljax data prepare fashion_mnist) && \
	$(BIN)/python -m ssljax pretrain --config experiments/quickstart.py:$$source --workdir runs/quickstart

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

api: setup
	$(BIN)/python docs/make_api.py

test: lint
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup

test-further: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m further tests/test_tutorials.py tests/objectives

test-faults: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m faults tests/commands tests/training

test-meshes: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m meshes tests/objectives

test-recipes: setup
	$(BIN)/python -m pytest -q -n 2 --dist loadgroup -m recipes tests/experiments

test-golden: setup
	$(BIN)/python -m tests.golden --brief

test-peers: $(PEERS)/.installed
	$(PEERS)/bin/python -m pytest -q -n 2 --dist loadgroup tests/peers

# PyTorch is large and only a reference for tests, so it has its own environment. lightly requires a
# trainer, torchvision and so timm require another build of PyTorch; what is compared needs neither
# (--no-deps).
$(PEERS)/.installed: requirements.txt requirements-peers.txt setup.py
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/$(PIP) -r requirements.txt -r requirements-peers.txt
	$(PEERS)/bin/$(PIP) --no-deps lightly==1.6.0 lightly-utils==0.0.2 timm==1.0.31 \
		torchvision==0.28.0 -e .
	touch $@

clean:
	rm -rf $(VENV) $(PEERS) .cache build *.egg-info .pytest_cache .ruff_cache
