"""How `podgraph schema check` exits."""

import pytest

from gateway.schema_changes.report import OUTDATED
from tests.gateway.schema_changes.checkout import ADDED, BEFORE, PRICED, REMOVED, Checkout


def test_nothing_changed_passes(checkout: Checkout) -> None:
    result = checkout.run(["check"], BEFORE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0 breaking, 0 dangerous, 0 safe." in result.stdout


def test_a_safe_change_with_its_snapshot_passes(checkout: Checkout) -> None:
    checkout.snapshot.write_text(ADDED, encoding="utf-8")
    result = checkout.run(["check"], ADDED)
    assert result.exit_code == 0
    assert "Field Query.episodes was added." in result.stdout


def test_a_dangerous_change_passes(checkout: Checkout) -> None:
    checkout.snapshot.write_text(PRICED, encoding="utf-8")
    assert checkout.run(["check"], PRICED).exit_code == 0


def test_a_breaking_change_exits_1(checkout: Checkout) -> None:
    checkout.snapshot.write_text(REMOVED, encoding="utf-8")
    result = checkout.run(["check"], REMOVED)
    assert (result.exit_code, result.stderr) == (1, "")
    assert "Field Query.old was removed." in result.stdout


def test_an_old_snapshot_exits_2_and_says_what_to_run(checkout: Checkout) -> None:
    result = checkout.run(["check"], ADDED)
    assert (result.exit_code, result.stderr) == (2, OUTDATED + "\n")
    assert OUTDATED.endswith("run podgraph schema print --out schema/schema.graphql")


def test_a_missing_snapshot_is_out_of_date(checkout: Checkout) -> None:
    checkout.snapshot.unlink()
    assert checkout.run(["check"], BEFORE).exit_code == 2


def test_a_break_wins_over_an_old_snapshot_and_both_are_told(checkout: Checkout) -> None:
    result = checkout.run(["check"], REMOVED)
    assert (result.exit_code, result.stderr) == (1, OUTDATED + "\n")
    assert "Field Query.old was removed." in result.stdout


def test_a_deprecation_without_a_date_exits_1(checkout: Checkout) -> None:
    after = BEFORE.replace("old: Int", 'old: Int @deprecated(reason: "Use podcasts instead.")')
    checkout.snapshot.write_text(after, encoding="utf-8")
    result = checkout.run(["check"], after)
    assert result.exit_code == 1
    assert "must name the date of removal as YYYY-MM-DD" in result.stdout


@pytest.mark.parametrize("arguments", [["check", "--unknown"], ["check", "extra"], ["chek"], ["--unknown"]])
def test_a_wrong_command_line_is_not_taken_for_an_old_snapshot(bare: Checkout, arguments: list[str]) -> None:
    assert bare.run(arguments, BEFORE).exit_code == 64
