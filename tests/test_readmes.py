"""Every folder that somebody opens has a README, and what READMEs and decisions name exists."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPENED = (
    *("gateway", "gateway/auth", "gateway/commands", "gateway/demo", "gateway/documents", "gateway/embedded"),
    *("gateway/execution", "gateway/http", "gateway/middleware", "gateway/schema_changes", "gateway/web"),
    *("schema", "schema/types", "resolvers", "resolvers/campaigns", "resolvers/feeds", "resolvers/identity"),
    *("resolvers/loaders", "persistence", "persistence/repositories", "persistence/tables"),
    *("cache", "ops", "ops/adr", "ops/telemetry"),
    *("resolvers/attribution", "resolvers/events", "resolvers/metrics", "resolvers/paths", "resolvers/runs"),
    *(
        "gateway/workers",
        "gateway/warming",
        "gateway/ingest",
        "ops/bench",
        "resolvers/billing",
        "tests",
        "tests/services",
    ),
)
SKIPPED = {"node_modules", ".venv", "static", ".podgraph", ".git"}
BUILT = {"gateway/static", ".podgraph"}
"""What `make web` and `make up` make, and nobody commits."""

NAMED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
"""What stands in backticks and could be a path."""

ENDINGS = (".py", ".md", ".ts", ".tsx", ".html", ".graphql", ".json", ".toml", "/")
DECISION = re.compile(r"ops/adr/(\d{4}-[\w-]+\.md)")


@cache
def files() -> frozenset[Path]:
    return frozenset(path for path in ROOT.rglob("*.*") if not SKIPPED & set(path.relative_to(ROOT).parts))


def documents() -> list[Path]:
    names = ("README.md", "CONTRIBUTING.md")
    return sorted(path for path in files() if path.name in names or path.match("ops/adr/*.md"))


def named_paths(text: str) -> Iterator[str]:
    for name in NAMED.findall(text):
        if name.endswith(ENDINGS):
            yield name


def exists(name: str, document: Path) -> bool:
    """A path lies beside the document or in the repository; a bare name is a file's anywhere."""
    if "/" not in name:
        return name in {path.name for path in files()}
    return name.rstrip("/") in BUILT or (document.parent / name).exists() or (ROOT / name).exists()


@pytest.mark.parametrize("folder", OPENED)
def test_folder_has_a_readme(folder: str) -> None:
    assert (ROOT / folder / "README.md").is_file()


@pytest.mark.parametrize("document", [str(path.relative_to(ROOT)) for path in documents()])
def test_every_path_that_a_document_names_exists(document: str) -> None:
    path = ROOT / document
    text = path.read_text()
    missing = [name for name in named_paths(text) if not exists(name, path)]
    missing += [name for name in DECISION.findall(text) if not (ROOT / "ops/adr" / name).is_file()]
    assert missing == []


def test_index_of_decisions_lists_each_once() -> None:
    index = (ROOT / "ops/adr/README.md").read_text()
    decisions = sorted(path.name for path in (ROOT / "ops/adr").glob("[0-9]*.md"))
    assert re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", index) == decisions


def test_a_path_that_is_gone_is_found() -> None:
    text = "Start at `gone.py`, then `conftest.py`; `a.b` and `make up` are no paths."
    missing = [name for name in named_paths(text) if not exists(name, Path(__file__))]
    assert missing == ["gone.py"]
