"""Households are keyed by a secret of their own, or by the one that addresses are hashed with."""

import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy import select

from gateway.lifespan import open_process
from gateway.middleware.drain import Drain
from gateway.settings import Auth, DatabaseSettings, Events, Settings
from persistence.database import Database
from persistence.tables import events
from resolvers.context import Services
from resolvers.events.identity import Households
from tests.resolvers.events.scene import HOUSEHOLD, new_scene

HASH_KEY, OWN_KEY = "the key of all addresses", "the key of households"


@pytest.mark.parametrize(("own", "used"), [(None, HASH_KEY), (OWN_KEY, OWN_KEY)])
async def test_household_is_hashed_with_the_key_of_the_settings(
    services: Services, database: Database, app_url: str, own: str | None, used: str
) -> None:
    scene = await new_scene(services)
    settings = Settings(
        database=DatabaseSettings(url=app_url, pool_size=2),
        auth=Auth(signing_keys=(SecretStr("k" * 32),), hash_key=SecretStr(HASH_KEY)),
        events=Events(household_key=SecretStr(own) if own else None),
    )
    async with open_process(settings, Drain()) as process:
        await process.services.intake.store(scene.actor.tenant_id, [scene.impression("k")])
    async with database.read(scene.actor.tenant_id) as session:
        household = await session.scalar(select(events.c.household).where(events.c.tenant_id == scene.actor.tenant_id))
    assert household == Households(used, scene.actor.tenant_id).household(HOUSEHOLD)


@pytest.mark.parametrize("values", [{"keep_months": 0}, {"keep_months": 121}, {"household_key": "short"}])
def test_settings_of_events_that_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Events.model_validate(values)
