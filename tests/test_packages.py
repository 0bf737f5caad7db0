"""Our top-level packages have names that anyone could take; nothing installed beside us may."""

import importlib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("gateway", "schema", "resolvers", "persistence", "cache", "ops")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_provides_our_package(package: str) -> None:
    assert set(packages_distributions().get(package, ())) <= {"podgraph"}


@pytest.mark.parametrize("package", PACKAGES)
def test_our_package_is_the_one_that_is_imported(package: str) -> None:
    # tests/ holds folders of the same names; were it on the path before ours, they would be imported instead.
    assert list(importlib.import_module(package).__path__) == [str(ROOT / package)]


@pytest.mark.parametrize("folder", [*PACKAGES, "tests"])
def test_every_folder_of_modules_is_a_package(folder: str) -> None:
    modules = (file for file in (ROOT / folder).rglob("*.py") if "node_modules" not in file.parts)
    assert sorted({str(file.parent) for file in modules if not (file.parent / "__init__.py").is_file()}) == []
