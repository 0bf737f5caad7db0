"""An answer tells a bounded number of problems: the lists are priced by it."""

from datetime import UTC, datetime

from persistence.ids import TenantId
from resolvers.errors import InvalidInput, Problem
from resolvers.events.checks import MOST_PROBLEMS as MOST_OF_AN_EVENT
from resolvers.events.checks import EventChecks
from resolvers.events.identity import Households
from resolvers.events.incoming import IncomingEvent
from schema.errors import MOST_PROBLEMS, invalid_input_error


def test_an_input_with_more_problems_than_are_told_has_the_first() -> None:
    problems = [Problem(f"CODE_{number}", "Mend it.", ("input",)) for number in range(MOST_PROBLEMS + 50)]
    told = invalid_input_error(InvalidInput(problems)).problems
    assert [problem.code for problem in told] == [problem.code for problem in problems[:MOST_PROBLEMS]]
