"""A setting that is wrong is one sentence that names its variable."""

import pytest

from tests.gateway.commands.terminal import KEYS, Terminal

ASYNCPG = "begins with postgresql+asyncpg:// and names a user, a host and a database"


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("HTTP__PORT", "abc", "Input should be a valid integer, unable to parse string as an integer"),
        ("HTTP__PORT", "0", "Input should be greater than or equal to 1"),
        ("HTTP__NO_SUCH", "1", "Extra inputs are not permitted"),
        ("ENVIRONMENT", "prod", "Input should be 'development' or 'production'"),
        ("LOGS__LEVEL", "LOUD", "Input should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or 'CRITICAL'"),
        ("AUTH__SIGNING_KEYS", "short", "a signing key needs at least 32 bytes"),
        ("DATABASE__URL", "garbage", ASYNCPG),
        ("DATABASE__URL", "postgresql://user@host/name", ASYNCPG),
        ("DATABASE__OWNER_URL", "postgresql+asyncpg:///name", ASYNCPG),
        ("REDIS__URL", "localhost", "begins with redis://, rediss:// or unix://"),
        ("FEEDS__PARSE_SECONDS", "-1", "Input should be greater than 0"),
    ],
)
def test_wrong_value_names_its_variable(terminal: Terminal, variable: str, value: str, sentence: str) -> None:
    terminal.set(**{f"PODGRAPH_{variable}": value})
    assert terminal.sentence("serve") == f"PODGRAPH_{variable}: {sentence}."


def test_wrong_network_is_told_by_its_variable_alone(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_FEEDS__ALLOW_NETWORKS="10.0.0.0/8,nonsense")
    assert terminal.sentence("serve") == (
        "PODGRAPH_FEEDS__ALLOW_NETWORKS: Input is not a valid IPv4 network;"
        " PODGRAPH_FEEDS__ALLOW_NETWORKS: Input is not a valid IPv6 network."
    )


def test_group_of_settings_that_is_no_json(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_HTTP="garbage")
    assert terminal.sentence("serve") == (
        'The environment\'s PODGRAPH_ variables cannot be read: error parsing value for field "http" from source'
        ' "EnvSettingsSource".'
    )


def test_all_wrong_values_are_told_at_once(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_HTTP__PORT="x", PODGRAPH_ENVIRONMENT="y")
    assert terminal.sentence("serve").count("PODGRAPH_") == 2


def test_production_names_every_key_that_is_missing(terminal: Terminal) -> None:
    terminal.set(PODGRAPH_ENVIRONMENT="production")
    missing = "PODGRAPH_DATABASE__URL, PODGRAPH_AUTH__SIGNING_KEYS, PODGRAPH_AUTH__HASH_KEY"
    for command in ("serve", "up", "seed", "migrate"):
        assert terminal.sentence(command) == f"Production needs {missing}."
    terminal.set(PODGRAPH_AUTH__SIGNING_KEYS=KEYS["PODGRAPH_AUTH__SIGNING_KEYS"])
    assert terminal.sentence("serve") == "Production needs PODGRAPH_DATABASE__URL, PODGRAPH_AUTH__HASH_KEY."


def test_brackets_in_a_value_are_no_markup(terminal: Terminal) -> None:
    said = terminal.sentence("import-feed", "--tenant", "ten_1", "/no/such/[/red]file")
    assert said == "Cannot read /no/such/[/red]file: No such file or directory."
