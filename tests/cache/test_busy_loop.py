"""A process that was too busy to listen asks again; one whose Redis does not answer does not."""

import time

import pytest
from redis.exceptions import TimeoutError

from cache.busy_loop import answered
from cache.redis import TIMEOUT


class Question:
    """It times out at first, after the event loop has stood still for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.times = 0

    async def __call__(self) -> int:
        self.times += 1
        if self.times == 1:
            time.sleep(self._seconds)  # noqa: ASYNC251 - the loop shall stand still
            raise TimeoutError
        return 7


async def test_answer_that_came_while_the_loop_stood_still_is_asked_for_again() -> None:
    question = Question(2 * TIMEOUT)
    assert await answered(question) == 7
    assert question.times == 2


async def test_time_out_in_time_is_one() -> None:
    question = Question(TIMEOUT)
    with pytest.raises(TimeoutError):
        await answered(question)
    assert question.times == 1
