"""Processes that train together: the work of one, whatever their number, also when the number changes on the way."""

import json
import signal

import numpy as np
import pandas as pd
import pytest
from commands import CGPIPE, run_command, torchrun

from cgpipe.data.tensors import load_tensors

_ROUNDING = 1e-9
"""Largest relative difference after 120 epochs in float64: sums are taken in another order, and steps pass it on."""


@pytest.fixture(scope="session")
def training(stages):
    """Arguments of a training in float64, long enough to be interrupted."""
    arguments = list(stages["train"])
    place = arguments.index("--section") + 1
    arguments[place] = json.dumps({**json.loads(arguments[place]), "n_epochs": 120, "precision": "float64"})
    return arguments


def _command(n_processes):
    return CGPIPE if n_processes == 1 else torchrun(n_processes)


def _train(arguments, folder, n_processes, **options):
    folder.mkdir(exist_ok=True)
    replaced = [folder / "history.csv" if argument == "HISTORY" else argument for argument in arguments]
    output = folder / "m.safetensors"
    return run_command([*replaced, "--output", output], command=_command(n_processes), **options)


@pytest.fixture(scope="session")
def alone(training, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    _train(training, folder, 1)
    return folder


def _assert_equal(folder, other):
    histories = [pd.read_csv(path / "history.csv") for path in (folder, other)]
    np.testing.assert_allclose(*histories, rtol=_ROUNDING)
    (weights, header), (others, other_header) = (load_tensors(path / "m.safetensors") for path in (folder, other))
    assert header["provenance"]["settings"] == other_header["provenance"]["settings"]
    for name, values in weights.items():
        np.testing.assert_allclose(others[name], values, rtol=_ROUNDING, atol=_ROUNDING * np.abs(values).max())


def test_two_processes_learn_what_one_learns(training, alone, tmp_path):
    _train(training, tmp_path, 2)
    _assert_equal(tmp_path, alone)
    assert {path.name for path in tmp_path.iterdir()} == {"m.safetensors", "history.csv"}


@pytest.mark.parametrize(("before", "after"), [(2, 1), (1, 2), (2, 3)])
def test_training_resumes_with_another_number_of_processes(training, alone, tmp_path, before, after):
    when = (tmp_path, ".m.safetensors.checkpoint")
    assert _train(training, tmp_path, before, kill_when=when, kill_by=signal.SIGTERM), "it ended before it was stopped"
    assert not (tmp_path / "m.safetensors").exists()
    _train(training, tmp_path, after)
    _assert_equal(tmp_path, alone)


def test_workflow_trains_with_as_many_as_the_config_says(edited):
    edited.write("config/config.yaml", {"systems": ["toy"], "seed": 7, "training_processes": 2})
    assert not edited.planned(), "another number of processes is no reason to train again"
    edited.run("--forcerun", "train", "--", "results/toy/train/fold0/model.safetensors")
    log = (edited.folder / "results" / "toy" / "logs" / "train0.log").read_text()
    assert log.count("train fold 0: 100 %") == 1, log
