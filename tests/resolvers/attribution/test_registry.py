"""Models are found, and what a client chooses is checked."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from msgspec.structs import replace

from resolvers.attribution import models as models_package
from resolvers.attribution.registry import chosen, discovered, models
from resolvers.errors import InvalidInput
from tests.resolvers.attribution.path_sets import Journey, counted

EIGHTH = """
from resolvers.attribution.models.linear import Linear


class Even(Linear):
    kind = "{kind}"
    description = "As LINEAR."


MODEL = Even()
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package of models, with a folder of which the files are found as well."""
    folder = tmp_path / "more_models"
    folder.mkdir()
    (folder / "__init__.py").write_text(f"__path__ += {list(models_package.__path__)!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield import_module("more_models")
    for name in [name for name in sys.modules if name.split(".")[0] == "more_models"]:
        del sys.modules[name]


def folder_of(package: ModuleType) -> Path:
    return Path(next(iter(package.__path__)))


def test_models_are_those_of_the_design_in_its_order() -> None:
    assert list(models()) == [
        "FIRST_TOUCH",
        "LAST_TOUCH",
        "LINEAR",
        "TIME_DECAY",
        "POSITION_BASED",
        "MARKOV",
        "SHAPLEY",
    ]
    files = {file.stem.upper() for file in folder_of(models_package).glob("*.py")} - {"__INIT__"}
    assert files == set(models())


def test_another_model_is_one_more_file(package: ModuleType) -> None:
    (folder_of(package) / "even.py").write_text(EIGHTH.format(kind="EVEN"))
    found = discovered(package)
    assert list(found) == [*models(), "EVEN"]
    assert found["EVEN"].description == "As LINEAR."


def test_two_models_of_one_kind_are_a_defect(package: ModuleType) -> None:
    (folder_of(package) / "even.py").write_text(EIGHTH.format(kind="LINEAR"))
    with pytest.raises(ValueError, match="does not define a MODEL of a kind of its own"):
        discovered(package)


def test_module_without_a_model_is_a_defect(package: ModuleType) -> None:
    (folder_of(package) / "even.py").write_text("")
    with pytest.raises(ValueError, match=r"more_models\.even does not define a MODEL"):
        discovered(package)


@pytest.mark.parametrize("kind", list(models()))
def test_every_model_and_parameter_says_what_it_is(kind: str) -> None:
    model = models()[kind]
    assert model.description.endswith(".")
    assert all(spec.description.endswith(".") for spec in model.parameters)
    assert chosen(kind, model.version, {}) == chosen(kind, None, {})


def test_choice_names_every_parameter_in_one_way() -> None:
    default = chosen("POSITION_BASED", None, {})
    spelled = chosen("POSITION_BASED", 1, {"lastShare": "0.400", "firstShare": "00.4"})
    assert list(default.parameters.items()) == [("firstShare", "0.4"), ("lastShare", "0.4")]
    assert spelled == default
    assert (default.kind, default.version) == ("POSITION_BASED", 1)
    assert dict(chosen("TIME_DECAY", None, {"halfLifeHours": "100.0"}).parameters) == {"halfLifeHours": "100"}
    assert dict(chosen("MARKOV", None, {}).parameters) == {"withNullPaths": "true"}
    assert chosen("MARKOV", None, {"withNullPaths": "false"}) != chosen("MARKOV", None, {})


@pytest.mark.parametrize(
    ("kind", "version", "parameters", "code", "path", "message"),
    [
        ("NONE", None, {}, "UNKNOWN_MODEL", ("input", "kind"), "There is no such model: choose one of FIRST_TOUCH, "),
        ("LINEAR", 2, {}, "UNKNOWN_MODEL", ("input", "version"), "LINEAR is at version 1: leave the version out"),
        ("LINEAR", None, {"x": "1"}, "UNKNOWN_PARAMETER", ("input", "parameters", "x"), "LINEAR has no parameter of"),
        (
            *("MARKOV", None, {"nulls": "true"}, "UNKNOWN_PARAMETER", ("input", "parameters", "nulls")),
            "MARKOV has no parameter of this name: it takes withNullPaths.",
        ),
        (
            *("MARKOV", None, {"withNullPaths": "yes"}, "INVALID_PARAMETER", ("input", "parameters", "withNullPaths")),
            "withNullPaths is true or false.",
        ),
        (
            *("POSITION_BASED", None, {"firstShare": "0.7"}, "INVALID_PARAMETER", ("input", "parameters", "lastShare")),
            "firstShare and lastShare must sum to 1 or less: the rest goes to the touches between.",
        ),
    ],
)
def test_wrong_choice_is_told(
    kind: str, version: int | None, parameters: dict[str, str], code: str, path: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        chosen(kind, version, parameters, "input")
    problem = refused.value.problems[0]
    assert (problem.code, problem.path) == (code, path)
    assert problem.message.startswith(message)


@pytest.mark.parametrize(
    "text",
    ["NaN", "inf", "-1", "-0.1", "0", "0.09", "87600.1", "1e3", "1_0", "", " 1", "٣", "1" * 10**6, "0." + "0" * 10**6],
)
def test_wrong_number_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"halfLifeHours is a number from 0\.1 to 87600, with at most 12 decimals\."):
        chosen("TIME_DECAY", None, {"halfLifeHours": text})


def test_time_decay_without_times_is_a_defect() -> None:
    paths = replace(counted([Journey((0,))], 1), ages=None)
    with pytest.raises(ValueError, match="TIME_DECAY needs the age of every touch"):
        chosen("TIME_DECAY", None, {}).credits(paths)


def test_path_of_more_touches_than_time_decay_can_divide_is_refused() -> None:
    paths = counted([Journey((0,) * 100_001, ages=(0,) * 100_001)], 1)
    with pytest.raises(InvalidInput, match="TIME_DECAY takes paths of at most 100,000 touches"):
        chosen("TIME_DECAY", None, {}).credits(paths)
