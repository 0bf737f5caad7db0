"""What a calculating process reads and answers, without the process."""

import io
from typing import Any

import msgspec
import numpy as np
import pytest

from resolvers.attribution.paths import PathCounts
from resolvers.attribution.registry import chosen
from resolvers.errors import Problem, invalid
from resolvers.runs.calculations import CreditCalculation, ModelChoice
from resolvers.runs.calculator import answer
from resolvers.runs.messages import Defect, Refusal, Result, received, sent

PATHS = PathCounts(
    node_count=2,
    nodes=np.array([0, 1, 1], np.int32),
    offsets=np.array([0, 2, 3]),
    conversions=np.array([5, 2]),
    nulls=np.array([1, 0]),
    values={"EUR": np.array([700, 30])},
)
LINEAR = CreditCalculation((ModelChoice.of(chosen("LINEAR", None, {})),), PATHS)


class Raising(msgspec.Struct, frozen=True):
    error: Exception

    def result(self) -> None:
        raise self.error


def written(calculation: Any) -> bytes:
    return b"".join(sent(calculation))


def test_calculation_is_read_as_it_was_sent() -> None:
    calculation = received(io.BytesIO(written(LINEAR)))
    assert calculation is not None
    assert calculation.result() == LINEAR.result()


@pytest.mark.parametrize("missing", [1, 100, 10_000])
def test_calculation_that_was_cut_off_is_none(missing: int) -> None:
    assert received(io.BytesIO(written(LINEAR)[:-missing])) is None


def test_answer_is_the_result_the_refusal_or_the_defect() -> None:
    assert answer(LINEAR) == Result(LINEAR.result())
    assert answer(Raising(invalid("TOO_LONG", "Shorten it.", "from"))) == Refusal(
        (Problem("TOO_LONG", "Shorten it.", ("from",)),)
    )
    defect = answer(Raising(ZeroDivisionError("a defect")))
    assert isinstance(defect, Defect)
    assert defect.traceback.endswith("ZeroDivisionError: a defect\n")
