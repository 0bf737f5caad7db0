"""Conditions that several repositories share; what they compare with is a value, or a bind that stands for one."""

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, any_, func, type_coerce


def contains(column: ColumnElement[Any], wanted: str) -> ColumnElement[bool]:
    """The column contains the text, ignoring case; `%` and `_` in it are ordinary characters."""
    return func.strpos(func.lower(column), func.lower(type_coerce(wanted, Text))) > 0


def among(column: ColumnElement[Any], wanted: Any) -> ColumnElement[bool]:
    """The column has one of the values; one array, so that any number of them makes the same statement."""
    return column == any_(type_coerce(wanted, ARRAY(column.type)))


def archived(archived_at: ColumnElement[Any], wanted: bool) -> ColumnElement[bool]:
    """The object is archived, or is not."""
    return archived_at.is_not(None) if wanted else archived_at.is_(None)
