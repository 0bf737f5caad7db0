"""What a check compares with, and what it says where there is nothing."""

from pathlib import Path

import pytest

from tests.gateway.schema_changes.checkout import ADDED, BEFORE, PRICED, REMOVED, Checkout


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
