"""`podgraph explain`."""

from pathlib import Path

import pytest

from tests.gateway.commands.terminal import Terminal

QUERY = "query Titles($n: Int!) { podcasts(first: $n) { nodes { heading: title } } }"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch, tmp_path / "data")


def written(folder: Path, name: str, content: str) -> str:
    (folder / name).write_text(content)
    return str(folder / name)


def test_plan_and_functions_need_no_database(shell: Terminal, tmp_path: Path) -> None:
    query = written(tmp_path, "titles.graphql", QUERY)
    said = shell.run("explain", query, "--variables", written(tmp_path, "v.json", '{"n": 3}'))
    assert said.status == 0, said
    assert "  podcasts: one call of Query.podcasts; reads title\n" in said.out
    assert "        add({'heading': value0})\n" in said.out
    assert "--tenant" in said.out


def test_what_graphql_core_runs_says_why(shell: Terminal, tmp_path: Path) -> None:
    said = shell.run("explain", written(tmp_path, "q.graphql", "{ __schema { queryType { name } } }"))
    assert said.status == 0
    assert "graphql-core executes this operation, since __schema is introspection." in said.out


def test_variables_that_do_not_fit_are_refused(shell: Terminal, tmp_path: Path) -> None:
    said = shell.run("explain", written(tmp_path, "titles.graphql", QUERY))
    assert said.status == 3
    assert "$n" in said.err


def test_a_document_that_is_not_valid_is_refused_with_its_place(shell: Terminal, tmp_path: Path) -> None:
    said = shell.run("explain", written(tmp_path, "wrong.graphql", "{ podcast }"))
    assert said.status == 3
    assert "wrong.graphql" in said.err
