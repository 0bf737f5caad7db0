"""Names and texts of clients are never code, whatever they are: both executors answer with them as they are."""

import builtins
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from resolvers.context import Services
from tests.gateway.execution.answers import documents
from tests.gateway.execution.conformance.stage import Machine, Person, Stage, schema
from tests.gateway.execution.executors import EXECUTORS

NAMES: Final = (
    *(
        "record",
        "records",
        "rows",
        "add",
        "made",
        "build",
        "zip",
        "type",
        "str",
        "int",
        "float",
        "datetime",
        "date",
        "UTC",
    ),
    *("value0", "value1", "key0", "key1", "type0", "names0", "complete0", "complete1", "column0", "column1"),
    *("class", "lambda", "None", "True", "False", "def", "import", "return", "yield", "global", "async", "match", "_"),
    *("__import__", "__builtins__", "__class__", "__dict__", "__name", "__debug__", "__init__", "self", "exec", "eval"),
    *("open", "os", "name", "items", "keys", "Human", "data", "errors", "x" * 10_000),
)
"""GraphQL's names have letters, digits and underscores alone; these are what Python, or the generated code, knows."""

TEXTS: Final = (
    "'); raise SystemExit #",
    '"); __import__("os").abort() #',
    "'''",
    '"""',
    "\\",
    "\\'",
    '\\"',
    "\n        raise SystemExit\n",
    "\r\n\t\0".replace("\0", "\x01"),
    "{record.id}",
    "{key0}",
    "%s %(name)s",
    "{0.__class__.__mro__}",
    "$text",
    "#",
    "\u2028\u2029\u0085\ufeff",
    "\U0001f600" * 100,
    "None",
    "__import__('os').abort()",
    "x" * 100_000,
)
ROOT: Final[Mapping[str, Any]] = {"best": Person("Ada", 1, {"text": "t"}), "friends": [Person("Ada"), Machine("R2")]}


@pytest.fixture(params=sorted(EXECUTORS))
def stage(request: pytest.FixtureRequest, services: Services) -> Stage:
    return Stage(EXECUTORS[request.param](schema()), documents(schema()), services)


@pytest.fixture
def compiled_texts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What Python is given to compile or to run, meanwhile."""
    texts: list[str] = []
    original = builtins.compile

    def compile_and_note(source: Any, *arguments: Any, **options: Any) -> Any:
        texts.append(source if isinstance(source, str) else repr(source))
        return original(source, *arguments, **options)

    monkeypatch.setattr(builtins, "compile", compile_and_note)
    yield texts
    monkeypatch.undo()


async def test_every_name_is_a_response_key_like_any_other(stage: Stage) -> None:
    fields = " ".join(
        f"{name}: {('name', 'number', 'text', '__typename')[place % 4]}" for place, name in enumerate(NAMES)
    )
    found = json.loads(await stage.data(f"{{ best {{ {fields} }} }}", ROOT))
    values = ("Ada", 1, "t", "Human")
    assert list(found["best"].items()) == [(name, values[place % 4]) for place, name in enumerate(NAMES)]


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_is_an_alias_of_objects_and_lists_of_operations_and_variables(stage: Stage, name: str) -> None:
    fragment = "on_" if name == "on" else name
    query = f"""query {name}(${name}: Boolean!, $not_{name}: Boolean!) {{
      {name}: friends {{ ...{fragment} {name}: __typename {name}_: number @skip(if: ${name}) }}
      not_{name}: best @skip(if: $not_{name}) {{ name }} }}
    fragment {fragment} on Character {{ {name}__: name @include(if: ${name}) }}"""
    found = json.loads(await stage.data(query, ROOT, {name: True, f"not_{name}": False}))
    assert found == {
        name: [{f"{name}__": "Ada", name: "Human"}, {f"{name}__": "R2", name: "Droid"}],
        f"not_{name}": {"name": "Ada"},
    }


@pytest.mark.parametrize("text", TEXTS)
async def test_a_text_is_itself_as_a_literal_a_variable_and_a_default(stage: Stage, text: str) -> None:
    literal = json.dumps(text)
    query = f"""query Said($given: String!, $default: String! = {literal}) {{ best {{
      a: said(text: {literal}) b: said(text: $given) c: said(text: $default)
      d: said(review: {{stars: 1, commentary: {literal}}})
    }} }}"""
    found = json.loads(await stage.data(query, ROOT, {"given": text}))
    assert found == {"best": {"a": text, "b": text, "c": text, "d": "a default"}}
    reviews = [given["review"] for name, given in stage.script.calls if name == "said"]
    assert [review.commentary for review in reviews if review is not None] == [text]


async def test_nothing_that_a_client_wrote_is_compiled(services: Services, compiled_texts: list[str]) -> None:
    stage = Stage(EXECUTORS["compiled"](schema()), documents(schema()), services)
    query = """query secretQuery($secretVariable: String!) {
      secretAlias: best { ...secretFragment secretName: name secretSaid: said(text: "secretText") }
      secretList: friends { secretType: __typename secretKind: said(text: $secretVariable) } }
    fragment secretFragment on Human { secretNumber: number }"""
    await stage.data(query, ROOT, {"secretVariable": "secretValue"})
    assert any("def build" in text for text in compiled_texts), "nothing was compiled: the test would prove nothing"
    assert not [text for text in compiled_texts if "secret" in text]
