"""Whether the reports of one order (a pixel's, a server's) say the same."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from persistence.records import EventRecord
from resolvers import ids

TOLERANCE: Final = timedelta(hours=1)
"""Reports of one order may be this far apart in time before that is a conflict."""


class ReconciliationStatus(StrEnum):
    SINGLE_REPORT = "SINGLE_REPORT"
    AGREED = "AGREED"
    CONFLICT = "CONFLICT"


class ReportField(StrEnum):
    """In what reports of an order can contradict each other."""

    VALUE = "VALUE"
    CURRENCY = "CURRENCY"
    PROMO_CODE = "PROMO_CODE"
    HOUSEHOLD = "HOUSEHOLD"
    OCCURRED_AT = "OCCURRED_AT"


class ReportConflict(msgspec.Struct, frozen=True):
    """`reported` has one entry for each report, in their order; None where it says nothing."""

    field: ReportField
    reported: tuple[str | None, ...]


class Reconciliation(msgspec.Struct, frozen=True):
    """The report that counts is the first, unless it is older than events are kept."""

    reports: tuple[EventRecord, ...]
    reports_omitted: int
    status: ReconciliationStatus
    conflicts: tuple[ReportConflict, ...]


def reconciled(reports: Sequence[EventRecord], omitted: int) -> Reconciliation:
    """What a report leaves out contradicts nothing. Amounts in different currencies are not compared."""
    conflicts = tuple(
        ReportConflict(field, tuple(said(report) for report in reports))
        for field, (said, differs) in _FIELDS.items()
        if differs(reports)
    )
    if len(reports) == 1:
        status = ReconciliationStatus.SINGLE_REPORT
    else:
        status = ReconciliationStatus.CONFLICT if conflicts else ReconciliationStatus.AGREED
    return Reconciliation(tuple(reports), omitted, status, conflicts)


def _value(report: EventRecord) -> str | None:
    return None if report.value_minor is None else str(report.value_minor)


def _moment(report: EventRecord) -> str:
    return report.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _household(report: EventRecord) -> str:
    return ids.household_text(report.household)


def _apart(reports: Sequence[EventRecord]) -> bool:
    moments: list[datetime] = [report.occurred_at for report in reports]
    return bool(moments) and max(moments) - min(moments) > TOLERANCE


def _values_differ(reports: Sequence[EventRecord]) -> bool:
    said = {(report.currency, report.value_minor) for report in reports if report.value_minor is not None}
    return len(said) > len({currency for currency, _ in said})


def _differs(said: Callable[[EventRecord], str | None]) -> Callable[[Sequence[EventRecord]], bool]:
    return lambda reports: len({said(report) for report in reports} - {None}) > 1


def _currency(report: EventRecord) -> str | None:
    return report.currency


def _promo_code(report: EventRecord) -> str | None:
    return report.promo_code


_FIELDS: Final = {
    ReportField.VALUE: (_value, _values_differ),
    ReportField.CURRENCY: (_currency, _differs(_currency)),
    ReportField.PROMO_CODE: (_promo_code, _differs(_promo_code)),
    ReportField.HOUSEHOLD: (_household, _differs(_household)),
    ReportField.OCCURRED_AT: (_moment, _apart),
}
"""What each report says of a field, and whether reports contradict each other in it."""
