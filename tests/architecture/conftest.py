"""The source of cgpipe as syntax trees; nothing of it is imported."""

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Source:
    """One file of the package."""

    path: Path
    """Relative to the repository."""
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """Dotted name, such as `cgpipe.data.files`; a package by its own name."""
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def part(self) -> str:
        """First name below `cgpipe`; empty for the package itself."""
        return f"{self.module}.".split(".")[1]

    @property
    def n_lines(self) -> int:
        """Lines of the file."""
        return len(self.text.splitlines())

    @property
    def imports(self) -> set[str]:
        """Dotted names of all modules that the file imports anywhere."""
        return {name for node in ast.walk(self.tree) for name in _imported(node)}

    @property
    def own_imports(self) -> set[str]:
        """Modules of cgpipe that the file imports."""
        return {name for name in self.imports if name.split(".")[0] == "cgpipe"}


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    assert not node.level, "relative imports hide the floor that they reach"
    modules = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if _is_module(name) else str(node.module) for name in modules]


def _is_module(name: str) -> bool:
    """Whether a dotted name is a file or folder of cgpipe, rather than a function in one."""
    path = _ROOT.joinpath(*name.split("."))
    return name.startswith("cgpipe.") and (path.is_dir() or path.with_suffix(".py").is_file())


def _read(path: Path) -> Source:
    text = path.read_text()
    return Source(path.relative_to(_ROOT), text, ast.parse(text))


_SOURCES = [_read(path) for path in sorted((_ROOT / "cgpipe").rglob("*.py"))]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that ask for `source` run once a file."""
    if "source" in metafunc.fixturenames:
        metafunc.parametrize("source", _SOURCES, ids=[str(source.path) for source in _SOURCES])


@pytest.fixture(scope="session")
def sources() -> list[Source]:
    return _SOURCES
