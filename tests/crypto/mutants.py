"""Checks taken out of a module, one at a time: what a test of tests is made with."""

import ast
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Mutant:
    """A function of a module without one of its checks."""

    module: ModuleType
    owner: str  # class, or ""
    function: ast.FunctionDef
    what: str

    def __str__(self) -> str:
        place = ".".join(filter(None, (self.owner, self.function.name)))
        return f"{self.module.__name__.rpartition('.')[2]}.{place} without {self.what}"

    @contextmanager
    def alive(self) -> Iterator[None]:
        """The module with it instead of the original."""
        scope: dict[str, Any] = {}
        tree = ast.fix_missing_locations(ast.Module([self.function], []))
        exec(compile(tree, f"<{self}>", "exec"), self.module.__dict__, scope)  # noqa: S102  (our own code, less a check)
        holder = getattr(self.module, self.owner) if self.owner else self.module
        function = getattr(holder, self.function.name)
        original, function.__code__ = function.__code__, scope[self.function.name].__code__  # wherever it is imported
        try:
            yield
        finally:
            function.__code__ = original


def mutants(module: ModuleType) -> Iterator[Mutant]:
    """Every refusal that is reached by an `if`, and every operand of an `and` or `or` that decides one, left out."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    for node in tree.body:
        owner, found = (node.name, node.body) if isinstance(node, ast.ClassDef) else ("", [node])
        for function in found:
            if isinstance(function, ast.FunctionDef) and not _is_property(function):
                yield from (Mutant(module, owner, *one) for one in _without_a_check(function))


def _is_property(function: ast.FunctionDef) -> bool:
    return any(isinstance(one, ast.Name) for one in function.decorator_list)


def _without_a_check(function: ast.FunctionDef) -> Iterator[tuple[ast.FunctionDef, str]]:
    deciding = {
        id(one)
        for node in ast.walk(function)
        for decision in _decisions(node)
        for one in ast.walk(decision)
        if isinstance(one, ast.BoolOp)
    }
    for at, node in enumerate(ast.walk(function)):
        if isinstance(node, ast.If) and isinstance(node.body[-1], ast.Return | ast.Raise | ast.Expr):
            yield _changed(function, at, None), f"if {ast.unparse(node.test)}"
        if isinstance(node, ast.BoolOp) and id(node) in deciding:
            for number, operand in enumerate(node.values):
                if isinstance(operand, ast.Constant):
                    continue  # a default, no check
                yield _changed(function, at, number), ast.unparse(operand)


def _decisions(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.If() | ast.IfExp() | ast.While():
            return [node.test]
        case ast.Return(value=ast.expr() as value):
            return [value]
        case ast.comprehension():
            return node.ifs
    return []


def _changed(function: ast.FunctionDef, at: int, operand: int | None) -> ast.FunctionDef:
    """A copy whose node number `at` has lost that operand, or never holds."""
    other = copy.deepcopy(function)
    node = list(ast.walk(other))[at]
    if isinstance(node, ast.If):
        node.test = ast.Constant(False)
    elif isinstance(node, ast.BoolOp) and operand is not None:
        rest = [one for number, one in enumerate(node.values) if number != operand]
        node.values = rest * 2 if len(rest) == 1 else rest  # a BoolOp has two at least
    return other
