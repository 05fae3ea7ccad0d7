"""Files and functions stay small enough to be read in one go, and their names say what is in them."""

import ast

import numpy as np

_DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc", "tools", "core"}


def _functions(source):
    return [node for node in ast.walk(source.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _length(function):
    return function.end_lineno - function.lineno + 1


def test_a_file_has_at_most_400_lines(source):
    assert source.n_lines <= 400


def test_nine_files_in_ten_are_below_250_lines(sources):
    assert np.mean([source.n_lines < 250 for source in sources]) >= 0.9


def test_a_function_has_at_most_60_lines(source):
    long = {function.name: _length(function) for function in _functions(source) if _length(function) > 60}
    assert not long, f"{source.path}: {long}"


def test_functions_are_small_as_a_rule(sources):
    lengths = [_length(function) for source in sources for function in _functions(source)]
    share = np.mean(np.array(lengths) <= 30)
    assert np.median(lengths) <= 10, f"the median function has {np.median(lengths)} lines"
    assert share >= 0.9, f"{share:.1%} of {len(lengths)} functions have at most 30 lines"


def test_no_module_is_a_drawer(source):
    assert not _DRAWERS & set(source.module.split("."))
