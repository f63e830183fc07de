"""Tests of one attribute of a source's record, as people write them into a mapping."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """A part of a file that people write: unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def _is_a_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from error
    return text


Pattern = Annotated[str, AfterValidator(_is_a_pattern)]
"""A regular expression; upper and lower case are the same to it."""


class Condition(Strict):
    """Something an attribute must say; of several values one is enough, and capitals do not matter."""

    attribute: str
    equals: str | None = None
    contains: str | None = None
    starts: str | None = None
    ends: str | None = None
    matches: Pattern | None = None
    """A regular expression that is found anywhere in the value."""

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        given = [name for name in TESTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(TESTS)}: it has {', '.join(given) or 'none'}")
        return self

    @property
    def test(self) -> tuple[str, str]:
        """Which test it is, and what is asked for."""
        return next((name, value) for name in TESTS if (value := getattr(self, name)) is not None)

    def __str__(self) -> str:
        name, value = self.test
        return f"{self.attribute} {name} '{value}'"


TESTS: Final = ("equals", "contains", "starts", "ends", "matches")


class Spot(Strict):
    """A client and a site, by the names that Halo shows."""

    client: str = Field(min_length=1)
    site: str = Field(default="Main", min_length=1)
