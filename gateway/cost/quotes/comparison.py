"""Every document of a manifest on one plan, and what a change of the schema does to its price."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from gateway.cost.points import Points
from gateway.cost.quotes.price_list import PriceList, Quote, complaints
from gateway.documents.manifest import ManifestDocument
from gateway.errors import RequestRejected
from resolvers.billing.plans import Plan


class UnknownOperations(Exception):
    """Variables for operations that no document has; the message is one sentence."""


class Verdict(msgspec.Struct, frozen=True):
    """One operation of a document; `cost` is None where the document is not valid, which `problem` then says.

    `before` is its cost by the schema compared with; None without one, and where the operation was not valid there.
    """

    name: str
    cost: Points | None
    before: Points | None
    problem: str | None
    assumed: tuple[str, ...] = ()

    @property
    def difference(self) -> Points | None:
        """What the change of the schema adds."""
        return None if self.cost is None or self.before is None else Points(self.cost - self.before)

    @property
    def ratio(self) -> float | None:
        """How many times as dear it has become; None where it cost nothing, or nothing is known."""
        return None if self.cost is None or not self.before else self.cost / self.before


def verdicts(
    documents: Iterable[ManifestDocument],
    plan: Plan,
    prices: PriceList,
    *,
    before: PriceList | None = None,
    variables: Mapping[str, Mapping[str, Any]],
) -> list[Verdict]:
    """What does not fit first, then the dearest first. `variables` are by the name of the operation.

    Raises UnknownOperations.
    """
    found: list[Verdict] = []
    for document in documents:
        try:
            quotes = prices.quotes(document.text, variables, document.name)
        except RequestRejected as error:
            found.append(Verdict(document.name, None, None, complaints(error, document.id)[0]))
            continue
        costs = _costs(before, document, variables)
        found += [_verdict(quote, plan, costs) for quote in quotes]
    if unknown := sorted(variables.keys() - {verdict.name for verdict in found}):
        raise UnknownOperations(f"No document has an operation named {unknown[0]!r}, for which there are variables.")
    return sorted(found, key=lambda verdict: (verdict.problem is None, -(verdict.cost or 0), verdict.name))


def _costs(
    prices: PriceList | None, document: ManifestDocument, variables: Mapping[str, Mapping[str, Any]]
) -> dict[str, Points]:
    """By the operation's name; empty where the document was not valid."""
    if prices is None:
        return {}
    try:
        return {quote.name: quote.cost for quote in prices.quotes(document.text, variables, document.name)}
    except RequestRejected:
        return {}


def _verdict(quote: Quote, plan: Plan, before: Mapping[str, Points]) -> Verdict:
    return Verdict(
        name=quote.name,
        cost=quote.cost,
        before=before.get(quote.name),
        problem=quote.refusal(plan),
        assumed=quote.assumed,
    )
