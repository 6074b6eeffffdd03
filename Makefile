# SPDX-License-Identifier: Apache-2.0
# make setup   a virtual environment with the `microplan` command, the cross compiler and QEMU
# make demo    a model on a simulated Cortex-M4, from the .tflite file to the answers and what they cost
# make test    everything that continuous integration runs
# make bench   every model on every simulated board: docs/benchmarks.md; MODELS=folder measures others
# make docs/operators.md   the support table, from the kernels
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# What is compiled into the extension; a change of these makes setup build it again.
CORE := pyproject.toml CMakeLists.txt $(shell find src include tools/microplan -name '*.cpp' -o -name '*.h' -o -name '*.def' -o -name CMakeLists.txt)

MODELS ?= ../shared/models

.PHONY: setup demo test bench docs/operators.md clean

setup: $(STAMP)

$(STAMP): $(CORE) tools/setup.sh
	PYTHON=$(PYTHON) tools/setup.sh $(VENV)
	@touch $@

demo: setup
	$(BIN)/python examples/digits/demo.py

test: setup
	$(BIN)/ruff check tools tests examples
	$(BIN)/mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest -q -n 2

bench: setup
	$(BIN)/python tools/benchmarks.py $(MODELS) $(BENCH_FLAGS)

docs/operators.md: setup
	$(BIN)/microplan operators --markdown > $@

clean:
	rm -rf $(VENV) build dist
