# Two commands for a newcomer: `make demo` and `make test`. Both make .venv and install what they need.
PYTHON ?= python3
KIMG ?= 148.72
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test check format protos protos-check bench-geometry bench-inversion bench-search bench-directions bench-faults chaos train-faces32 clean

demo: $(VENV)/.demo
	$(BIN)/pullback demo --out demo

# One process a core, one thread a process; a file's tests stay together and share its servers.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist loadfile

# Format, lint, dependency rules, types and stubs: what CI asks besides the tests.
check: $(VENV)/.test protos-check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

protos: $(VENV)/.test
	$(BIN)/python protos/generate.py
	$(BIN)/python clients/generate_aio.py

protos-check: $(VENV)/.test
	$(BIN)/python protos/generate.py --check
	$(BIN)/python clients/generate_aio.py --check

# Benchmarks print a table and one JSON object a line; QUICK=1 takes minutes instead of an hour
# (of bench-search: of six).
bench-geometry: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_geometry.py

bench-inversion: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_inversion.py

bench-search: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_search.py

bench-directions: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_directions.py

# Nearly right requests of all methods, over gRPC and HTTP: FAULTS of them (30,000), of the seed FAULTS_SEED.
bench-faults: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_faults.py

# How the weights of `faces32` were made: some hours on two cores. Stops and goes on.
train-faces32: $(VENV)/.test
	$(BIN)/python -m pullback.training --folder train-faces32 --kimg $(KIMG)

# Kills servers and workers of running evolutions; `make test` does it a few times only.
chaos: $(VENV)/.test
	CHAOS_KILLS=200 OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/e2e/test_search_chaos.py

clean:
	rm -rf $(VENV) demo bench-inversion bench-search bench-directions bench-faults .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch and torchvision are resolved in one go, as a pair.
$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar on -e '.[service,demo]'
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar on -e '.[service,demo,test]'
	touch $@
