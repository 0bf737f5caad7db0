"""What a check writes for people and for GitHub."""

import pytest

from gateway.schema_changes.report import OUTDATED
from tests.gateway.schema_changes.checkout import BEFORE, PRICED, REMOVED, Checkout


def test_markdown_holds_the_whole_report(checkout: Checkout) -> None:
    after = REMOVED.replace("}", "  episodes(order: Int): [String!]\n}")
    checkout.snapshot.write_text(after, encoding="utf-8")
    file = checkout.root / "report.md"
    checkout.run(["check", "--against", "main", "--markdown", str(file)], after)
    assert file.read_text(encoding="utf-8") == (
        "## Schema check 🛑 fails\n\n"
        "Compared with main: 1 breaking, 0 dangerous, 1 safe.\n\n"
        "There is no usage data: every removal counts as one that somebody may depend on.\n\n"
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
