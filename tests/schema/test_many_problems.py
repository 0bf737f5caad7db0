"""An answer tells a bounded number of problems: the lists are priced by it."""

import pytest

from resolvers.errors import InvalidInput, Problem
from resolvers.events.checks import MOST_PROBLEMS as MOST_OF_AN_EVENT
from resolvers.events.checks import EventChecks
from resolvers.events.incoming import IncomingEvent
from schema.errors import MOST_PROBLEMS, _invalid
from tests.resolvers.events.test_checks import HOUSEHOLDS, NOW, TENANT


def test_an_input_with_more_problems_than_are_told_has_the_first() -> None:
    problems = [Problem(f"CODE_{number}", "Mend it.", ("input",)) for number in range(MOST_PROBLEMS + 50)]
    told = _invalid(InvalidInput(problems)).problems
    assert [problem.code for problem in told] == [problem.code for problem in problems[:MOST_PROBLEMS]]


@pytest.mark.parametrize("type_", ["PURCHASE", "VISIT", "AD_DELIVERED", "NOTHING", ""])
def test_an_event_of_which_all_is_wrong_has_fewer_problems_than_it_is_priced_for(type_: str) -> None:
    wrong = IncomingEvent("", type_, "x", "x", "x", "x", "x", "x" * 300, 0.5, "x", "x" * 300)
    found = EventChecks(TENANT, HOUSEHOLDS, NOW, 25).checked(wrong)
    assert isinstance(found, tuple)
    assert 5 < len(found) <= MOST_OF_AN_EVENT
