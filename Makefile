# Each target does its own set-up: python3, make and git are enough.

# The script that every generated project carries. It keeps its uv and the environment in this folder.
UV := "{{cookiecutter.project_slug}}/bin/uv"

.PHONY: help demo bench plots test test-all screenshots lint format clean

help:
	@echo "make demo        bake a project with the default answers and watch its demo (KEEP=0: leave when it has finished)"
	@echo "make test        the template's tests, and those of the projects it bakes"
	@echo "make test-all    these and the long proofs, marked slow"
	@echo "make bench       what the protections cost, against a bare project; the import against a plain loop (QUICK=1: a look)"
	@echo "make plots       how cost grows, drawn for docs/performance.md: six minutes or more"
	@echo "make screenshots the pages of the example, photographed for docs/images"
	@echo "make lint        hooks and tests: ruff's lint and format"
	@echo "make format      let ruff put right what it can"
	@echo "make clean       remove what these targets made"

# Bakes a project with the default answers into a folder that is gone when the recipe ends, and goes there.
# Cookiecutter leaves its rendered hooks in TMPDIR.
IN_A_BAKED_PROJECT = folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; trap 'exit 130' INT; trap 'exit 143' TERM; \
	TMPDIR="$$folder" $(UV) run --quiet cookiecutter --no-input --default-config --output-dir "$$folder" . >/dev/null && \
	cd "$$folder"/*/ && \
	if [ -d "$(CURDIR)/.uv" ]; then ln -s "$(CURDIR)/.uv" .uv; fi

# KEEP, given to this make, reaches the project's own by itself.
demo:
	@echo "Baking a project with the default answers"
	@$(IN_A_BAKED_PROJECT) && $(MAKE) --no-print-directory demo

# The ratios that a run is compared with; a whole one takes their place, for a commit.
LAST := $(CURDIR)/benchmarks/last.json

bench:
	@$(IN_A_BAKED_PROJECT) && \
	bin/uv run --quiet python "$(CURDIR)/benchmarks/against_bare.py" . --last "$(LAST)" $(if $(QUICK),--quick,--json "$(LAST)") && \
	bin/uv run --quiet python "$(CURDIR)/benchmarks/import_rows.py" . $(if $(QUICK),--pairs=1) && \
	bin/uv run --quiet python "$(CURDIR)/benchmarks/live_page.py" . && \
	bin/uv run --quiet python "$(CURDIR)/benchmarks/outbox_row.py" . && \
	bin/uv run --quiet python "$(CURDIR)/benchmarks/development_stack.py" .

plots:
	@$(IN_A_BAKED_PROJECT) && \
	bin/uv run --quiet --with "matplotlib==3.11.2" python "$(CURDIR)/benchmarks/growth.py" . --plots "$(CURDIR)/docs/images"

test:
	@$(UV) run --quiet pytest -m "not slow"

test-all:
	@$(UV) run --quiet pytest -m "not quick"

screenshots:
	@$(UV) run --quiet pytest tests/browser --screenshots docs/images

lint:
	@$(UV) run --quiet ruff check
	@$(UV) run --quiet ruff format --check

format:
	@$(UV) run --quiet ruff check --fix
	@$(UV) run --quiet ruff format

clean:
	rm -rf .uv .venv uv.lock .pytest_cache .ruff_cache hooks/__pycache__ tests/__pycache__
