"""Documents are true: every path, module, make target, test and link that they name exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "operator" / "modelmatrix"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("e2e/**/README.md"),
        *ROOT.glob("manifests/**/README.md"),
        ROOT / "tests" / "reference" / "README.md",
    ]
)
SUFFIXES = (".py", ".md", ".yaml", ".toml", ".svg", ".importlinter")
# Files that a reader has and the repository does not: arguments in examples.
EXAMPLES = frozenset({"nodes.yaml", "pools.yaml"})

FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(r"[\w.*{},/-]+")
MODULE = re.compile(r"\bmodelmatrix(?:\.\w+)+")
MAKE = re.compile(r"\bmake((?: [a-z]+)+)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TOP = frozenset(path.name for base in (ROOT, PACKAGE) for path in base.iterdir() if path.is_dir())


def spans(text: str) -> list[str]:
    return SPAN.findall(FENCE.sub("", text))


def paths(text: str) -> Iterator[str]:
    """Spans like ``planning/plan.py``, ``planning/plan.py::plan``, ``docs/design/*.md`` or ``e2e/engines/``."""
    for span in spans(text):
        path = span.partition("::")[0]
        if not PATH.fullmatch(path) or path in EXAMPLES:
            continue
        if ("/" in path and path.split("/")[0] in TOP) or path.endswith(SUFFIXES):
            yield span


def modules(text: str) -> Iterator[str]:
    for name in MODULE.findall(text):
        if not name.startswith("modelmatrix.io"):
            yield name


def targets(text: str) -> Iterator[str]:
    """Targets in spans and in fences: ``make check test``."""
    code = [*spans(text), *(match.group() for match in FENCE.finditer(text))]
    for piece in code:
        for names in MAKE.findall(piece):
            yield from names.split()


def links(text: str) -> Iterator[str]:
    for link in LINK.findall(FENCE.sub("", text)):
        if "://" not in link:
            yield link


@cache
def defined(path: Path) -> frozenset[str]:
    """Functions, classes, methods (``Class.method``) and constants of a module."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{name}" for name in inner}
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return frozenset(names)


def hits(path: str, page: Path) -> list[Path]:
    """What a path stands for: below the repository, below the package, or beside the page."""
    return [hit for base in (ROOT, PACKAGE, page.parent) for hit in base.glob(path.rstrip("/"))]


def alternatives(path: str) -> list[str]:
    """The paths that ``a/{b,c}.py`` stands for."""
    match = re.search(r"\{([^}]*)\}", path)
    if match is None:
        return [path]
    return [path[: match.start()] + inner + path[match.end() :] for inner in match[1].split(",")]


def path_exists(span: str, page: Path) -> bool:
    path, _, symbol = span.partition("::")
    every = [hits(alternative, page) for alternative in alternatives(path)]
    return all(every) and (not symbol or symbol in defined(every[0][0]))


def module_exists(name: str) -> bool:
    parts, base = name.split(".")[1:], PACKAGE
    while parts and (base / parts[0]).is_dir():
        base = base / parts.pop(0)
    if not parts:
        return True
    module = base / f"{parts.pop(0)}.py"
    return module.is_file() and (not parts or parts[0] in defined(module))


def link_resolves(link: str, page: Path) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """Anchors of headings, as GitHub makes them."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_every_path_and_every_name_in_a_file_exists(page: Path) -> None:
    assert [span for span in paths(page.read_text(encoding="utf-8")) if not path_exists(span, page)] == []


def test_every_module_exists(page: Path) -> None:
    assert [name for name in modules(page.read_text(encoding="utf-8")) if not module_exists(name)] == []


def test_every_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    missing = [
        name for name in targets(page.read_text(encoding="utf-8")) if not re.search(rf"^{name}:", makefile, re.MULTILINE)
    ]
    assert missing == []


def test_every_link_resolves(page: Path) -> None:
    assert [link for link in links(page.read_text(encoding="utf-8")) if not link_resolves(link, page)] == []


@pytest.mark.parametrize("find", [paths, modules, targets, links])
def test_the_patterns_find_something(find: Callable[[str], Iterator[str]]) -> None:
    """A change of style must not switch the tests off."""
    assert any(True for page in PAGES for _ in find(page.read_text(encoding="utf-8")))


def test_every_failure_mode_names_its_test_or_says_that_there_is_none() -> None:
    rows = re.findall(r"^\| (.+) \|$", (ROOT / "docs" / "failure-modes.md").read_text(encoding="utf-8"), re.MULTILINE)
    cells = [row.split(" | ")[-1] for row in rows if not row.startswith("failure |")]
    assert [cell for cell in cells if "::test_" not in cell and cell != "not tested"] == []
