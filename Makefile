# make run    set up .venv and train the first recipe
# make test   set up .venv and run all tests
# make quick  run the tests that are quick, while you work
# make test COVER=1   the same, and report the branch coverage, as CI does
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PLUGINS := plugins/textforge-ray plugins/textforge-tracking plugins/textforge-transformers
PLUGINS_READY := $(VENV)/.plugins-ready
PARALLEL = --numprocesses auto --dist worksteal
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.DEFAULT_GOAL := run
.PHONY: run test quick editor browser lint types bench docs clean

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "textforge needs Python 3.11 or newer; name one with: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[dev]'
	@touch $@

# The plugins that are distributions of their own, with what their tests need.
$(PLUGINS_READY): $(READY) $(PLUGINS:%=%/pyproject.toml)
	$(PIP) $(PLUGINS:%=--editable '%[test]')
	@touch $@

# The real corpus where it is cached or can be downloaded; exit code 3 says that it is unavailable.
run: $(READY)
	@$(BIN)/textforge run recipes/newsgroups.yaml || { code=$$?; \
	if [ $$code -eq 3 ]; then \
	    printf '\n%s\n%s\n\n' \
	        '*** 20 Newsgroups is unavailable here (see above).' \
	        '*** Running recipes/quickstart.yaml instead: OTHER data, so OTHER figures than the README shows.'; \
	    $(BIN)/textforge run recipes/quickstart.yaml; \
	else exit $$code; fi; }

# Tests start hundreds of processes; each would compile every source anew if the environment forbids to keep bytecode.
test quick: export PYTHONDONTWRITEBYTECODE =

# With COVER=1 the tests also measure branch coverage, which takes about half as long again.
test: $(PLUGINS_READY)
	$(BIN)/python -m pytest $(PARALLEL) $(if $(COVER),--cov --cov-report=term:skip-covered)
	@[ -z "$(COVER)" ] || printf 'branch coverage of the core and the standard parts: %s %%\n' \
	    "$$($(BIN)/python -m coverage report --format=total)"

# Without the tests of plugins/textforge-* and those marked 'slow': these start processes, train many models or read
# the whole corpus. tests/conftest.py lists their modules.
quick: $(PLUGINS_READY)
	$(BIN)/python -m pytest $(PARALLEL) -m 'not slow' tests

# The language server of the tests in tests/test_editor.py, which are skipped without it.
editor: $(READY)
	npm install --silent --no-audit --no-fund --prefix $(VENV)/editor yaml-language-server@1.25.0

# The browser of the tests in tests/insight/test_report_browser.py, which are skipped without one.
browser: $(READY)
	@command -v chromium >/dev/null || \
	    { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && \
	      apt-get install -y -qq --no-install-recommends chromium >/dev/null; } || \
	    $(BIN)/python -m playwright install chromium

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# pyright downloads its own program from npm when it is first called. It finds Python and the packages through PATH.
types: $(PLUGINS_READY)
	$(BIN)/mypy
	@if PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --version >/dev/null 2>&1; then \
	    PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pyright --verifytypes textforge --ignoreexternal > $(VENV)/pyright.txt \
	    && grep 'completeness' $(VENV)/pyright.txt || { grep -v '^   textforge' $(VENV)/pyright.txt; exit 1; }; \
	else echo "*** pyright cannot be installed here: the types of the public names are not verified"; fi

# The tables of docs/benchmarks.md; make bench SECTIONS="article mlp" for some of them.
bench: $(READY)
	$(BIN)/python benchmarks/run.py $(SECTIONS)

# Write docs/commands.md from the real --help texts.
docs: $(READY)
	$(BIN)/python docs/generate.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
