"""Pages as clients ask for them, and cursors as clients may bend them."""

import base64
import string
from collections.abc import Awaitable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from persistence.ids import SessionId, TenantId, UserId
from persistence.records import PodcastRecord
from persistence.repositories.campaigns import Campaigns
from persistence.repositories.podcasts import PodcastFilter, Podcasts
from resolvers import lists
from resolvers.context import Services
from resolvers.errors import InvalidInput
from resolvers.pages import DEFAULT_SIZE, LARGEST_SIZE, Page, PageRequest, requested_page
from resolvers.podcasts import NewPodcast, create_podcast
from resolvers.policy import Role
from tests.actors import Actor, new_tenant

ORDERS = Podcasts.orders


def asked(**given: Any) -> PageRequest:
    arguments = {"order": "TITLE", "descending": False, "first": None, "after": None, "last": None, "before": None}
    return requested_page(ORDERS, **{**arguments, **given})


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


async def page(actor: Actor, **given: Any) -> Page[PodcastRecord]:
    return await lists.page(actor.context(), Podcasts, asked(**given), PodcastFilter())


async def shows(services: Services, *titles: str) -> Actor:
    actor = await new_tenant(services)
    for title in titles:
        await create_podcast(actor.context(), NewPodcast(title=title))
    return actor


def titles(found: Page[PodcastRecord]) -> list[str]:
    return [podcast.title for podcast in found.nodes]


def test_size_defaults() -> None:
    assert (asked().part.limit, asked(last=None, before=cursor("TITLE", False, "a", 1)).part.limit) == (
        DEFAULT_SIZE,
        DEFAULT_SIZE,
    )


@pytest.mark.parametrize("argument", ["first", "last"])
@pytest.mark.parametrize("size", [0, LARGEST_SIZE])
def test_size_within_bounds_is_taken(argument: str, size: int) -> None:
    assert asked(**{argument: size}).part.limit == size


@pytest.mark.parametrize("argument", ["first", "last"])
@pytest.mark.parametrize("size", [-1, LARGEST_SIZE + 1, 2**31 - 1, -(2**31)])
def test_size_out_of_bounds_is_refused(argument: str, size: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        asked(**{argument: size})
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("INVALID_PAGE_SIZE", (argument,))


@pytest.mark.parametrize(
    "given", [{"first": 1, "last": 1}, {"first": 1, "before": "x"}, {"after": "x", "last": 1}, {"first": 0, "last": 0}]
)
def test_both_directions_at_once_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        asked(**given)
    assert caught.value.problems[0].code == "CONFLICTING_ARGUMENTS"


async def test_pages_forward(services: Services) -> None:
    actor = await shows(services, "c", "a", "b")
    first = await page(actor, first=2)
    assert (titles(first), first.has_next_page, first.has_previous_page) == (["a", "b"], True, False)
    second = await page(actor, first=2, after=first.end_cursor)
    assert (titles(second), second.has_next_page, second.has_previous_page) == (["c"], False, True)
    third = await page(actor, first=2, after=second.end_cursor)
    assert (titles(third), third.has_next_page, third.start_cursor, third.end_cursor) == ([], False, None, None)


async def test_pages_backward(services: Services) -> None:
    actor = await shows(services, "c", "a", "b")
    last = await page(actor, last=2)
    assert (titles(last), last.has_next_page, last.has_previous_page) == (["b", "c"], False, True)
    first = await page(actor, last=2, before=last.start_cursor)
    assert (titles(first), first.has_next_page, first.has_previous_page) == (["a"], True, False)


async def test_cursors_of_a_backward_page_serve_forward(services: Services) -> None:
    actor = await shows(services, "c", "a", "b")
    last = await page(actor, last=2, descending=True)
    assert titles(last) == ["b", "a"]
    assert titles(await page(actor, first=5, descending=True, after=last.start_cursor)) == ["a"]


async def test_edges_carry_the_cursor_of_their_node(services: Services) -> None:
    actor = await shows(services, "a", "b", "c")
    edges = (await page(actor)).edges
    assert [edge.node.title for edge in edges] == ["a", "b", "c"]
    assert titles(await page(actor, after=edges[0].cursor)) == ["b", "c"]


@given(
    names=st.lists(st.text(alphabet="aAé🎙 b", min_size=1, max_size=2).filter(str.strip), max_size=8),
    size=st.integers(min_value=1, max_value=4),
    order=st.sampled_from(sorted(ORDERS)),
    descending=st.booleans(),
)
@settings(max_examples=20, deadline=None)
async def test_walking_forward_and_backward_gives_the_list(
    services: Services, names: list[str], size: int, order: str, descending: bool
) -> None:
    actor = await shows(services, *names)
    sort = {"order": order, "descending": descending}
    whole = (await page(actor, **sort, first=LARGEST_SIZE)).nodes
    assert len(whole) == len(names)

    forward: list[PodcastRecord] = []
    found = await page(actor, **sort, first=size)
    forward += found.nodes
    while found.has_next_page:
        found = await page(actor, **sort, first=size, after=found.end_cursor)
        forward += found.nodes
    assert forward == whole

    backward: list[PodcastRecord] = []
    found = await page(actor, **sort, last=size)
    backward = found.nodes + backward
    while found.has_previous_page:
        found = await page(actor, **sort, last=size, before=found.start_cursor)
        backward = found.nodes + backward
    assert backward == whole


@pytest.mark.parametrize("argument", ["after", "before"])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "====",
        "not a cursor",
        "é",
        "🎙",
        "\x00",
        "A" * 100_000,
        cursor(),
        cursor("TITLE", False, "a"),
        cursor("TITLE", False, "a", 1, 1),
        cursor("TITLE", "no", "a", 1),
        cursor("TITLE", False, 1, 1),
        cursor("TITLE", False, None, 1),
        cursor("TITLE", False, ["a"], 1),
        cursor("TITLE", False, "a", "1"),
        cursor("TITLE", False, "a", 1.5),
        cursor("TITLE", False, "a", 2**63),
        cursor("TITLE", False, "a", -(2**63) - 1),
        cursor("TITLE", False, "a", 2**64),
        cursor("TITLE", False, "a\x00", 1),
        base64.urlsafe_b64encode(b'["TITLE",false,"\\ud800",1]').decode(),
        base64.urlsafe_b64encode(b'["TITLE",false,"a",1' + b"0" * 5_000 + b"]").decode(),
        base64.urlsafe_b64encode(b"[" * 10_000).decode(),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
async def test_bent_cursor_is_refused(services: Services, argument: str, text: str) -> None:
    actor = await new_tenant(services)
    with pytest.raises(InvalidInput) as caught:
        await page(actor, **{argument: text})
    [problem] = caught.value.problems
    assert (problem.code, problem.path) == ("INVALID_CURSOR", (argument,))


@pytest.mark.parametrize(
    "text",
    [
        cursor("CREATED_AT", False, "yesterday", 1),
        cursor("CREATED_AT", False, 5, 1),
        cursor("CREATED_AT", False, "2026-01-01T00:00:00", 1),
        cursor("CREATED_AT", False, "9999-99-99T00:00:00Z", 1),
        cursor("CREATED_AT", False, "0001-01-01T00:00:00+14:00", 1),
        cursor("CREATED_AT", False, "9999-12-31T23:59:59-14:00", 1),
    ],
)
async def test_bent_moment_in_a_cursor_is_refused(services: Services, text: str) -> None:
    actor = await new_tenant(services)
    with pytest.raises(InvalidInput):
        await page(actor, order="CREATED_AT", after=text)


@pytest.mark.parametrize("day", [2**31, -(2**31) - 1, 2**63, 1.5, "1"])
async def test_bent_number_in_a_cursor_is_refused(day: object) -> None:
    arguments: dict[str, Any] = {"descending": False, "first": 1, "last": None, "before": None}
    text = cursor("STARTS_ON", False, day, 1)
    with pytest.raises(InvalidInput):
        requested_page(Campaigns.orders, order="STARTS_ON", after=text, **arguments)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_moments_at_the_ends_of_the_calendar_are_positions(services: Services, moment: str) -> None:
    actor = await shows(services, "a")
    found = await page(actor, order="CREATED_AT", after=cursor("CREATED_AT", False, moment, 1))
    assert titles(found) == (["a"] if moment.startswith("0001") else [])


async def test_cursor_of_another_order_is_refused(services: Services) -> None:
    actor = await shows(services, "a", "b")
    text = (await page(actor)).start_cursor
    for other in ({"order": "CREATED_AT"}, {"descending": True}):
        with pytest.raises(InvalidInput) as caught:
            await page(actor, after=text, **other)
        assert caught.value.problems[0].code == "INVALID_CURSOR"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
bent_cursors = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=string.ascii_letters + string.digits + "-_=", max_size=40),
    st.lists(json_values, max_size=5).map(lambda parts: cursor(*parts)),
    st.tuples(st.sampled_from(sorted(ORDERS)), st.booleans(), json_values, json_values).map(lambda p: cursor(*p)),
    st.tuples(st.just("TITLE"), st.just(False), st.text(), st.integers()).map(lambda p: cursor(*p)),
)


@given(text=bent_cursors)
@example(text=cursor("TITLE", False, "a", 2**63))
@settings(max_examples=150, deadline=None)
async def test_any_text_is_a_cursor_or_refused(services: Services, text: str) -> None:
    actor = Actor(
        services=services, tenant_id=TenantId(1), user_id=UserId(1), session_id=SessionId(1), email="", role=Role.OWNER
    )
    for order in ORDERS:
        refused = await refusal(page(actor, order=order, after=text))
        assert refused in (None, "INVALID_CURSOR")


async def refusal(reading: Awaitable[object]) -> str | None:
    """The code of the one problem that the reading is refused for; None if it is not."""
    try:
        await reading
    except InvalidInput as error:
        [problem] = error.problems
        return problem.code
    return None
