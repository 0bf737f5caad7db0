"""Groups of commands whose exit codes mean something: a wrong command line then has one of its own."""

from typing import Any, Final

import typer
from typer.core import TyperGroup

USAGE: Final = 64
"""Exit code of a wrong command line (sysexits' EX_USAGE)."""

_TYPER_USAGE: Final = 2


class UsageGroup(TyperGroup):
    """Commands whose usage errors exit with 64, so that typer's own 2 is free to mean something.

    The signatures say Any because typer keeps the classes of its context private.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """As in TyperGroup: the group's own options are read here."""
        try:
            return super().make_context(*args, **kwargs)
        except typer.TyperException as error:
            _leave_two_free(error)
            raise

    def invoke(self, ctx: Any) -> Any:
        """As in TyperGroup: the command is chosen and its options are read here."""
        try:
            return super().invoke(ctx)
        except typer.TyperException as error:
            _leave_two_free(error)
            raise


def _leave_two_free(error: typer.TyperException) -> None:
    if error.exit_code == _TYPER_USAGE:
        error.exit_code = USAGE
