"""Checkouts for the tests of the command."""

from pathlib import Path

import pytest

from tests.gateway.schema_changes.checkout import BEFORE, Checkout


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
