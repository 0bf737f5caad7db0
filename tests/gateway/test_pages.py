"""The pages: how they are served, and what a build of gateway/web may and may not contain."""

import json
import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode
from starlette.applications import Starlette
from starlette.testclient import TestClient

from gateway.pages import ASSET_POLICY, GRAPHIQL_POLICY, LANDING_POLICY, NOT_BUILT, DemoLogin, page_routes

ROOT = Path(__file__).parents[2]
WEB = ROOT / "gateway" / "web"
BUILT = ROOT / "gateway" / "static"
SNAPSHOT = ROOT / "schema" / "schema.graphql"
EXAMPLES = sorted((WEB / "src" / "examples").glob("*.graphql"))

FOREVER = "public, max-age=31536000, immutable"


@pytest.fixture
def static_dir(tmp_path: Path) -> Path:
    """A build in miniature: both pages, the README, one script in three codings and one font."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (tmp_path / "index.html").write_text("<h1>Podgraph</h1>")
    (tmp_path / "graphiql.html").write_text((WEB / "graphiql.html").read_text())
    (tmp_path / "README.md").write_text("# Podgraph\n")
    (assets / "main-abc123.js").write_text("plain")
    (assets / "main-abc123.js.br").write_text("brotli")
    (assets / "main-abc123.js.gz").write_text("gzip")
    (assets / "inter-abc123.woff2").write_bytes(b"font")
    return tmp_path


@pytest.fixture
def client(static_dir: Path) -> TestClient:
    return client_of(static_dir)


def client_of(static_dir: Path, demo: DemoLogin | None = None, graphql_path: str = "/graphql") -> TestClient:
    return TestClient(Starlette(routes=page_routes(static_dir, graphql_path=graphql_path, demo=demo)))


class Tags(HTMLParser):
    """Every element of a page with its attributes, and the text within scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in {"script", "style"} and self.cdata_elem:
            self.inline += data


def settings_of(text: str) -> object:
    [content] = [
        attrs["content"] for tag, attrs in Tags(text).tags if tag == "meta" and attrs.get("name") == "podgraph"
    ]
    assert content is not None
    return json.loads(content)


def test_landing_page_allows_nothing_inline_and_nothing_from_elsewhere(client: TestClient) -> None:
    response = client.get("/")
    assert (response.status_code, response.text) == (200, "<h1>Podgraph</h1>")
    assert response.headers["content-security-policy"] == LANDING_POLICY
    assert "unsafe" not in LANDING_POLICY
    assert "http" not in LANDING_POLICY
    assert response.headers["cache-control"] == "no-cache"


def test_graphiql_page_allows_inline_styles_and_no_inline_scripts(client: TestClient) -> None:
    response = client.get("/graphiql")
    assert response.headers["content-security-policy"] == GRAPHIQL_POLICY
    directives = dict(directive.strip().split(" ", 1) for directive in GRAPHIQL_POLICY.split(";"))
    assert directives["script-src"] == "'self'"
    assert directives["worker-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    assert [name for name, sources in directives.items() if "unsafe" in sources] == ["style-src"]


def test_graphiql_page_knows_the_path_of_the_graph_and_no_login(static_dir: Path) -> None:
    response = client_of(static_dir, graphql_path="/graph").get("/graphiql")
    assert settings_of(response.text) == {"graphqlPath": "/graph", "demo": None}


def test_graphiql_page_of_a_demo_carries_its_login_however_it_is_spelt(static_dir: Path) -> None:
    spelt = "\"><script>alert('1')</script>&amp;"
    demo = DemoLogin(email="demo@example.com", password=spelt)
    response = client_of(static_dir, demo).get("/graphiql")
    assert settings_of(response.text) == {
        "graphqlPath": "/graphql",
        "demo": {"email": demo.email, "password": demo.password},
    }
    assert "<script>alert" not in response.text


def test_readme_is_plain_text(client: TestClient) -> None:
    response = client.get("/readme")
    assert response.text == "# Podgraph\n"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/", "/graphiql", "/readme"])
def test_page_that_was_not_built_says_what_to_do(tmp_path: Path, path: str) -> None:
    response = client_of(tmp_path / "static").get(path)
    assert (response.status_code, response.text) == (503, NOT_BUILT)
    assert response.headers["cache-control"] == "no-store"
    assert "make web" in NOT_BUILT


def test_page_appears_without_a_restart_once_it_is_built(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    assert client.get("/").status_code == 503
    (tmp_path / "index.html").write_text("built")
    assert client.get("/").text == "built"


def test_asset_of_a_build_that_is_missing_is_a_404(tmp_path: Path) -> None:
    assert client_of(tmp_path / "static").get("/static/assets/main-abc123.js").status_code == 404


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", "brotli"),
        ("gzip, BR", "br", "brotli"),
        ("br;q=0, gzip;q=0.5", "gzip", "gzip"),
        ("br; q=0.0, gzip;q=0.000", None, "plain"),
        ("br;q=0.001", "br", "brotli"),
        ("identity", None, "plain"),
        ("", None, "plain"),
    ],
)
def test_asset_comes_in_the_smallest_coding_that_the_client_takes(
    client: TestClient, accepted: str, coding: str | None, body: str
) -> None:
    # Read raw: a client would undo a coding, and these are not really compressed.
    with client.stream("GET", "/static/assets/main-abc123.js", headers={"Accept-Encoding": accepted}) as response:
        assert b"".join(response.iter_raw()) == body.encode()
    assert response.headers.get("content-encoding") == coding
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"


def test_asset_is_cached_for_good_and_may_speak_to_nobody(client: TestClient) -> None:
    response = client.get("/static/assets/inter-abc123.woff2")
    assert response.content == b"font"
    assert response.headers["content-type"] == "font/woff2"
    assert response.headers["cache-control"] == FOREVER
    assert response.headers["content-security-policy"] == ASSET_POLICY


def test_asset_that_the_browser_has_already_is_not_sent_again(client: TestClient) -> None:
    url = "/static/assets/inter-abc123.woff2"
    response = client.get(url, headers={"If-None-Match": client.get(url).headers["etag"]})
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["cache-control"] == FOREVER


@pytest.mark.parametrize(
    "path", ["../graphiql.html", "%2e%2e/graphiql.html", "..%2fREADME.md", "%2fetc%2fpasswd", "a%00b"]
)
def test_nothing_outside_of_the_assets_is_served_as_one(client: TestClient, path: str) -> None:
    # A page that came as a file would come without its policy.
    response = client.get(f"/static/assets/{path}")
    assert response.status_code == 404


def test_assets_cannot_be_written(client: TestClient) -> None:
    assert client.post("/static/assets/main-abc123.js").status_code == 405


# --- what gateway/web is -------------------------------------------------------------------------------------------


def test_lock_names_hashes_and_no_addresses() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    installed = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in installed.items() if "resolved" in package] == []
    assert [name for name, package in installed.items() if not package["integrity"].startswith("sha512-")] == []


def test_lock_holds_every_package_that_another_machine_would_install() -> None:
    # A registry that lacks one of a tool's platforms makes npm leave it out, and then `npm ci` refuses the lock.
    packages = json.loads((WEB / "package-lock.json").read_text())["packages"]
    locked = {path.rpartition("node_modules/")[2] for path in packages}
    wanted = {name for package in packages.values() for name in package.get("optionalDependencies", {})}
    assert wanted - locked == set()


def test_packages_are_pinned_to_one_version() -> None:
    package = json.loads((WEB / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert {name: version for name, version in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)} == {}


def test_there_are_seven_examples_with_a_sentence_on_top_and_variables() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "1-podcasts",
        "2-campaigns",
        "3-create-podcast",
        "4-watch-campaigns",
        "5-campaign-attribution",
        "6-why-this-conversion",
        "7-models-compared",
    ]
    for path in EXAMPLES:
        assert path.read_text().startswith("# "), path.name
        assert path.with_suffix(".variables.json").exists(), path.name


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example_fits_the_schema(path: Path) -> None:
    if not SNAPSHOT.exists():
        pytest.skip("schema/schema.graphql has not been printed yet")
    schema = build_schema(SNAPSHOT.read_text())
    document = parse(path.read_text())
    assert [error.message for error in validate(schema, document)] == []
    [operation] = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    assert operation.name is not None, "GraphiQL titles the tab with the operation's name"
    variables = json.loads(path.with_suffix(".variables.json").read_text())
    values = get_variable_values(schema, operation.variable_definitions or (), variables)
    assert not isinstance(values, list), values


# --- what was built ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built() -> Path:
    if not (BUILT / "index.html").exists():
        message = "gateway/static has not been built: run `make web`"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return BUILT


def built_files(built: Path, *suffixes: str) -> Iterator[tuple[str, str]]:
    for path in sorted(built.rglob("*")):
        if path.suffix in suffixes:
            yield path.name, path.read_text()


@pytest.mark.parametrize("page", ["index.html", "graphiql.html"])
def test_built_page_has_nothing_inline_that_its_policy_forbids(built: Path, page: str) -> None:
    parsed = Tags((built / page).read_text())
    assert parsed.inline.strip() == ""
    handlers = [(tag, name) for tag, attrs in parsed.tags for name in attrs if name == "style" or name.startswith("on")]
    assert handlers == []


@pytest.mark.parametrize("page", ["index.html", "graphiql.html"])
def test_built_page_loads_only_assets_that_exist(built: Path, page: str) -> None:
    loading = {"script", "link", "img", "source", "iframe", "object", "embed"}
    loaded = [
        attrs.get("src") or attrs.get("href") or ""
        for tag, attrs in Tags((built / page).read_text()).tags
        if tag in loading
    ]
    assert loaded
    for url in loaded:
        assert url.startswith("/static/assets/"), url
        assert (built / url.removeprefix("/static/")).is_file(), url


def test_built_graphiql_page_has_the_element_that_the_gateway_fills_in(built: Path) -> None:
    text = client_of(built).get("/graphiql").text
    assert settings_of(text) == {"graphqlPath": "/graphql", "demo": None}


def test_built_code_loads_nothing_from_another_host(built: Path) -> None:
    call = r"""(?:import|importScripts|fetch|Worker|EventSource|WebSocket)\(\s*["'`](?:https?|wss?):"""
    static_import = r"""\b(?:from|import)\s*["'](?:https?):"""
    style = r"""url\(\s*["']?(?:https?:)?//|@import"""
    hosts = r"""unpkg\.com|jsdelivr\.net|esm\.sh|cdnjs\.|googleapis\.com|gstatic\.com|skypack\.dev|ga\.jspm\.io"""
    found = [
        (name, match.group())
        for name, text in built_files(built, ".js", ".css")
        for match in re.finditer(f"{call}|{static_import}|{style}|{hosts}", text)
    ]
    assert found == []


def test_every_built_asset_carries_a_hash_in_its_name(built: Path) -> None:
    names = [path.name for path in (built / "assets").iterdir()]
    assert names
    assert [name for name in names if not re.search(r"-[\w-]{8}\.[a-z0-9]+(\.br|\.gz)?$", name)] == []


@pytest.mark.parametrize("worker", ["editor.worker", "graphql.worker", "json.worker"])
def test_monaco_worker_is_a_file_of_its_own(built: Path, worker: str) -> None:
    assert len(list((built / "assets").glob(f"{worker}-*.js"))) == 1
