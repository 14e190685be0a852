# Two commands for a newcomer: `make demo` and `make test`. Both make .venv and install what they need.
PYTHON ?= python3
KIMG ?= 148.72
VENV   := .venv
BIN    := $(VENV)/bin

.PHONY: demo test explore exactness check format protos protos-check bench-geometry bench-inversion bench-classes bench-search bench-directions bench-latency bench-scale bench-trust bench-studio train-faces32 docs clean

demo: $(VENV)/.demo
	$(BIN)/pullback demo --out demo

# Two processes a core, one thread a process; a file's tests stay together and share its servers. In the order of
# tests/conftest.py: while some wait for servers, others compute. Bytecode is kept, whatever the environment says: a
# hundred servers would compile their sources anew.
test: $(VENV)/.test
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Property tests with examples that no run has seen; what they find is for a test of its own.
explore: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --hypothesis-profile=exploring -n auto $$(grep -rl --include='test_*.py' hypothesis tests)

# How far every family's outputs lie from those of the public implementations, by fixture.
exactness: $(VENV)/.test
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -p exactness tests/unit/test_generators_*.py

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
	$(BIN)/python clients/generate_options.py
	$(BIN)/python clients/generate_aio.py

protos-check: $(VENV)/.test
	$(BIN)/python protos/generate.py --check
	$(BIN)/python clients/generate_options.py --check
	$(BIN)/python clients/generate_aio.py --check

# The site, of the pages beside the code and of what code and contract say: build/docs/site/index.html.
docs: $(VENV)/.docs
	$(BIN)/python .docs/pages.py build/docs/pages
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet --config-file .docs/mkdocs.yml

# Benchmarks print a table and one JSON object a line; QUICK=1 takes minutes instead of an hour
# (of bench-search: of a day and a half).
bench-geometry: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_geometry.py

bench-inversion: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_inversion.py

# Class searches over a thousand classes under budgets, against the exhaustive one.
bench-classes: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_classes.py

bench-search: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_search.py

bench-directions: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_directions.py

# What those who wait for images notice of the jobs beside them.
bench-latency: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_latency.py

# Generators of the sizes that are in use: timed here at 256 px, counted without computing at 1024; and results alone
# and in company, bit for bit, under several sets of instructions and numbers of threads.
bench-scale: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_scale.py

# What a server survives, with TLS: nearly right requests by keys of all roles, bombs, kills, causes of not being well,
# clocks that jump, many clients, and whom it does not let in: ONLY=fuzz,bombs,kills,causes,clocks,clients,doors, TRUST_REQUESTS requests
# (100,000), TRUST_KILLS kills (1,000), of the seed TRUST_SEED.
bench-trust: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_trust.py

# What those who use the studio wait for: a slider's image, the first sight of a page; and what ten tabs take. Needs
# Chromium.
bench-studio: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench_studio.py

# How the weights of `faces32` were made: some hours on two cores. Stops and goes on.
train-faces32: $(VENV)/.test
	$(BIN)/python -m pullback.training --folder train-faces32 --kimg $(KIMG)

clean:
	rm -rf $(VENV) build demo bench-inversion bench-classes bench-search bench-directions bench-trust .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# torch and torchvision are resolved in one go, as a pair.
$(VENV)/.demo: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar on -e '.[service,demo,studio]'
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar on -e '.[service,demo,test]'
	touch $@

$(VENV)/.docs: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --progress-bar on -e '.[docs]'
	touch $@
