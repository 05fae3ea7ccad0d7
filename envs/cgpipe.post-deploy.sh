#!/usr/bin/env bash
# Snakemake runs this in the project's folder, within the new environment.
set -euo pipefail
python -m pip install --quiet --requirement envs/requirements.lock
python -m pip install --quiet --no-deps --no-build-isolation .
