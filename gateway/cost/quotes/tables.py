"""Quotes and verdicts for people: terminal tables, Markdown and JSON."""

from collections.abc import Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from gateway.cost.bill import Bill
from gateway.cost.points import ONE, readable, shown
from gateway.cost.quotes.comparison import Verdict
from gateway.cost.quotes.price_list import Quote
from resolvers.billing.plans import Plan

_SECONDS: Final = 60
_SELDOM: Final = 10


def bill_table(bill: Bill) -> Table:
    """What each part costs, the dearest first; it sums up to the price."""
    table = Table(title="Bill")
    table.add_column("path", overflow="fold")
    table.add_column("of", overflow="fold")
    for column in ("times", "points each", "points"):
        table.add_column(column, justify="right")
    for line in bill.lines:
        table.add_row(
            Text(line.path),
            Text(line.coordinate),
            f"{line.multiplier:,}",
            readable(line.weight),
            readable(line.subtotal),
        )
    return table


def plans_table(quote: Quote, plans: Sequence[Plan]) -> Table:
    """What the operation means on each plan."""
    table = Table(title="Plans")
    table.add_column("plan")
    for column in ("at most", "a minute", "at once"):
        table.add_column(column, justify="right")
    table.add_column("verdict", overflow="fold")
    for plan in plans:
        refusal = quote.refusal(plan)
        verdict = Text("fits", style="green") if refusal is None else Text(refusal, style="red")
        often = ("", "") if refusal else (f"{per_minute(quote, plan):,}", f"{at_once(quote, plan):,}")
        table.add_row(plan.name, f"{plan.max_query_cost:,}", *often, verdict)
    return table


def per_minute(quote: Quote, plan: Plan) -> int | float:
    """How often a minute the plan's budget pays for the operation, for as long as one likes; below ten with a tenth."""
    tenths = plan.restore_rate * ONE * _SECONDS * 10 // max(quote.cost, 1)
    often = tenths // 10
    return often if often >= _SELDOM else tenths / 10


def at_once(quote: Quote, plan: Plan) -> int:
    """How often a full budget of the plan pays for the operation."""
    return plan.capacity * ONE // max(quote.cost, 1)


def quote_json(quote: Quote, plans: Sequence[Plan]) -> dict[str, Any]:
    """The same as plain values, in the words of `extensions.cost`."""
    return {
        "operation": quote.name or None,
        "kind": quote.kind,
        "requestedQueryCost": shown(quote.cost),
        "assumed": list(quote.assumed),
        "bill": [line.shown() for line in quote.price.bill().lines],
        "plans": [_plan_json(quote, plan) for plan in plans],
    }


def _plan_json(quote: Quote, plan: Plan) -> dict[str, Any]:
    refusal = quote.refusal(plan)
    often = {} if refusal else {"perMinute": per_minute(quote, plan), "atOnce": at_once(quote, plan)}
    return {"name": plan.name, "maximumQueryCost": plan.max_query_cost, "fits": refusal is None, "why": refusal} | often


def verdict_table(found: Sequence[Verdict], *, compared: bool) -> Table:
    """A row for each operation."""
    table = Table()
    for column, aligned in _columns(compared):
        table.add_column(column, justify="right" if aligned else "left", overflow="fold")
    for verdict in found:
        *cells, last = _cells(verdict, compared)
        table.add_row(*map(Text, cells), Text(last, style="red" if verdict.problem else "green"))
    return table


def verdict_markdown(found: Sequence[Verdict], summary: str, *, compared: bool) -> str:
    """The verdicts as GitHub's Markdown; ends with a newline."""
    mark = "🛑 fails" if any(verdict.problem for verdict in found) else "✅ passes"
    columns = _columns(compared)
    lines = [f"## Cost check {mark}", "", _cell(summary), ""]
    lines.append(f"| {' | '.join(name for name, _ in columns)} |")
    lines.append(f"|{'|'.join('--:' if right else '---' for _, right in columns)}|")
    lines += [f"| {' | '.join(map(_cell, _cells(verdict, compared)))} |" for verdict in found]
    if notes := notes_of(found):
        lines += ["", "Assumed, since nobody said:", "", *(f"- {_cell(note)}" for note in notes)]
    return "\n".join(lines) + "\n"


def notes_of(found: Sequence[Verdict]) -> list[str]:
    """A line for each operation whose price rests on values that were assumed."""
    return [f"{verdict.name}: {', '.join(verdict.assumed)}" for verdict in found if verdict.assumed]


def _columns(compared: bool) -> list[tuple[str, bool]]:
    before = [("before", True), ("difference", True), ("ratio", True)] if compared else []
    return [("operation", False), ("points", True), *before, ("verdict", False)]


def _cells(verdict: Verdict, compared: bool) -> list[str]:
    cells = [verdict.name, "" if verdict.cost is None else readable(verdict.cost)]
    if compared:
        difference = verdict.difference
        cells += [
            "" if verdict.before is None else readable(verdict.before),
            "" if difference is None else f"{shown(difference):+,}",
            "" if verdict.ratio is None else f"{verdict.ratio:.2f}",
        ]
    return [*cells, verdict.problem or "fits"]


def _cell(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;")
    for character in "|*_`[]":
        escaped = escaped.replace(character, f"\\{character}")
    return " ".join(escaped.split())
