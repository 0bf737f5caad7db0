"""`podgraph schema` in checkouts of its own: what it prints, what it writes, how it exits."""

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from gateway.commands.schema import committed_snapshot, printed_schema, schema_commands
from gateway.schema_changes.elements import schema_from
from gateway.schema_changes.report import OUTDATED

BEFORE = '''type Query {
  """Shows."""
  podcasts: [String!]!
  old: Int
}
'''
ADDED = BEFORE.replace("  old: Int\n", "  old: Int\n  episodes: Int\n")
REMOVED = BEFORE.replace("  old: Int\n", "")
PRICED = BEFORE.replace("old: Int", "old(unit: Int): Int")
NO_GITHUB = {"GITHUB_ACTIONS": None, "GITHUB_STEP_SUMMARY": None}


class Checkout:
    """A repository with `schema/schema.graphql`, and the commands over it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.snapshot = root / "schema" / "schema.graphql"

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", *identity, *arguments],
            cwd=self.root,
            env={**environment, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return done.stdout.strip()

    def init(self) -> None:
        self.git("init", "--quiet", "--initial-branch=main")

    def commit(self, sdl: str) -> None:
        """Commit this SDL as the snapshot."""
        self.snapshot.write_text(sdl, encoding="utf-8")
        self.git("add", ".")
        self.git("commit", "--quiet", "--allow-empty", "--message=Snapshot")

    def run(self, arguments: Sequence[str], printed: str, environment: dict[str, str | None] | None = None) -> Result:
        """`podgraph schema ARGUMENTS` while the code's graph prints as `printed`, on 1 June 2026."""
        app = typer.Typer()
        commands = schema_commands(
            printed=lambda: printed, snapshot=lambda: self.snapshot, today=lambda: date(2026, 6, 1)
        )
        app.add_typer(commands, name="schema")
        # A second command, as podgraph has: typer would else take the only one for the whole program.
        app.command()(_nothing)
        return CliRunner().invoke(app, ["schema", *arguments], env={**NO_GITHUB, **(environment or {})})


def _nothing() -> None:
    """Do nothing."""


@pytest.fixture
def bare(tmp_path: Path) -> Checkout:
    """A folder that is in no repository."""
    folder = Checkout(tmp_path / "project")
    folder.snapshot.parent.mkdir(parents=True)
    return folder


@pytest.fixture
def checkout(bare: Checkout) -> Checkout:
    """A repository whose main holds BEFORE."""
    bare.init()
    bare.commit(BEFORE)
    return bare


def test_print_shows_the_schema_as_it_is(bare: Checkout) -> None:
    result = bare.run(["print"], BEFORE)
    assert (result.exit_code, result.stdout) == (0, BEFORE)


def test_print_writes_the_file_it_is_told(bare: Checkout) -> None:
    result = bare.run(["print", "--out", str(bare.snapshot)], BEFORE)
    assert (result.exit_code, result.stdout) == (0, "")
    assert bare.snapshot.read_bytes() == BEFORE.encode()


def test_print_into_a_missing_folder_is_one_sentence(bare: Checkout) -> None:
    missing = bare.root / "missing" / "schema.graphql"
    result = bare.run(["print", "--out", str(missing)], BEFORE)
    assert (result.exit_code, result.stderr) == (3, f"{missing} cannot be written: No such file or directory.\n")


def test_nothing_changed_passes(checkout: Checkout) -> None:
    result = checkout.run(["check"], BEFORE)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "0 breaking, 0 dangerous, 0 safe." in result.stdout


def test_a_safe_change_with_its_snapshot_passes(checkout: Checkout) -> None:
    checkout.snapshot.write_text(ADDED, encoding="utf-8")
    result = checkout.run(["check"], ADDED)
    assert result.exit_code == 0
    assert "Field Query.episodes was added." in result.stdout


def test_a_dangerous_change_passes(checkout: Checkout) -> None:
    checkout.snapshot.write_text(PRICED, encoding="utf-8")
    assert checkout.run(["check"], PRICED).exit_code == 0


def test_a_breaking_change_exits_1(checkout: Checkout) -> None:
    checkout.snapshot.write_text(REMOVED, encoding="utf-8")
    result = checkout.run(["check"], REMOVED)
    assert (result.exit_code, result.stderr) == (1, "")
    assert "Field Query.old was removed." in result.stdout


def test_an_old_snapshot_exits_2_and_says_what_to_run(checkout: Checkout) -> None:
    result = checkout.run(["check"], ADDED)
    assert (result.exit_code, result.stderr) == (2, OUTDATED + "\n")
    assert OUTDATED.endswith("run podgraph schema print --out schema/schema.graphql")


def test_a_missing_snapshot_is_out_of_date(checkout: Checkout) -> None:
    checkout.snapshot.unlink()
    assert checkout.run(["check"], BEFORE).exit_code == 2


def test_a_break_wins_over_an_old_snapshot_and_both_are_told(checkout: Checkout) -> None:
    result = checkout.run(["check"], REMOVED)
    assert (result.exit_code, result.stderr) == (1, OUTDATED + "\n")
    assert "Field Query.old was removed." in result.stdout


def test_a_deprecation_without_a_date_exits_1(checkout: Checkout) -> None:
    after = BEFORE.replace("old: Int", 'old: Int @deprecated(reason: "Use podcasts instead.")')
    checkout.snapshot.write_text(after, encoding="utf-8")
    result = checkout.run(["check"], after)
    assert result.exit_code == 1
    assert "must name the date of removal as YYYY-MM-DD" in result.stdout


def test_the_default_baseline_is_the_merge_base_with_main(checkout: Checkout) -> None:
    checkout.git("checkout", "--quiet", "-b", "feature")
    checkout.commit(REMOVED)
    checkout.git("checkout", "--quiet", "main")
    checkout.commit(ADDED)
    checkout.git("checkout", "--quiet", "feature")
    result = checkout.run(["check"], REMOVED)
    assert result.exit_code == 1
    # main's own new field is not taken for a removal of ours.
    assert "Query.episodes" not in result.stdout
    assert "the merge base with main" in result.stdout


def test_without_a_default_branch_the_baseline_is_head(bare: Checkout) -> None:
    bare.git("init", "--quiet", "--initial-branch=trunk")
    bare.commit(BEFORE)
    result = bare.run(["check"], ADDED)
    assert "Compared with HEAD: 0 breaking, 0 dangerous, 1 safe." in result.stdout


def test_the_remote_says_which_branch_is_the_default(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("branch", "--move", "main", "trunk")
    checkout.git("clone", "--quiet", ".", str(tmp_path / "clone"))
    result = Checkout(tmp_path / "clone").run(["check"], BEFORE)
    assert "the merge base with origin/trunk" in result.stdout


def test_against_a_ref_takes_its_snapshot(checkout: Checkout) -> None:
    checkout.git("tag", "v1")
    checkout.commit(REMOVED)
    assert checkout.run(["check"], REMOVED).exit_code == 0
    result = checkout.run(["check", "--against", "v1"], REMOVED)
    assert result.exit_code == 1
    assert "Compared with v1: 1 breaking" in result.stdout


def test_against_a_file_needs_no_repository(bare: Checkout) -> None:
    bare.snapshot.write_text(REMOVED, encoding="utf-8")
    other = bare.root / "released.graphql"
    other.write_text(BEFORE, encoding="utf-8")
    result = bare.run(["check", "--against", str(other)], REMOVED)
    assert result.exit_code == 1
    assert "1 breaking" in result.stdout


@pytest.mark.parametrize("ref", ["nowhere", "", "--help", "v1\nv2", "HEAD~5", "\0"])
def test_an_unknown_ref_is_one_sentence(checkout: Checkout, ref: str) -> None:
    result = checkout.run(["check", f"--against={ref}"], BEFORE)
    expected = f"{ref!r} is neither a file nor a git ref of this checkout.\n"
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", expected)


def test_outside_a_repository_is_one_sentence(bare: Checkout) -> None:
    result = bare.run(["check"], BEFORE)
    expected = f"{bare.snapshot.parent} is not in a git checkout; pass --against FILE.\n"
    assert (result.exit_code, result.stdout, result.stderr) == (3, "", expected)


def test_a_repository_without_commits_is_one_sentence(bare: Checkout) -> None:
    bare.init()
    result = bare.run(["check"], BEFORE)
    assert (result.exit_code, result.stderr) == (3, "The checkout has no commit yet; pass --against FILE.\n")


def test_a_ref_without_a_snapshot_is_one_sentence(bare: Checkout) -> None:
    bare.init()
    bare.git("commit", "--quiet", "--allow-empty", "--message=Empty")
    result = bare.run(["check", "--against", "main"], BEFORE)
    expected = "main holds no schema/schema.graphql; pass --against a ref that does, or a file.\n"
    assert (result.exit_code, result.stderr) == (3, expected)


def test_a_shallow_clone_says_how_to_deepen_it(checkout: Checkout, tmp_path: Path) -> None:
    checkout.git("tag", "v1")
    checkout.git("checkout", "--quiet", "-b", "feature")
    checkout.commit(ADDED)
    checkout.git("checkout", "--quiet", "main")
    checkout.commit(PRICED)
    root = tmp_path / "clone"
    source = f"file://{checkout.root}"
    checkout.git("clone", "--quiet", "--depth=1", "--no-single-branch", "--branch=feature", source, str(root))
    clone = Checkout(root)
    advice = ": the clone is shallow, fetch its history with `git fetch --unshallow`"
    result = clone.run(["check"], ADDED)
    assert (result.exit_code, result.stderr) == (
        3,
        f"HEAD and origin/main have no common commit{advice}; or pass --against REF_OR_FILE.\n",
    )
    result = clone.run(["check", "--against=HEAD~1"], ADDED)
    assert (result.exit_code, result.stderr) == (
        3,
        f"'HEAD~1' is neither a file nor a git ref of this checkout{advice}.\n",
    )


def test_a_baseline_that_is_no_schema_is_one_sentence(checkout: Checkout) -> None:
    checkout.commit("type Query {")
    result = checkout.run(["check", "--against", "HEAD"], BEFORE)
    expected = "HEAD is not a valid schema: Syntax Error: Expected Name, found <EOF>. (line 1)\n"
    assert (result.exit_code, result.stderr) == (3, expected)


def test_a_baseline_that_is_no_text_is_one_sentence(bare: Checkout) -> None:
    other = bare.root / "noise.graphql"
    other.write_bytes(b"\xff\xfe\x00")
    result = bare.run(["check", "--against", str(other)], BEFORE)
    assert (result.exit_code, result.stderr) == (3, f"{other} is not UTF-8 text.\n")


def test_a_committed_snapshot_that_is_no_text_is_one_sentence(checkout: Checkout) -> None:
    checkout.snapshot.write_bytes(b"\xff\xfe\x00")
    checkout.git("commit", "--all", "--quiet", "--message=Noise")
    result = checkout.run(["check", "--against", "HEAD"], BEFORE)
    assert (result.exit_code, result.stderr) == (3, "schema/schema.graphql of HEAD is not UTF-8 text.\n")


def test_a_machine_without_git_is_one_sentence(checkout: Checkout, tmp_path: Path) -> None:
    result = checkout.run(["check"], BEFORE, {"PATH": str(tmp_path)})
    expected = "git is not installed, or the schema's folder is gone; pass --against FILE.\n"
    assert (result.exit_code, result.stderr) == (3, expected)


def test_the_repository_is_the_one_of_the_schema_even_inside_a_git_hook(checkout: Checkout) -> None:
    result = checkout.run(["check"], BEFORE, {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index"})
    assert result.exit_code == 0


@pytest.mark.parametrize("arguments", [["check", "--unknown"], ["check", "extra"], ["chek"], ["--unknown"]])
def test_a_wrong_command_line_is_not_taken_for_an_old_snapshot(bare: Checkout, arguments: list[str]) -> None:
    assert bare.run(arguments, BEFORE).exit_code == 64


def test_markdown_holds_the_whole_report(checkout: Checkout) -> None:
    after = REMOVED.replace("}", "  episodes(order: Int): [String!]\n}")
    checkout.snapshot.write_text(after, encoding="utf-8")
    file = checkout.root / "report.md"
    checkout.run(["check", "--against", "main", "--markdown", str(file)], after)
    assert file.read_text(encoding="utf-8") == (
        "## Schema check 🛑 fails\n\n"
        "Compared with main: 1 breaking, 0 dangerous, 1 safe.\n\n"
        "### 🛑 breaking (1)\n\n"
        "| where | kind | change |\n|---|---|---|\n"
        "| `Query.old` | FIELD_REMOVED | Field Query.old was removed. |\n\n"
        "<details><summary>✅ safe (1)</summary>\n\n"
        "| where | kind | change |\n|---|---|---|\n"
        "| `Query.episodes` | FIELD_ADDED | Field Query.episodes was added. |\n\n"
        "</details>\n"
    )


def test_markdown_tells_an_old_snapshot_and_breaches_of_the_policy(checkout: Checkout) -> None:
    file = checkout.root / "report.md"
    after = BEFORE.replace("old: Int", 'old: Int @deprecated(reason: "Gone on 2027-01-01.")')
    checkout.run(["check", "--markdown", str(file)], after)
    assert file.read_text(encoding="utf-8").splitlines()[4:10] == [
        f"**{OUTDATED}**",
        "",
        "### 🛑 deprecation policy",
        "",
        "| where | breach |",
        "|---|---|",
    ]


def test_markdown_escapes_what_a_reason_may_hold(checkout: Checkout) -> None:
    after = BEFORE.replace("old: Int", 'old: Int @deprecated(reason: "<b>|`x`\\n2027-01-01, use [a](b) instead")')
    file = checkout.root / "report.md"
    checkout.run(["check", "--markdown", str(file)], after)
    row = next(line for line in file.read_text(encoding="utf-8").splitlines() if "DEPRECATION_ADDED" in line)
    assert row.endswith("Query.old was deprecated: &lt;b>\\|\\`x\\` 2027-01-01, use \\[a\\](b) instead |")


def test_the_step_summary_of_github_is_appended_to(checkout: Checkout) -> None:
    summary = checkout.root / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    checkout.run(["check"], BEFORE, {"GITHUB_STEP_SUMMARY": str(summary)})
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## Schema check ✅ passes\n")


def test_markdown_that_cannot_be_written_is_one_sentence(checkout: Checkout) -> None:
    result = checkout.run(["check", "--markdown", str(checkout.root)], BEFORE)
    assert (result.exit_code, result.stderr) == (3, f"{checkout.root} cannot be written: Is a directory.\n")


@pytest.mark.parametrize(
    ("arguments", "environment"), [(["--annotations"], {}), ([], {"GITHUB_ACTIONS": "true"})], ids=["option", "github"]
)
def test_annotations_point_at_lines_of_the_snapshot(
    checkout: Checkout, arguments: list[str], environment: dict[str, str | None]
) -> None:
    after = PRICED.replace("podcasts: [String!]!", 'podcasts: [String!] @deprecated(reason: "100%\\nold")')
    checkout.snapshot.write_text(after, encoding="utf-8")
    result = checkout.run(["check", *arguments], after, environment)
    error, warning = "::error file=schema/schema.graphql,line=3::", "::warning file=schema/schema.graphql,line=4::"
    assert [line for line in result.stdout.splitlines() if line.startswith("::")] == [
        f'{error}The reason of @deprecated must say what replaces it: "Use X instead".',
        f"{error}The reason of @deprecated must name the date of removal as YYYY-MM-DD.",
        f"{error}Field Query.podcasts changed type from [String!]! to [String!].",
        f"{warning}An optional argument Query.old(unit:) was added.",
    ]


def test_what_github_would_read_as_syntax_is_escaped(checkout: Checkout) -> None:
    before = BEFORE.replace("old: Int", 'old(unit: String = "50%"): Int')
    checkout.commit(before)
    result = checkout.run(["check", "--annotations"], before.replace("50%", "51%"))
    assert 'has changed defaultValue from "50%25" to "51%25".' in result.stdout


def test_without_github_there_are_no_annotations(checkout: Checkout) -> None:
    assert "::" not in checkout.run(["check"], REMOVED).stdout


def test_annotations_of_a_removal_and_an_old_snapshot(checkout: Checkout) -> None:
    checkout.snapshot.write_text("not a schema", encoding="utf-8")
    result = checkout.run(["check", "--annotations"], REMOVED)
    assert [line for line in result.stdout.splitlines() if line.startswith("::")] == [
        f"::error file=schema/schema.graphql,line=1::{OUTDATED}",
        "::error file=schema/schema.graphql,line=1::Field Query.old was removed.",
    ]


def test_types_in_brackets_are_not_read_as_markup(checkout: Checkout) -> None:
    result = checkout.run(["check"], BEFORE.replace("[String!]!", "[Int]"))
    assert "from [String!]! to [Int]." in result.stdout


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_graph_prints_the_same_in_every_process(seed: str) -> None:
    code = "from gateway.commands.schema import printed_schema; print(printed_schema(), end='')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=committed_snapshot().parents[1],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        encoding="utf-8",
        check=True,
        timeout=60,
    )
    assert done.stdout == printed_schema()


def test_the_committed_snapshot_is_the_graph_of_the_code() -> None:
    assert committed_snapshot().read_text(encoding="utf-8") == printed_schema(), OUTDATED


def test_the_printed_graph_is_a_valid_schema() -> None:
    printed = printed_schema()
    assert printed.endswith("}\n")
    schema_from(printed, "The graph")
