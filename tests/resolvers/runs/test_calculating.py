"""Calculations in a process of their own, which ends with them whatever happens."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from resolvers.attribution.paths import PathCounts
from resolvers.attribution.registry import chosen, models
from resolvers.errors import InvalidInput
from resolvers.runs.calculating import CalculationDefect, CalculationLost, calculated
from resolvers.runs.calculations import CreditCalculation, ModelChoice, RemovalCalculation

PATHS = PathCounts(
    node_count=3,
    nodes=np.array([0, 1, 2, 1, 2, 2], np.int32),
    offsets=np.array([0, 3, 5, 6, 6]),
    conversions=np.array([5, 2, 0, 1]),
    nulls=np.array([1, 0, 4, 0]),
    values={"EUR": np.array([700, 0, 0, 30])},
    ages=np.array([30, 20, 10, 7200, 60, 5]),
)


class Sleeping(msgspec.Struct, frozen=True):
    """Says which process it is, and sleeps."""

    note: str
    seconds: float = 60.0

    def result(self) -> None:
        Path(self.note).write_text(str(os.getpid()))
        time.sleep(self.seconds)


class Dying(msgspec.Struct, frozen=True):
    def result(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Printing(msgspec.Struct, frozen=True):
    def result(self) -> dict[str, str]:
        print("not an answer")
        return dict(os.environ)


class Broken(msgspec.Struct, frozen=True):
    def result(self) -> None:
        raise ZeroDivisionError("a defect")


def noted(note: Path) -> int | None:
    text = note.read_text() if note.exists() else ""
    return int(text) if text else None


def lives(process: int | None) -> bool:
    return process is not None and Path(f"/proc/{process}").exists()


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the calculating process import this module, which is no part of what is installed."""
    start = asyncio.create_subprocess_exec

    async def with_tests(program: str, *arguments: str, **options: Any) -> asyncio.subprocess.Process:
        shown = [argument for argument in arguments if argument != "-I"]
        return await start(program, *shown, **{**options, "cwd": str(Path(__file__).parents[3])})

    monkeypatch.setattr(asyncio, "create_subprocess_exec", with_tests)


@pytest.mark.parametrize("kind", list(models()))
async def test_another_process_calculates_the_same(kind: str) -> None:
    choice = ModelChoice.of(chosen(kind, None, {}))
    assert await calculated(CreditCalculation((choice,), PATHS), 30.0) == [choice.model().credits(PATHS)]


async def test_removal_effects_come_back() -> None:
    calculation = RemovalCalculation(frozenset({0, 2}), PATHS)
    assert await calculated(calculation, 30.0) == calculation.result()


async def test_what_a_model_refuses_comes_back_as_its_problem() -> None:
    choice = ModelChoice("LINEAR", 99, {})
    with pytest.raises(InvalidInput) as refused:
        await calculated(CreditCalculation((choice,), PATHS), 30.0)
    assert refused.value.problems[0].code == "UNKNOWN_MODEL"


@pytest.mark.usefixtures("importable")
async def test_defect_comes_back_with_its_traceback() -> None:
    with pytest.raises(CalculationDefect, match="ZeroDivisionError: a defect"):
        await calculated(Broken(), 30.0)


@pytest.mark.usefixtures("importable")
async def test_process_that_is_killed_is_told_from_one_that_answers() -> None:
    with pytest.raises(CalculationLost):
        await calculated(Dying(), 30.0)


@pytest.mark.usefixtures("importable")
async def test_process_has_no_environment_and_what_it_prints_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODGRAPH_AUTH__HASH_KEY", "a secret")
    assert "PODGRAPH_AUTH__HASH_KEY" not in await calculated(Printing(), 30.0)


@pytest.mark.usefixtures("importable")
async def test_cancelling_ends_the_process(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    work = asyncio.create_task(calculated(Sleeping(str(note)), 60.0))
    async with asyncio.timeout(10):
        while noted(note) is None:
            await asyncio.sleep(0.01)
    assert lives(noted(note))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not lives(noted(note))


@pytest.mark.usefixtures("importable")
async def test_time_is_bounded(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(TimeoutError):
        await calculated(Sleeping(str(note)), 0.5)
    assert not lives(noted(note))
