"""The server against the 61 audits of the npm package graphql-http, over real HTTP."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import msgspec

from tests.services.gateway import Gateway

FOLDER = Path(__file__).parent / "graphql_http"
AUDITS = 61


class AuditResult(msgspec.Struct, frozen=True):
    """One audit's outcome: ok, notice, warn or error."""

    id: str
    name: str
    status: str
    reason: str | None = None


async def audit_results(url: str) -> list[AuditResult]:
    """What graphql-http says of the server at `url`."""
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    node = shutil.which("node", path=search)
    assert node is not None, "no Node: install the `web` dependency group"
    assert (FOLDER / "node_modules").is_dir(), f"run `npm ci` in {FOLDER}"
    process = await asyncio.create_subprocess_exec(
        node, "audit.mjs", url, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        output, complaint = await process.communicate()
    assert process.returncode == 0, complaint.decode()
    return msgspec.json.decode(output, type=list[AuditResult])


async def test_all_audits_pass_on_the_running_gateway(demo_server: Gateway) -> None:
    results = await audit_results(f"{demo_server.url}/graphql")
    assert [result for result in results if result.status != "ok"] == []
    assert len(results) == AUDITS
