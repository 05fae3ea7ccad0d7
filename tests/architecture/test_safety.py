"""No file that cgpipe reads can run code: nothing is unpickled and nothing is evaluated."""

import ast

import pytest

_UNSAFE_MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
_UNSAFE_NAMES = {"eval", "exec"}
_UNSAFE_ATTRIBUTES = {("torch", "load"), ("torch", "save"), ("yaml", "load"), ("yaml", "unsafe_load")}


def _unsafe(tree):
    return [text for node in ast.walk(tree) for text in _complaints(node)]


def _complaints(node):
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        names = [getattr(node, "module", None) or "", *(alias.name for alias in node.names)]
        yield from (name for name in names if name.split(".")[0] in _UNSAFE_MODULES)
    elif isinstance(node, ast.Name) and node.id in _UNSAFE_NAMES:
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if (node.value.id, node.attr) in _UNSAFE_ATTRIBUTES:
            yield f"{node.value.id}.{node.attr}"
    elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
        yield "allow_pickle"


def test_nothing_is_unpickled_or_evaluated(source):
    assert not _unsafe(source.tree)


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from pickle import loads",
        "eval('1')",
        "exec('1')",
        "torch.load('x')",
        "np.load('x', allow_pickle=True)",
        "np.load('x', allow_pickle=flag)",
    ],
)
def test_the_rule_itself_sees(text):
    assert _unsafe(ast.parse(text))


@pytest.mark.parametrize("text", ["model.eval()", "np.load('x', allow_pickle=False)", "yaml.safe_load(t)"])
def test_the_rule_itself_allows(text):
    assert not _unsafe(ast.parse(text))
