"""The error tree, its table and its words."""

import re

import pytest

from halo_shared import errors
from halo_shared.errors import (
    DISPOSITIONS,
    INTERNAL,
    ErrorClass,
    HaloIntegratorError,
    RateLimited,
    Settle,
    disposition,
)


def _all_below(cls: type[HaloIntegratorError]) -> list[type[HaloIntegratorError]]:
    """The tree in the order in which its classes stand in the file; only those of this module."""
    below = [child for child in cls.__subclasses__() if child.__module__ == errors.__name__]
    return [cls, *(found for child in below for found in _all_below(child))]


TREE = _all_below(HaloIntegratorError)
FAMILIES = [cls for cls in HaloIntegratorError.__subclasses__() if cls.__module__ == errors.__name__]


@pytest.mark.parametrize("cls", TREE[1:], ids=lambda cls: cls.__name__)
def test_each_class_has_the_disposition_of_its_family(cls: type[HaloIntegratorError]) -> None:
    family = next(family for family in FAMILIES if issubclass(cls, family))

    assert disposition(cls()).error_class is ErrorClass(family.__name__.removesuffix("Error").lower())
    assert disposition(cls()) == DISPOSITIONS.get(cls, DISPOSITIONS[family])


def test_each_family_has_a_row() -> None:
    assert set(FAMILIES) <= set(DISPOSITIONS)


@pytest.mark.parametrize(
    ("error", "settle"),
    [
        (errors.SourceUnavailable(), Settle.AGAIN),
        (errors.CredentialRefused(), Settle.DONE),
        (errors.RecordRefused(), Settle.DONE),
        (errors.IncompleteRead(), Settle.DONE),
        (errors.Cancelled(), Settle.DONE),
        (errors.Unreadable(), Settle.BURY),
        (KeyError("x"), Settle.BURY),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_what_follows(error: Exception, settle: Settle) -> None:
    assert disposition(error).settle is settle


@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError(), HaloIntegratorError(), KeyboardInterrupt()])
def test_what_is_in_no_family_is_our_own_fault(error: BaseException) -> None:
    assert disposition(error) is INTERNAL


def test_a_new_subclass_needs_no_row() -> None:
    class LicenceExpired(errors.CredentialRefused):
        """The licence has expired."""

    assert disposition(LicenceExpired()) is DISPOSITIONS[errors.ConfigurationError]


@pytest.mark.parametrize("cls", TREE, ids=lambda cls: cls.__name__)
def test_the_docstring_is_the_message_and_a_sentence(cls: type[HaloIntegratorError]) -> None:
    sentence = cls().message

    assert re.fullmatch(r"[A-Z][^\n]+\.", sentence)
    assert str(cls()) == sentence == cls.__doc__


@pytest.mark.parametrize("after", [*DISPOSITIONS.values(), INTERNAL], ids=lambda after: after.error_class)
def test_the_advice_is_a_sentence(after: errors.Disposition) -> None:
    assert re.fullmatch(r"[A-Z][^\n]+\.", after.advice)


def test_the_picture_in_the_docstring_is_the_tree() -> None:
    lines = (errors.__doc__ or "").splitlines()
    drawn = [match[1] for line in lines if (match := re.match(r"[ │├└─]+([A-Z]\w+)", line))]

    assert drawn == [cls.__name__ for cls in TREE]


def test_an_own_message_replaces_the_default() -> None:
    error = RateLimited("Slower.", detail="429", retry_after=12.5)

    assert (str(error), error.message, error.detail, error.retry_after, error.code) == (
        "Slower.",
        "Slower.",
        "429",
        12.5,
        "RateLimited",
    )
