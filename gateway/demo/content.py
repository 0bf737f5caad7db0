"""The demo's shows, advertisers and campaigns: invented, and the same on every machine."""

import random
from datetime import UTC, date, datetime, timedelta

import msgspec

SEED = 2026
NEWEST = datetime(2026, 11, 20, 6, tzinfo=UTC)
"""When the newest episodes of the demo came out; the demo does not depend on the clock."""

_SHOWS = (
    ("Night Shift Signals", "Radio operators, lighthouse keepers and others awake at night.", "Society & Culture"),
    ("The Ledger Room", "How companies really make their money, one annual report at a time.", "Business"),
    ("Slow Orbit", "Spaceflight without the hype: orbits, engines and the people who do the sums.", "Science"),
    ("Second Helping", "A cook and a historian eat their way through one dish a week.", "Food"),
    ("Cold Harbour Files", "Unsolved cases from a port town, told from the court records.", "True Crime"),
    ("Plain Text", "Conversations with people who maintain the software everybody uses.", "Technology"),
    ("Left Back", "Football from the cheap seats.", "Sports"),
    ("The Borrowed Hour", "Short fiction, read by the people who wrote it.", "Fiction"),
    ("Soft Reset", "Sleep, stress and what the studies say.", "Health & Fitness"),
    ("Paper Trail", "Archives opened, letters read, mysteries left standing.", "History"),
    ("Low Tide", "Marine biology from the shore up.", "Science"),
    ("House of Cards Up", "A magician explains how attention works.", "Arts"),
    ("Common Room", "Teachers talk after the bell.", "Education"),
    ("Diesel and Dust", "Long-distance drivers on the road and in their own words.", "Leisure"),
    ("Minor Keys", "One sad song an episode, taken apart.", "Music"),
    ("The Waiting List", "Inside public hospitals.", "Health & Fitness"),
    ("Open Outcry", "Markets, explained by those who shouted in them.", "Business"),
    ("Quiet Please", "Libraries and the arguments in them.", "Society & Culture"),
    ("Fault Lines", "Earthquakes, borders and other places where things meet.", "Science"),
    ("Understudy", "Theatre people who were ready and then called.", "Arts"),
    ("Field Recordings", "An hour of one place, with a short introduction.", "Music"),
    ("Zero Sum", "Game theory in everyday disputes.", "Education"),
    ("The Long Lease", "Housing, rents and neighbours.", "News"),
    ("Backstitch", "Clothes, where they come from and how they are mended.", "Arts"),
)  # fmt: skip
_SUBJECTS = (
    "The Letter", "A Wrong Number", "Two Brothers", "The Audit", "High Water", "The Understudy", "Salt",
    "Nine Minutes", "The Other Key", "What the Map Left Out", "A Quiet Street", "The Last Train", "Blue Ink",
    "The Strike", "Three Witnesses", "The Long Way Home", "Half a Degree", "The Apprentice", "An Empty Chair",
    "The Rehearsal",
)  # fmt: skip
_ADVERTISERS = (
    "Brightwater Coffee", "Hearth Mattress", "Northpole Knives", "Tally Accounting", "Fernway Insurance",
    "Lumen Language", "Oat & Anchor", "Pilot Broadband",
)  # fmt: skip
_FLIGHTS = ("Winter", "Spring", "Summer", "Autumn", "New Year", "Back to School", "Black Friday", "Launch")
_STATUSES = ("ACTIVE", "ACTIVE", "ACTIVE", "PAUSED", "COMPLETED", "DRAFT")
_POSITIONS = ("PRE_ROLL", "MID_ROLL", "MID_ROLL", "POST_ROLL")
_INSERTIONS = ("BAKED_IN", "DYNAMIC", "DYNAMIC", "STREAMING")
_READS = ("HOST_READ", "HOST_READ", "ANNOUNCER_READ", "PRE_PRODUCED")
_PRICINGS = ("CPM", "CPM", "FLAT", "CPA")


class DemoShow(msgspec.Struct, frozen=True):
    podcast: dict[str, object]
    episodes: list[dict[str, object]]


class DemoLineItem(msgspec.Struct, frozen=True):
    """`placements` name their episode by (show, episode) positions in the demo's own lists."""

    line_item: dict[str, object]
    placements: list[tuple[int, int, dict[str, object]]]


class DemoCampaign(msgspec.Struct, frozen=True):
    advertiser: int
    campaign: dict[str, object]
    line_items: list[DemoLineItem]


class DemoContent(msgspec.Struct, frozen=True):
    shows: list[DemoShow]
    advertisers: list[dict[str, object]]
    campaigns: list[DemoCampaign]


def demo_content(*, episodes_per_show: int = 30, campaigns: int = 60) -> DemoContent:
    """24 shows, 8 advertisers, and campaigns of three line items with four to eight placements each."""
    chance = random.Random(SEED)  # noqa: S311 - invented content, no secret
    shows = [_show(chance, index, episodes_per_show) for index in range(len(_SHOWS))]
    advertisers: list[dict[str, object]] = [
        {"name": name, "website_url": f"https://{name.lower().replace(' & ', '-').replace(' ', '-')}.example"}
        for name in _ADVERTISERS
    ]
    return DemoContent(
        shows=shows,
        advertisers=advertisers,
        campaigns=[_campaign(chance, index, len(shows), episodes_per_show) for index in range(campaigns)],
    )


def _show(chance: random.Random, index: int, episodes: int) -> DemoShow:
    title, description, category = _SHOWS[index]
    slug = title.lower().replace(" ", "-")
    podcast = {
        "title": title,
        "description": description,
        "author": f"{title} Productions",
        "language": "en-GB",
        "website_url": f"https://{slug}.example",
        "image_url": f"https://{slug}.example/cover.png",
        "categories": [category],
        "explicit": False,
    }
    newest = NEWEST - timedelta(hours=chance.randrange(0, 120))
    return DemoShow(
        podcast=podcast,
        episodes=[
            _episode(chance, slug, number, newest - timedelta(weeks=episodes - number))
            for number in range(1, episodes + 1)
        ],
    )


def _episode(chance: random.Random, slug: str, number: int, published_at: datetime) -> dict[str, object]:
    seconds = chance.randrange(900, 4800)
    return {
        "guid": f"{slug}-{number}",
        "title": f"{number}. {chance.choice(_SUBJECTS)}",
        "description": "An invented episode of an invented show.",
        "published_at": published_at,
        "duration_seconds": seconds,
        "enclosure_url": f"https://{slug}.example/{number}.mp3",
        "enclosure_type": "audio/mpeg",
        "enclosure_bytes": seconds * 16_000,
        "season": 1,
        "number": number,
        "type": "FULL",
    }


def _campaign(chance: random.Random, index: int, shows: int, episodes: int) -> DemoCampaign:
    advertiser = index % len(_ADVERTISERS)
    starts_on = date(2026, 1, 5) + timedelta(days=chance.randrange(0, 300))
    ends_on = starts_on + timedelta(days=chance.randrange(28, 90))
    name = f"{_ADVERTISERS[advertiser]} {_FLIGHTS[(index // len(_ADVERTISERS)) % len(_FLIGHTS)]} 2026"
    code = _ADVERTISERS[advertiser].split()[0].upper()
    return DemoCampaign(
        advertiser=advertiser,
        campaign={
            "name": name,
            "status": chance.choice(_STATUSES),
            "budget_minor": chance.randrange(5, 120) * 100_000,
            "currency": "EUR" if advertiser % 3 == 0 else "USD",
            "starts_on": starts_on,
            "ends_on": ends_on,
        },
        line_items=[
            DemoLineItem(
                line_item=_line_item(chance, show, starts_on, ends_on),
                placements=[
                    (show, episode, _placement(chance, code, show))
                    for episode in sorted(chance.sample(range(episodes), chance.randrange(4, 9)))
                ],
            )
            for show in chance.sample(range(shows), 3)
        ],
    )


def _line_item(chance: random.Random, show: int, starts_on: date, ends_on: date) -> dict[str, object]:
    pricing = chance.choice(_PRICINGS)
    rates = {"CPM": (1500, 4500), "FLAT": (50_000, 500_000), "CPA": (1000, 9000)}
    return {
        "name": f"{_SHOWS[show][0]}, {pricing}",
        "pricing": pricing,
        "rate_minor": chance.randrange(*rates[pricing], 100),
        "booked_impressions": chance.randrange(20, 400) * 1000 if pricing == "CPM" else None,
        "starts_on": starts_on,
        "ends_on": ends_on,
    }


def _placement(chance: random.Random, code: str, show: int) -> dict[str, object]:
    position = chance.choice(_POSITIONS)
    return {
        "position": position,
        "insertion_type": chance.choice(_INSERTIONS),
        "read_type": chance.choice(_READS),
        "offset_seconds": chance.randrange(300, 900) if position == "MID_ROLL" else None,
        "promo_code": f"{code}{show + 10}",
        "vanity_url": f"https://{code.lower()}.example/{show + 10}",
    }
