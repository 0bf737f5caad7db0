"""A process that calculates one thing and ends: `python -m resolvers.runs.calculator SECONDS`.

Its standard input holds the calculation and its standard output the answer. It has an empty environment and a session
of its own; the kernel ends it after SECONDS, should the server that started it be gone.
"""

import os
import pickle
import signal
import sys
import traceback
from contextlib import suppress
from typing import Any

from resolvers.errors import InvalidInput
from resolvers.runs.calculations import Calculation
from resolvers.runs.messages import Answer, Defect, Refusal, Result, received

_NICENESS = 5


def answer(calculation: Calculation[Any]) -> Answer:
    try:
        return Result(calculation.result())
    except InvalidInput as refusal:
        return Refusal(refusal.problems)
    except Exception:
        return Defect(traceback.format_exc())


def main() -> None:
    signal.alarm(int(sys.argv[1]))  # its default action is the kernel's: no code of ours can hold it up
    os.nice(_NICENESS)  # the event loop comes first
    with suppress(BrokenPipeError), os.fdopen(os.dup(1), "wb") as sink:
        os.dup2(2, 1)  # nothing that anybody prints may look like an answer
        calculation = received(sys.stdin.buffer)
        if calculation is not None:
            sink.write(pickle.dumps(answer(calculation)))


if __name__ == "__main__":
    main()
