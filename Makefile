# Two commands on a fresh machine: `make run` and `make test`. Both set up `.venv` first.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test physics test-slurm slurm-packages faults fuzz check clean

run: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores all

test: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest

physics: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest -m physics

# A real Slurm of one node, started and stopped by the tests; needs root.
test-slurm: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest -m slurm -s

slurm-packages:
	command -v munged slurmctld slurmd sbatch > /dev/null || \
	{ apt-get update --quiet && DEBIAN_FRONTEND=noninteractive apt-get install --quiet --yes --no-install-recommends \
	munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins; }

# Whole runs that are killed, starved and damaged; some 40 minutes; disks of a size need root.
faults: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest -m faults -s

# A hundred thousand damaged inputs, then coverage-guided ones; some 5 minutes.
fuzz: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" pytest -m fuzz -s

check: .venv/installed
	PATH="$(CURDIR)/$(BIN):$$PATH" ruff check setup.py cgpipe tests
	PATH="$(CURDIR)/$(BIN):$$PATH" ruff format --check setup.py cgpipe tests
	PATH="$(CURDIR)/$(BIN):$$PATH" mypy
	PATH="$(CURDIR)/$(BIN):$$PATH" snakefmt --check Snakefile workflow

.venv/installed: envs/requirements.lock pyproject.toml setup.py $(wildcard cgpipe/model/cpp/*)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "cgpipe needs Python 3.11 or newer; call make PYTHON=python3.12, say")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --requirement envs/requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf .venv build cgpipe/model/*.so results/*/ results/summary.*
