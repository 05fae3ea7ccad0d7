"""The command as a whole: help, errors, interruption."""

import subprocess
import sys
from importlib import import_module

import pytest

from cgpipe import __version__
from cgpipe.cli import main as module
from cgpipe.cli.main import COMMANDS, main


def test_help_imports_nothing_heavy():
    program = (
        "import sys\nfrom cgpipe.cli.main import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'numpy', 'openmm', 'mdtraj', 'pydantic'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


def test_help_lists_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(f"\n  {name} " in text for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_teaches_by_example(capsys, name):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert f"cgpipe {name}" in capsys.readouterr().out.replace("\n", " ").split("example")[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained(name):
    import argparse  # noqa: PLC0415 (only here)

    parser = argparse.ArgumentParser()
    import_module(f"cgpipe.cli.{name}").add_arguments(parser)
    assert [action.dest for action in parser._actions if not action.help and not action.choices] == []


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"cgpipe {__version__}\n"


def test_an_unknown_command_lists_the_known(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["trian"])
    assert stop.value.code == 2
    assert "train" in capsys.readouterr().err


def test_an_error_of_the_user_is_one_line_and_status_1(cgpipe):
    status, out, error = cgpipe("summary", "--comparisons", "nowhere.json", "--output", "summary.csv")
    assert (status, out) == (1, "")
    assert error.startswith("cgpipe summary: cannot read nowhere.json")
    assert error.count("\n") == 1


def test_an_interruption_says_how_to_go_on(cgpipe, monkeypatch):
    class Interrupted:
        __doc__ = "example"

        @staticmethod
        def add_arguments(_):
            pass

        @staticmethod
        def run(_):
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "import_module", lambda _: Interrupted)
    assert cgpipe("train") == (130, "", "cgpipe train: interrupted; the same command resumes it\n")
