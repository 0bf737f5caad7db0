"""What a check makes of what clients used: 1 June 2026 is today."""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.schema_changes.usage import ElementUsers, UnreadableUsage, Usage, usage_from
from tests.gateway.schema_changes.checkout import BEFORE, REMOVED, Checkout

TODAY = date(2026, 6, 1)
NO_DATA = "There is no usage data: every removal counts as one that somebody may depend on."


def days_ago(number: int) -> date:
    return TODAY - timedelta(days=number)


def used(coordinate: str, client: str, version: str, ago: int) -> ElementUsers:
    return ElementUsers(coordinate, client, version, days_ago(ago), 7)


def file(folder: Path, *elements: ElementUsers, first: int = 200, last: int = 0) -> str:
    usage = Usage(days_ago(first), days_ago(last), elements)
    path = folder / "usage.json"
    path.write_text(
        json.dumps(
            {
                "firstDay": usage.first_day.isoformat(),
                "lastDay": usage.last_day.isoformat(),
                "format": usage.format,
                "version": usage.version,
                "elements": [
                    {
                        "coordinate": each.coordinate,
                        "client": each.client,
                        "version": each.version,
                        "lastDay": each.last_day.isoformat(),
                        "uses": each.uses,
                    }
                    for each in elements
                ],
            }
        )
    )
    return str(path)


def check(checkout: Checkout, usage: str | None, *arguments: str, after: str = REMOVED) -> tuple[int, str]:
    checkout.snapshot.write_text(after, encoding="utf-8")
    given = ["check", "--against", "main", *(["--usage", usage] if usage else []), *arguments]
    result = checkout.run(given, after)
    return result.exit_code, " ".join(result.stdout.replace("│", " ").split())


def test_removal_of_what_nobody_used_for_long_enough_passes(checkout: Checkout, tmp_path: Path) -> None:
    usage = file(tmp_path, used("Query.podcasts", "web", "2", 0), used("Query.old", "web", "1", 92))
    status, told = check(checkout, usage)
    assert status == 0
    assert "Field Query.old was removed. Allowed: nobody has used it for 92 days." in told
    assert "no usage data" not in told


def test_removal_of_what_was_never_used_says_since_when_it_was_counted(checkout: Checkout, tmp_path: Path) -> None:
    status, told = check(checkout, file(tmp_path, first=150))
    assert status == 0
    assert "Allowed: nobody has used it for 150 days." in told


@pytest.mark.parametrize(("days", "status"), [("92", 0), ("93", 1)])
def test_days_are_as_asked(checkout: Checkout, tmp_path: Path, days: str, status: int) -> None:
    usage = file(tmp_path, used("Query.old", "web", "1", 92))
    assert check(checkout, usage, "--unused-days", days)[0] == status


def test_removal_of_what_is_used_tells_by_whom_and_when_last(checkout: Checkout, tmp_path: Path) -> None:
    versions = [used("Query.old", "ios", f"1.{number}", 10 + number) for number in range(5)]
    status, told = check(checkout, file(tmp_path, used("Query.old", "unknown", "", 3), *versions))
    assert status == 1
    assert (
        "Used: by unknown (last on 2026-05-29), ios 1.0 (last on 2026-05-22), ios 1.1 (last on 2026-05-21),"
        " ios 1.2 (last on 2026-05-20), ios 1.3 (last on 2026-05-19) and 1 more." in told
    )


def test_change_within_what_is_used_tells_who_uses_it(checkout: Checkout, tmp_path: Path) -> None:
    after = BEFORE.replace("old: Int", "old(unit: Int!): Int")
    status, told = check(checkout, file(tmp_path, used("Query.old", "ios", "1", 4)), after=after)
    assert status == 1
    assert "Used: Query.old by ios 1 (last on 2026-05-28)." in told


def test_without_usage_the_check_says_so_and_stays_strict(checkout: Checkout) -> None:
    status, told = check(checkout, None)
    assert (status, NO_DATA in told) == (1, True)


def test_nothing_breaks_and_usage_is_not_spoken_of(checkout: Checkout) -> None:
    assert NO_DATA not in check(checkout, None, after=BEFORE)[1]


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        (
            89,
            0,
            "Usage has been counted since 2026-03-04 only, for less than 90 days: it proves nothing yet.",
        ),
        (300, 8, "The usage data ends on 2026-05-24: it proves nothing about today."),
    ],
)
def test_evidence_that_is_too_young_or_too_old_proves_nothing(
    checkout: Checkout, tmp_path: Path, first: int, last: int, told: str
) -> None:
    status, said = check(checkout, file(tmp_path, first=first, last=last))
    assert (status, told in said) == (1, True)


@pytest.mark.parametrize(("first", "last"), [(90, 0), (300, 7)])
def test_evidence_at_the_edge_counts(checkout: Checkout, tmp_path: Path, first: int, last: int) -> None:
    assert check(checkout, file(tmp_path, first=first, last=last))[0] == 0


def test_directives_are_not_counted_and_so_not_unused(checkout: Checkout, tmp_path: Path) -> None:
    checkout.commit(BEFORE + "directive @old on FIELD\n")
    status, told = check(checkout, file(tmp_path), after=BEFORE)
    assert status == 1
    assert "@old" in told


def test_type_that_is_used_through_what_stays_is_not_forgotten(checkout: Checkout, tmp_path: Path) -> None:
    before = "type Query { show: Show old: Old }\ntype Show { a: Int }\ntype Old { a: Int }\n"
    checkout.commit(before)
    after = "type Query { show: Int }\n"
    status, told = check(checkout, file(tmp_path, used("Query.show", "web", "1", 1), used("Show", "web", "1", 1)),
                         after=after)  # fmt: skip
    assert status == 1
    assert "Old was removed. Allowed: nobody has used it for 200 days." in told
    assert "Show was removed. Used: by web 1 (last on 2026-05-31)." in told


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"firstDay": "2026-01-01", "lastDay": "2026-01-01", "elements": [], "version": 2}']
)
def test_file_that_is_no_usage_is_nothing_to_judge_by(checkout: Checkout, tmp_path: Path, content: str) -> None:
    path = tmp_path / "usage.json"
    path.write_text(content)
    assert check(checkout, str(path))[0] == 3
    with pytest.raises(UnreadableUsage):
        usage_from(content.encode(), "usage.json")


def test_missing_file_is_nothing_to_judge_by(checkout: Checkout, tmp_path: Path) -> None:
    result = checkout.run(["check", "--usage", str(tmp_path / "nothing")], BEFORE)
    assert result.exit_code == 3
    assert result.stderr.startswith(f"{tmp_path / 'nothing'} cannot be read: No such file or directory")


def recorded(days: int, today: date) -> Any:
    assert (days, today) == (400, TODAY)
    return Usage(days_ago(120), TODAY, (used("Query.podcasts", "web", "1", 0),))


def test_database_is_asked_for_usage(checkout: Checkout) -> None:
    checkout.snapshot.write_text(REMOVED, encoding="utf-8")
    result = checkout.run(["check", "--against", "main", "--usage", "database"], REMOVED, recorded=recorded)
    assert result.exit_code == 0
    assert "nobody has used it for 120 days" in " ".join(result.stdout.split())


def test_what_usage_writes_check_reads(checkout: Checkout, tmp_path: Path) -> None:
    path = tmp_path / "written.json"
    result = checkout.run(["usage", "--out", str(path)], BEFORE, recorded=recorded)
    told = "1 elements, used by 1 versions of clients from 2026-02-01 to 2026-06-01.\n"
    assert (result.exit_code, result.stdout) == (0, told)
    assert usage_from(path.read_bytes(), "written") == recorded(400, TODAY)
    assert checkout.run(["usage"], BEFORE, recorded=recorded).stdout == path.read_text()
    assert check(checkout, str(path))[0] == 0


def test_nothing_counted_is_nothing_to_write(checkout: Checkout) -> None:
    result = checkout.run(["usage"], BEFORE, recorded=lambda days, today: None)
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == "Nothing was counted yet: usage is written by a running gateway.\n"
