"""What an event must be before the database is asked: every rule that needs no look-up, and every breach at once."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec
from pydantic import TypeAdapter, ValidationError

from persistence.ids import AdvertiserId, EventId, PlacementId, TenantId
from persistence.partitions import month_of
from resolvers import ids
from resolvers.campaigns.money import CurrencyCode
from resolvers.campaigns.promo_codes import LONGEST_PROMO_CODE, PromoCode
from resolvers.errors import InvalidInput, Problem
from resolvers.events.identity import AddressNotPublic, Households, event_id
from resolvers.events.incoming import IncomingEvent
from resolvers.events.kinds import ConversionSource, ConversionType, EventType
from resolvers.moments import moment_of
from resolvers.numbers import LARGEST

FUTURE: Final = timedelta(minutes=5)
"""How far a client's clock may be ahead of ours."""

LONGEST_KEY: Final = 128
"""Characters, as the next one."""
LONGEST_ORDER_ID: Final = 200

MOST_PROBLEMS: Final = 20
"""Problems of one event: each of its eleven values breaks two rules at most, and few can at once."""

TYPES: Final = frozenset(type_.value for type_ in EventType)
CONVERSIONS: Final = frozenset(type_.value for type_ in ConversionType)
_VISIT: Final = EventType.VISIT.value
_SOURCES: Final = frozenset(source.value for source in ConversionSource)
_PROMO_CODE: Final = TypeAdapter[str](PromoCode)
_CURRENCY: Final = TypeAdapter[str](CurrencyCode)
_MOST_DIGITS: Final = len(str(LARGEST))


class CheckedEvent(msgspec.Struct, frozen=True):
    """An event of which all is right, except that nobody has looked up its placement and its advertiser yet.

    Impressions have a placement, conversions an advertiser, visits one of the two.
    """

    id: EventId
    occurred_at: datetime
    type: str
    key: str
    household: int
    advertiser_id: AdvertiserId | None
    placement_id: PlacementId | None
    source: str | None
    order_id: str | None
    value_minor: int | None
    currency: str | None
    promo_code: str | None


class EventChecks:
    """The rules for one tenant at one moment. For one batch: it remembers the ids that come in it again and again."""

    def __init__(self, tenant_id: TenantId, households: Households, now: datetime, keep_months: int) -> None:
        oldest = month_of(now, -keep_months)
        self._tenant_id = tenant_id
        self._households = households
        self._oldest = datetime(oldest.year, oldest.month, oldest.day, tzinfo=UTC)
        self._newest = now + FUTURE
        self._numbers: dict[tuple[str, str], int] = {}

    def checked(self, event: IncomingEvent) -> CheckedEvent | tuple[Problem, ...]:
        """The event, or all that is wrong with it: at least one problem, with a path that begins within the event."""
        # Each step adds to the problems; what it then gives has no meaning.
        problems: list[Problem] = []
        row_id = self._id(event.key, problems)
        occurred_at = self._moment(event.occurred_at, problems)
        household = self._household(event.ip_address, problems)
        placement_id = self._number(event.placement_id, ids.PLACEMENT, "placementId", problems)
        advertiser_id = self._number(event.advertiser_id, ids.ADVERTISER, "advertiserId", problems)
        source = order_id = value_minor = currency = promo_code = None
        kind = event.type
        if kind in CONVERSIONS:
            _require(advertiser_id, "advertiserId", "Name the advertiser whose conversion this is.", problems)
            _refuse(event.placement_id, "placementId", _NO_PLACEMENT, problems)
            source = _source(event.source, problems)
            order_id = _order_id(event.order_id, problems)
            value_minor = _value(event.value_minor, problems)
            currency = _currency(event.currency, problems)
            promo_code = _promo_code(event.promo_code, problems)
            _pair(event, problems)
        elif kind in TYPES:
            if placement_id is None and kind != _VISIT:
                _require(placement_id, "placementId", "Name the placement that this is an impression of.", problems)
            elif placement_id is None and advertiser_id is None:
                _require(None, "advertiserId", "Name the advertiser whose site was visited, or a placement.", problems)
            if event.source is not None or event.order_id is not None or event.promo_code is not None:
                _refuse(event.source, "source", _CONVERSIONS_ONLY, problems)
                _refuse(event.order_id, "orderId", _CONVERSIONS_ONLY, problems)
                _refuse(event.promo_code, "promoCode", _CONVERSIONS_ONLY, problems)
            if event.value_minor is not None or event.currency is not None:
                _refuse(event.value_minor, "valueMinor", _CONVERSIONS_ONLY, problems)
                _refuse(event.currency, "currency", _CONVERSIONS_ONLY, problems)
        elif kind:
            problems.append(_problem("UNKNOWN_TYPE", f"The type must be one of {', '.join(EventType)}.", "type"))
        else:
            _require(None, "type", "Say what happened: a type such as AD_DELIVERED, VISIT or PURCHASE.", problems)
        if problems:
            return tuple(problems)
        return CheckedEvent(
            row_id,
            occurred_at,
            str(kind),
            str(event.key),
            household,
            None if advertiser_id is None else AdvertiserId(advertiser_id),
            None if placement_id is None else PlacementId(placement_id),
            source,
            order_id,
            value_minor,
            currency,
            promo_code,
        )

    def _id(self, key: str | None, problems: list[Problem]) -> EventId:
        if key is None or not key or key.isspace():
            _require(None, "key", "Give each event a key of its own, and send it again with the same key.", problems)
        elif len(key) > LONGEST_KEY:
            problems.append(_too_long("key", LONGEST_KEY))
        elif not _storable(key):
            problems.append(_unstorable("key"))
        else:
            return event_id(self._tenant_id, key)
        return EventId(0)

    def _moment(self, text: str | None, problems: list[Problem]) -> datetime:
        if not text:
            _require(None, "occurredAt", "Say when it happened, such as '2026-11-23T14:00:00Z'.", problems)
            return self._oldest
        try:
            moment = moment_of(text)
        except ValueError:
            message = "This must be a moment in ISO 8601, such as '2026-11-23T14:00:00Z'."
            problems.append(_problem("INVALID_TIMESTAMP", message, "occurredAt"))
            return self._oldest
        if moment.tzinfo is None:
            message = "Add the time zone to the moment: 'Z' for UTC, or an offset such as '+01:00'."
            problems.append(_problem("TIMESTAMP_WITHOUT_ZONE", message, "occurredAt"))
        elif moment > self._newest:
            message = f"This lies more than {FUTURE // timedelta(minutes=1)} minutes in the future: set your clock."
            problems.append(_problem("TIMESTAMP_IN_FUTURE", message, "occurredAt"))
        elif moment < self._oldest:
            message = f"Events are kept from {self._oldest:%Y-%m-%d} on: leave out what is older."
            problems.append(_problem("TIMESTAMP_TOO_OLD", message, "occurredAt"))
        return moment

    def _household(self, address: str | None, problems: list[Problem]) -> int:
        if not address:
            _require(None, "ipAddress", "Give the address that it came from; only a keyed hash is kept.", problems)
            return 0
        try:
            return self._households.household(address)
        except AddressNotPublic:
            message = "This address is private or reserved: send the household's public one, not a proxy's."
            problems.append(_problem("ADDRESS_NOT_PUBLIC", message, "ipAddress"))
        except ValueError:
            message = "This must be an IPv4 or IPv6 address, such as '203.0.113.7'."
            problems.append(_problem("INVALID_ADDRESS", message, "ipAddress"))
        return 0

    def _number(self, text: str | None, prefix: str, field: str, problems: list[Problem]) -> int | None:
        if text is None:
            return None
        number = self._numbers.get((prefix, text))
        if number is None:
            try:
                number = self._numbers[prefix, text] = ids.row_id(text, prefix, field)
            except InvalidInput as error:
                problems.extend(error.problems)
                return 0
        return number


def _source(given: str | None, problems: list[Problem]) -> str:
    if given is None:
        return ConversionSource.SERVER.value
    if given not in _SOURCES:
        problems.append(_problem("UNKNOWN_SOURCE", f"Choose one of {', '.join(ConversionSource)}.", "source"))
    return given


def _order_id(given: str | None, problems: list[Problem]) -> str | None:
    if given is None:
        return None
    order_id = given.strip()
    if not order_id:
        _require(None, "orderId", "Give the order's id, or leave it out if there is none.", problems)
    elif len(order_id) > LONGEST_ORDER_ID:
        problems.append(_too_long("orderId", LONGEST_ORDER_ID))
    elif not _storable(order_id):
        problems.append(_unstorable("orderId"))
    return order_id


def _value(given: int | float | str | None, problems: list[Problem]) -> int | None:
    if given is None:
        return None
    value: int | float = -1
    if not isinstance(given, str):
        value = given
    elif given.isascii() and given.isdigit() and len(given) <= _MOST_DIGITS:
        value = int(given)
    # Not a number fails this, too.
    if isinstance(given, bool) or not 0 <= value <= LARGEST or value != int(value):
        message = f"The value must be a whole number of minor units from 0 to {LARGEST}, such as 1250 for 12.50 EUR."
        problems.append(_problem("INVALID_VALUE", message, "valueMinor"))
        return None
    return int(value)


def _currency(given: str | None, problems: list[Problem]) -> str | None:
    if given is None:
        return None
    try:
        return _CURRENCY.validate_python(given)
    except ValidationError:
        message = "This must be the ISO 4217 code of a currency, such as 'USD'."
        problems.append(_problem("UNKNOWN_CURRENCY", message, "currency"))
    return None


def _pair(event: IncomingEvent, problems: list[Problem]) -> None:
    """Value and currency: both or neither."""
    if event.value_minor is None and event.currency is not None:
        message = "Give the value, too, or leave the currency out."
        problems.append(_problem("CURRENCY_WITHOUT_VALUE", message, "currency"))
    elif event.value_minor is not None and event.currency is None:
        message = "Give the currency of the value, too, as an ISO 4217 code such as 'USD'."
        problems.append(_problem("VALUE_WITHOUT_CURRENCY", message, "valueMinor"))


def _promo_code(given: str | None, problems: list[Problem]) -> str | None:
    if given is None:
        return None
    try:
        return _PROMO_CODE.validate_python(given)
    except ValidationError as error:
        if error.errors(include_url=False, include_context=False, include_input=False)[0]["type"] == "string_too_long":
            problems.append(_too_long("promoCode", LONGEST_PROMO_CODE))
        else:
            message = "A promo code has letters A to Z, digits, '-' and '_' only: send it as it was typed."
            problems.append(_problem("INVALID_PROMO_CODE", message, "promoCode"))
    return None


_CONVERSIONS_ONLY: Final = "Only conversions have this: leave it out."
_NO_PLACEMENT: Final = "A conversion names its advertiser; which placements earned it is for attribution to say."


def _require(given: object, field: str, message: str, problems: list[Problem]) -> None:
    if given is None:
        problems.append(_problem("MISSING_VALUE", message, field))


def _refuse(given: object, field: str, message: str, problems: list[Problem]) -> None:
    if given is not None:
        problems.append(_problem("FIELD_NOT_ALLOWED", message, field))


def _too_long(field: str, longest: int) -> Problem:
    return _problem("TEXT_TOO_LONG", f"Shorten this to at most {longest} characters.", field)


def _unstorable(field: str) -> Problem:
    return _problem("UNSTORABLE_CHARACTER", "The text holds a NUL or half of a surrogate pair: take it out.", field)


def _storable(text: str) -> bool:
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text))


def _problem(code: str, message: str, field: str) -> Problem:
    return Problem(code, message, (field,))
