"""`podgraph cost explain` and `check`, which need neither a server nor a database."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.schema import committed_snapshot
from tests.gateway.commands.terminal import Said, Terminal

PAGES = "query Pages($first: Int = 10) { campaigns(first: $first) { nodes { placements(first: 4) { nodes { id } } } } }"
SMALL = "query Small { viewer { role } }"
UNKNOWN = "query Unknown($n: Int!, $more: Boolean!) { podcasts(first: $n) { nodes @include(if: $more) { title } } }"
HUGE = "query Huge { campaigns(first: 1000) { nodes { placements(first: 1000) { nodes { id } } } } }"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def shell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch, folder / "data")


def file(folder: Path, name: str, content: Any) -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def explained(shell: Terminal, *arguments: str) -> dict[str, Any]:
    said = shell.run("cost", "explain", *arguments, "--json")
    assert said.status == 0, said
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_explain_tells_price_bill_and_plans(shell: Terminal, folder: Path) -> None:
    query = file(folder, "pages.graphql", PAGES)
    found = explained(shell, query)
    assert (found["operation"], found["kind"], found["assumed"]) == ("Pages", "query", [])
    assert sum(line["subtotal"] for line in found["bill"]) == pytest.approx(found["requestedQueryCost"])
    placements = next(line for line in found["bill"] if line["coordinate"] == "Placement")
    assert (placements["path"], placements["multiplier"]) == ("campaigns.nodes.placements.nodes", 40)
    assert [plan["name"] for plan in found["plans"]] == ["FREE", "TEAM", "BUSINESS", "ENTERPRISE"]
    free = found["plans"][0]
    assert (free["maximumQueryCost"], free["fits"], free["why"]) == (50_000, True, None)
    assert free["perMinute"] == int(500 * 60 / found["requestedQueryCost"])
    assert free["atOnce"] == int(50_000 / found["requestedQueryCost"])
    said = shell.run("cost", "explain", query)
    assert said.status == 0
    assert "campaigns.nodes.placements.nodes" in said.out
    assert f"The query Pages costs at most {found['requestedQueryCost']:,} points." in said.out


def test_explain_counts_the_variables(shell: Terminal, folder: Path) -> None:
    query = file(folder, "pages.graphql", PAGES)
    given = [explained(shell, query, "--variables", file(folder, f"{n}.json", {"first": n})) for n in (0, 10, 20)]
    none, ten, twenty = (each["requestedQueryCost"] for each in given)
    assert ten == explained(shell, query)["requestedQueryCost"]
    assert twenty - ten == pytest.approx(ten - none)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (
            {"first": "ten"},
            "{}:1:13: Variable '$first' has invalid value: Int cannot represent non-integer value: 'ten'",
        ),
        ({"frist": 10}, "{}: The operation has no variable '$frist'."),
    ],
)
def test_explain_refuses_variables_that_a_server_would_not_take_or_read(
    shell: Terminal, folder: Path, given: dict[str, Any], complaint: str
) -> None:
    query = file(folder, "pages.graphql", PAGES)
    said = shell.run("cost", "explain", query, "--variables", file(folder, "v.json", given))
    assert (said.status, said.out, said.err) == (3, "", complaint.format(query) + "\n")


def test_explain_assumes_large_values_and_says_so(shell: Terminal, folder: Path) -> None:
    query = file(folder, "unknown.graphql", UNKNOWN)
    largest = file(folder, "largest.json", {"n": 1_000, "more": True})
    found = explained(shell, query)
    assert found["assumed"] == ["$n is 1,000"]
    assert found["requestedQueryCost"] == explained(shell, query, "--variables", largest)["requestedQueryCost"]
    assert "Assumed: $n is 1,000." in shell.run("cost", "explain", query).out


def test_explain_names_what_fits_and_fails_for_the_plan_named(shell: Terminal, folder: Path) -> None:
    query = file(folder, "huge.graphql", HUGE)
    said = shell.run("cost", "explain", query, "--plan", "FREE", "--json")
    assert said.status == 1
    [plan] = json.loads(said.out)["plans"]
    assert plan["fits"] is False
    assert plan["why"].startswith("It costs more than the 50,000 points that FREE allows. The dearest list is 'camp")
    assert shell.run("cost", "explain", query).status == 0
    number = int(plan["why"].split("first: ")[1].split()[0])
    assert 0 < number < 1_000
    fitting = HUGE.replace("campaigns(first: 1000)", f"campaigns(first: {number})")
    if "campaigns.nodes.placements" in plan["why"]:
        fitting = HUGE.replace("placements(first: 1000)", f"placements(first: {number})")
    assert shell.run("cost", "explain", file(folder, "less.graphql", fitting), "--plan", "FREE").status == 0


def test_explain_prices_the_operation_named(shell: Terminal, folder: Path) -> None:
    both = file(folder, "both.graphql", f"{SMALL}\n{PAGES}")
    assert explained(shell, both, "--operation", "Small")["operation"] == "Small"
    said = shell.run("cost", "explain", both)
    assert (said.status, said.out) == (3, "")
    assert "Must provide operation name" in said.err


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{ viewer {\n  nobody } }", ":2:3: Cannot query field 'nobody' on type 'Viewer'."),
        ("{ viewer { role }", ":1:18: Syntax Error: Expected Name, found <EOF>."),
    ],
)
def test_explain_says_where_a_document_is_wrong(shell: Terminal, folder: Path, text: str, complaint: str) -> None:
    query = file(folder, "wrong.graphql", text)
    said = shell.run("cost", "explain", query)
    assert (said.status, said.out) == (3, "")
    assert said.err == f"{query}{complaint}\n"


def test_files_that_cannot_be_used_are_named(shell: Terminal, folder: Path) -> None:
    query, list_ = file(folder, "small.graphql", SMALL), file(folder, "list.json", [1])
    missing = str(folder / "none")
    for arguments, words in (
        (["explain", missing], f"{missing} cannot be read: No such file or directory."),
        (["explain", query, "--variables", missing], f"{missing} cannot be read: No such file or directory."),
        (["explain", query, "--variables", list_], f"{list_} is not an object of values by the variable's name"),
        (["check", missing, "--plan", "FREE"], f"{missing} cannot be read: No such file or directory."),
        (["check", list_, "--plan", "FREE"], f"{list_} is neither"),
    ):
        said = shell.run("cost", *arguments)
        assert (said.status, said.out) == (3, ""), arguments
        assert said.err.startswith(words)


def test_wrong_command_line_has_an_exit_code_of_its_own(shell: Terminal, folder: Path) -> None:
    assert shell.run("cost", "explain").status == 64
    assert shell.run("cost", "explain", "x", "--plan", "HUGE").status == 64
    assert shell.run("cost", "check", file(folder, "m.json", {"a": SMALL})).status == 64


def checked(shell: Terminal, manifest: str, *arguments: str) -> Said:
    return shell.run("cost", "check", manifest, "--plan", "FREE", *arguments)


def test_check_passes_when_all_fit(shell: Terminal, folder: Path) -> None:
    said = checked(shell, file(folder, "m.json", {"1": SMALL, "2": PAGES}))
    assert said.status == 0, said
    assert said.out.index("Pages") < said.out.index("Small")  # the dearest first
    assert said.out.splitlines()[-1] == "2 of 2 operations fit FREE."


def test_check_reads_the_manifest_of_apollo(shell: Terminal, folder: Path) -> None:
    operations = [{"id": "a" * 64, "name": "Small", "type": "query", "body": SMALL}]
    manifest = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    said = checked(shell, file(folder, "m.json", manifest))
    assert (said.status, said.out.splitlines()[-1]) == (0, "1 of 1 operations fit FREE.")


def test_check_fails_for_what_does_not_fit_or_is_not_valid(shell: Terminal, folder: Path) -> None:
    report = folder / "report.md"
    manifest = file(folder, "m.json", {"1": SMALL, "2": HUGE, "3": "query Old { gone }"})
    said = checked(shell, manifest, "--markdown", str(report))
    assert said.status == 1
    assert said.out.splitlines()[-1] == "1 of 3 operations fit FREE."
    assert "It costs more than the 50,000 points that FREE allows" in said.out
    assert "3:1:13: Cannot query field 'gone' on type 'Query'." in said.out
    text = report.read_text()
    assert text.startswith("## Cost check 🛑 fails\n\n1 of 3 operations fit FREE.\n")
    assert "| Small |" in text


def test_check_refuses_documents_beyond_the_structure_of_the_plan(shell: Terminal, folder: Path) -> None:
    aliases = " ".join(f"a{n}: __typename" for n in range(60))
    manifest = file(folder, "m.json", {"1": f"query Many {{ {aliases} }}"})
    said = checked(shell, manifest)
    assert said.status == 1
    assert "60 aliases" in said.out
    assert shell.run("cost", "check", manifest, "--plan", "TEAM").status == 0


def test_check_takes_variables_by_operation_and_says_what_it_assumes(shell: Terminal, folder: Path) -> None:
    manifest = file(folder, "m.json", {"1": UNKNOWN})
    assert "Assumed for Unknown: $n is 1,000." in checked(shell, manifest).out
    given = file(folder, "v.json", {"Unknown": {"n": 5, "more": True}})
    assert "Assumed" not in checked(shell, manifest, "--variables", given).out
    said = checked(shell, manifest, "--variables", file(folder, "w.json", {"Unknwon": {}}))
    assert (said.status, said.out) == (3, "")
    assert said.err == "No document has an operation named 'Unknwon', for which there are variables.\n"


def test_check_fails_for_variables_that_a_server_would_not_take(shell: Terminal, folder: Path) -> None:
    manifest = file(folder, "m.json", {"1": UNKNOWN, "2": SMALL})
    said = checked(shell, manifest, "--variables", file(folder, "v.json", {"Unknown": {"n": "five"}}))
    assert said.status == 1
    assert "Variable '$n' has invalid value: Int cannot represent non-integer value: 'five'" in said.out
    assert "1 of 2 operations fit" in said.out


def test_check_shows_what_a_change_of_the_schema_does_to_prices(shell: Terminal, folder: Path) -> None:
    before = committed_snapshot().read_text()
    other = re.sub(r"type Viewer [^{]*{", 'type Viewer @cost(weight: "0.7") {', before)
    younger = re.sub(r'  """The API key; null for a user."""\n  apiKey: ApiKey.*\n', "", other)
    assert len({before, other, younger}) == 3
    report = folder / "report.md"
    manifest = file(folder, "m.json", {"1": SMALL, "2": "query New { viewer { apiKey { id } } }"})
    old = file(folder, "old.graphql", younger)
    said = checked(shell, manifest, "--against", old, "--markdown", str(report))
    assert said.status == 0, said
    assert said.out.splitlines()[-1] == f"2 of 2 operations fit FREE; compared with {old}."
    rows = {
        row.split("|")[1].strip(): [cell.strip() for cell in row.split("|")[2:-1]]
        for row in report.read_text().splitlines()
        if row.startswith("|")
    }
    now, then, difference, ratio, verdict = rows["Small"]
    assert float(now) - float(then) == pytest.approx(float(difference))
    assert float(ratio) == pytest.approx(float(now) / float(then), abs=0.005)
    assert verdict == "fits"
    assert rows["New"][1:4] == ["", "", ""]  # not valid by then


def test_check_refuses_a_schema_that_does_not_say_what_it_costs(shell: Terminal, folder: Path) -> None:
    manifest = file(folder, "m.json", {"1": SMALL})
    for sdl, words in (
        ("type Query { all: [T!]! } type T { id: ID! }", "does not say what it costs: Query.all: nothing bounds"),
        ("type Query {", "is no SDL: Syntax Error: Expected Name, found <EOF>."),
    ):
        old = file(folder, "old.graphql", sdl)
        said = checked(shell, manifest, "--against", old)
        assert (said.status, said.out) == (3, "")
        assert said.err.startswith(f"{old} {words}")
    said = checked(shell, manifest, "--against", "no-such-ref")
    assert said.status == 3
    assert said.err.startswith("'no-such-ref' is neither a file nor a git ref")
