# Two commands are enough on a fresh machine with Python 3.11+, pip and make: `make demo` and `make test`.
PYTHON ?= python3
DEMO_DIR ?= build/demo
BIN := .venv/bin
READY := .venv/.ready

.PHONY: demo test lint typecheck docs image bench pins azurite slurm clean

demo: $(READY)
	$(BIN)/rastervision run local rastervision.pytorch_backend.examples.tiny_buildings -a root_uri $(DEMO_DIR)

test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/cfn-lint cloudformation/*.yaml
	[ ! -x $(BIN)/hadolint ] || $(BIN)/hadolint docker/Dockerfile.*

typecheck: $(READY)
	$(BIN)/mypy

# CASES picks cases by prefix: `make bench CASES="cli_start analyze"`; see benchmarks/README.md.
bench: $(READY)
	$(BIN)/python benchmarks/run.py --python $(BIN)/python $(CASES)

docs: $(READY)
	$(BIN)/mkdocs build --strict

# The steps of docker/Dockerfile.* without a container, and whether an example can start there.
image: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" uv venv --quiet --clear --python $(BIN)/python build/image
	PATH="$(CURDIR)/$(BIN):$$PATH" docker/install.sh build/image/bin/python dependencies
	PATH="$(CURDIR)/$(BIN):$$PATH" docker/install.sh build/image/bin/python package
	build/image/bin/rastervision run inprocess rastervision.pytorch_backend.examples.tiny_buildings -n -a root_uri build/image/out -a pretrained false
	rm -rf build/image

.venv: $(READY)

# The environment alone: pinned dependencies and this checkout, editable.
# Where Python comes without the venv module's pip, uv makes the environment instead.
$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv --clear .venv || ( $(PYTHON) -m pip install --target build/uv uv && PYTHONPATH=build/uv $(PYTHON) -m uv venv --seed --clear .venv )
	command -v uv >/dev/null || $(BIN)/python -m pip install --quiet uv
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip install --quiet --python $(BIN)/python -r requirements/dev.txt
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# Renew the pins after a change of the dependencies in pyproject.toml.
pins:
	PATH="$(CURDIR)/$(BIN):$$PATH" uv pip compile pyproject.toml --all-extras --group dev --group docs --universal \
		--no-emit-index-url --no-emit-find-links --no-annotate --quiet --upgrade --custom-compile-command 'make pins' -o requirements/dev.txt

# A server of Azure Blob Storage for tests, which skip what needs it where it is missing. Takes npm.
azurite:
	npm install --prefix build/azurite --no-fund --no-audit azurite

# SLURM for tests, which skip what needs it where it is missing. Takes Debian, and root.
slurm:
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurmctld slurmd slurm-client munge

clean:
	rm -rf .venv build dist site
