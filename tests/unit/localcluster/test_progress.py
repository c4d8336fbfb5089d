"""A log stays readable, a terminal shows a counter."""

from __future__ import annotations

import io
import itertools

import pytest

from localcluster.progress import Progress


def progress(*, live: bool) -> tuple[Progress, io.StringIO]:
    stream = io.StringIO()
    return Progress(stream, live=live, clock=itertools.count(0.0, 1.5).__next__), stream


def test_without_a_terminal_a_step_is_one_line() -> None:
    told, stream = progress(live=False)
    with told.step("build etcd") as step:
        for count in range(100):
            step.update(f"{count} packages compiled")
        step.outcome = "built"
    (line,) = stream.getvalue().splitlines()
    assert line.split()[:3] == ["build", "etcd", "built"]
    assert line.endswith(" s")
    assert not {"\r", "\x1b"} & set(stream.getvalue())


def test_on_a_terminal_the_counter_is_overwritten_and_nothing_of_it_stays() -> None:
    told, stream = progress(live=True)
    with told.step("build etcd") as step:
        step.update("7 packages compiled")
    shown = [line.rpartition("\r\x1b[K")[2] for line in stream.getvalue().split("\n")[:-1]]
    assert "7 packages compiled" in stream.getvalue()
    assert [line.split()[:3] for line in shown] == [["build", "etcd", "done"]]


@pytest.mark.parametrize("live", [True, False])
def test_a_step_that_fails_is_not_told_as_done(*, live: bool) -> None:
    told, stream = progress(live=live)
    with pytest.raises(RuntimeError), told.step("build etcd"):
        raise RuntimeError
    assert "done" not in stream.getvalue()


def test_a_remark_does_not_mix_with_the_counter() -> None:
    told, stream = progress(live=True)
    with told.step("build etcd"):
        told.say("somebody else builds it")
    assert "somebody else builds it" in [line.rpartition("\r\x1b[K")[2] for line in stream.getvalue().split("\n")[:-1]]
