"""A project folder, and a call of the command line within it."""

import pytest

from cgpipe.cli.main import main


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty folder in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cgpipe(project, capsys):
    """Caller of a command that gives its exit status, output and errors."""

    def call(*arguments):
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    assert project.is_dir()
    return call
