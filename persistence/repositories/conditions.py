"""Conditions that several repositories share."""

from typing import Any

from sqlalchemy import ColumnElement


def contains(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """The column contains the text, ignoring case; `%` and `_` in it are ordinary characters."""
    return column.icontains(wanted, autoescape=True)


def archived(archived_at: ColumnElement[Any], wanted: bool) -> ColumnElement[bool]:
    """The object is archived, or is not."""
    return archived_at.is_not(None) if wanted else archived_at.is_(None)
