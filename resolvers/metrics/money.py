"""What a row cost and what it brought in, currency by currency."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from persistence.ids import TenantId
from persistence.repositories.metrics import PlacementSet
from resolvers.loaders.metrics import CountKey, CountLoader
from resolvers.loaders.registry import Loaders
from resolvers.loaders.source import Source, TenantLoader
from resolvers.metrics.figures import CurrencyFigures, Ledger, Tally, Value, figures
from resolvers.metrics.measures import VISIT, by_request, of_sets, part_sets, tallies
from resolvers.metrics.rows import MetricsRow
from resolvers.metrics.spend import Account, Part, spend


class MoneyLoader(TenantLoader[MetricsRow, list[CurrencyFigures]]):
    """The figures of each row, worked out once for all its fields; `loaders` are the operation's."""

    def __init__(self, source: Source, tenant_id: TenantId, loaders: Loaders) -> None:
        super().__init__(source, tenant_id)
        self._loaders = loaders

    async def load(self, keys: list[MetricsRow]) -> Sequence[list[CurrencyFigures]]:
        wanted = [_sets(row) for row in keys]
        converted = await tallies(self._loaders, keys, wanted)
        counts = await of_sets(keys, [part_sets(row) for row in keys], by_request(self._loaders, CountLoader))
        return [
            [
                figures(ledger)
                for ledger in _ledgers(
                    row, dict(zip(sets, by_set, strict=True)), dict(zip(part_sets(row), by_part, strict=True))
                )
            ]
            for row, sets, by_set, by_part in zip(keys, wanted, converted, counts, strict=True)
        ]


async def money(loaders: Loaders, rows: Sequence[MetricsRow]) -> list[list[CurrencyFigures]]:
    """The figures in each currency, by its code: of what is paid in it, and of conversions whose value is in it."""
    return await loaders.of(MoneyLoader, loaders).fetch(rows)


def _sets(row: MetricsRow) -> tuple[PlacementSet, ...]:
    """Whose conversions the money of a row needs: its own, those of each currency, and those that are paid for."""
    paid = (part.placements for part in _parts(row) if part.price.pricing == "CPA")
    return tuple(dict.fromkeys((row.placements, *(account.placements for account in row.accounts), *paid)))


def _parts(row: MetricsRow) -> list[Part]:
    return [part for account in row.accounts for part in account.parts]


def _ledgers(
    row: MetricsRow,
    tallies_of: Mapping[PlacementSet, Tally | None],
    counts: Mapping[PlacementSet, Mapping[CountKey, int]],
) -> list[Ledger]:
    accounts = {account.currency: account for account in row.accounts}
    whole = tallies_of[row.placements]
    values: Mapping[str, Value] = {} if whole is None else whole.values

    def counted(parts: Sequence[Part], type_: str) -> int:
        return sum(counts[part.placements].get(CountKey(row.starts_at, type_), 0) for part in parts)

    def converted(placements: PlacementSet) -> Decimal | None:
        tally = tallies_of.get(placements)
        return None if tally is None else tally.conversions

    def cost(part: Part) -> Fraction | None:
        impressions = counted([part], row.request.impressions)
        return spend(part.price, row.starts_at, row.ends_at, impressions, converted(part.placements))

    ledgers = []
    for currency in sorted(accounts.keys() | values.keys()):
        account = accounts.get(currency, Account(currency, PlacementSet(()), ()))
        costs = [cost(part) for part in account.parts]
        known = [amount for amount in costs if amount is not None]
        ledgers.append(
            Ledger(
                currency=currency,
                impressions=counted(account.parts, row.request.impressions),
                visits=counted(account.parts, VISIT),
                conversions=converted(account.placements) if account.parts else Decimal(0),
                spend=sum(known, start=Fraction(0)) if len(known) == len(costs) else None,
                revenue=None if whole is None else values.get(currency, Value(Decimal(0), 0)),
            )
        )
    return ledgers
