"""How `make test` spreads the tests over its workers."""

from collections.abc import Collection

COSTLY = ("domain",)
"""Session fixtures that take so long to start that one worker alone shall have them."""


def group_of(file: str, fixtures: Collection[str]) -> str:
    """The tests that one worker runs, one after another: those of a file, or those of a costly service."""
    return next((service for service in COSTLY if service in fixtures), file)
