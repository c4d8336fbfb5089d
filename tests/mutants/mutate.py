"""Small changes of a module's behaviour, one at a time, made on its syntax tree. Pure."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add}
CHOICES = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change: its place, what was there and what is, and the module's new source."""

    module: str
    line: int
    kind: str
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """What survivors are listed by: it outlives edits elsewhere in the module."""
        return f"{self.module}: {self.kind}: {self.before} -> {self.after}"


def mutants(module: str, source: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    skipped = set(_unjudged(tree))
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in skipped:
            continue
        for kind, change in _changes(node):
            yield _mutant(module, tree, index, kind, change)


def _mutant(module: str, tree: ast.Module, index: int, kind: str, change: Change) -> Mutant:
    changed = copy.deepcopy(tree)
    node = next(node for position, node in enumerate(ast.walk(changed)) if position == index)
    before = ast.unparse(node)
    new = change(node)
    if new is not node:
        _replace(changed, node, new)
    after = ast.unparse(new)
    return Mutant(
        module, getattr(node, "lineno", 0), kind, _short(before), _short(after), ast.unparse(ast.fix_missing_locations(changed))
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:97]}..."


class Change:
    """A function on a copy of a node; what it returns stands in its place."""

    def __call__(self, node: ast.AST) -> ast.AST:
        """The node, changed, or another."""
        raise NotImplementedError


@dataclass(frozen=True)
class _To(Change):
    """Another node in its place."""

    new: ast.AST

    def __call__(self, node: ast.AST) -> ast.AST:
        return ast.copy_location(copy.deepcopy(self.new), node)


@dataclass(frozen=True)
class _Without(Change):
    """A part of a list of the node is left out."""

    fields: tuple[str, ...]
    position: int

    def __call__(self, node: ast.AST) -> ast.AST:
        for name in self.fields:
            del getattr(node, name)[self.position]
        if isinstance(node, ast.BoolOp) and len(node.values) == 1:
            return node.values[0]
        return node


@dataclass(frozen=True)
class _With(Change):
    """A field of the node has another value."""

    field: str
    value: object

    def __call__(self, node: ast.AST) -> ast.AST:
        setattr(node, self.field, self.value)
        return node


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    yield from _changes_of_values(node)
    yield from _changes_of_structure(node)


def _changes_of_values(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
            yield "comparison", _With("ops", [COMPARISONS[type(operator)]()])
        case ast.UnaryOp(op=ast.Not()):
            yield "not", _To(node.operand)
        case ast.BinOp() if type(node.op) in OPERATORS:
            yield "operator", _With("op", OPERATORS[type(node.op)]())
        case ast.Constant(value=bool() as value):
            yield "constant", _To(ast.Constant(not value))
        case ast.Constant(value=int() | float() as value):
            yield "constant", _To(ast.Constant(value + 1))
        case ast.Call(func=ast.Name(id=name)) if name in CHOICES:
            yield "choice", _With("func", ast.Name(CHOICES[name], ast.Load()))


def _changes_of_structure(node: ast.AST) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.BoolOp():
            for position in range(len(node.values)):
                yield "operand", _Without(("values",), position)
        case ast.If() | ast.IfExp():
            yield "condition", _With("test", ast.Constant(value=True))
            yield "condition", _With("test", ast.Constant(value=False))
        case ast.Dict():
            for position in range(len(node.keys)):
                yield "entry", _Without(("keys", "values"), position)
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Raise() | ast.Delete() | ast.Continue():
            yield "statement", _To(ast.Pass())
        case ast.comprehension(ifs=[_, *_]):
            yield "filter", _With("ifs", [])


def _unjudged(tree: ast.Module) -> Iterator[int]:
    """Nodes whose change is no behaviour, or not one that a test should fix: annotations, logs, texts, names of a module."""
    for node in ast.walk(tree):
        for part in _texts(node):
            for inner in ast.walk(part):
                yield id(inner)


def _texts(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
        yield node.annotation
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        yield from (part for part in (node.returns, *node.decorator_list) if part is not None)
    if isinstance(node, ast.ClassDef):
        yield from node.decorator_list
    if isinstance(node, ast.Expr) and (_is_log(node.value) or isinstance(node.value, ast.Constant)):
        yield node
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.keyword) and node.arg == "extra"):
        yield node  # a text, or the fields of a log line
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("TypeVar", "field", "NewType"):
        yield node


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log.")


def _replace(tree: ast.AST, old: ast.AST, new: ast.AST) -> None:
    for parent in ast.walk(tree):
        for name, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, name, new)
                return
            if isinstance(value, list) and any(item is old for item in value):
                setattr(parent, name, [new if item is old else item for item in value])
                return
