"""Mutants are valid, differ from the module and from each other, and tests of a broken module notice."""

from __future__ import annotations

import ast
import textwrap

import pytest

from mutants.judge import is_killed
from mutants.modules import OPERATOR, safety_modules, stages
from mutants.mutate import Mutant, mutants

SOURCE = textwrap.dedent('''
    """Text."""
    LIMIT = 3

    def act(number: int, known: dict[str, int]) -> dict[str, int]:
        """Text."""
        if number < LIMIT and not known:
            _log.info("nothing is known")
            return {"number": number, "limit": LIMIT + 1}
        known.clear()
        return min(known, {})
''')


def test_every_kind_of_change_is_made_once() -> None:
    made = [(mutant.kind, mutant.before, mutant.after) for mutant in mutants("m.py", SOURCE)]
    assert len(made) == len(set(made)) == 13
    expected = {
        ("comparison", "number < LIMIT", "number <= LIMIT"),
        ("operand", "number < LIMIT and (not known)", "not known"),
        ("operand", "number < LIMIT and (not known)", "number < LIMIT"),
        ("not", "not known", "known"),
        ("entry", "{'number': number, 'limit': LIMIT + 1}", "{'limit': LIMIT + 1}"),
        ("operator", "LIMIT + 1", "LIMIT - 1"),
        ("constant", "3", "4"),
        ("statement", "known.clear()", "pass"),
        ("choice", "min(known, {})", "max(known, {})"),
    }
    assert expected <= set(made)
    assert not [mutant for mutant in made if "_log" in mutant[1] and mutant[0] == "statement"]


def test_all_mutants_of_safety_modules_can_be_compiled_and_differ() -> None:
    for module in safety_modules()[::7]:
        source = (OPERATOR / module).read_text(encoding="utf-8")
        before = ast.dump(ast.parse(source))
        for mutant in mutants(module, source):
            assert ast.dump(ast.parse(mutant.source)) != before, mutant.name


def test_every_safety_module_has_tests() -> None:
    assert len(safety_modules()) > 20
    assert [module for module in safety_modules() if not stages(module)] == []


@pytest.mark.parametrize(("old", "new", "killed"), [("2 * before.seconds", "before.seconds", True), ("", "", False)])
def test_a_mutant_is_judged_by_the_tests_of_its_module(
    old: str, new: str, *, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "cluster/writers/backoff.py"
    monkeypatch.setattr("mutants.judge.stages", lambda _: stages(module)[:1])
    source = (OPERATOR / module).read_text(encoding="utf-8").replace(old, new) if old else (OPERATOR / module).read_text()
    assert is_killed(Mutant(module, 1, "constant", old, new, source)) is killed
