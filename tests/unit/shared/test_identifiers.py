"""Names that travel."""

import pytest
from pydantic import TypeAdapter, ValidationError

from halo_shared.identifiers import IntegrationRef, RunId, Slug, new_run_id

SLUGS: TypeAdapter[str] = TypeAdapter(Slug)


@pytest.mark.parametrize("name", ["a", "7", "acme", "acme-uk", "a--b", "x" * 40])
def test_a_name_that_travels(name: str) -> None:
    assert SLUGS.validate_python(name) == name


@pytest.mark.parametrize(
    "name", ["", "Acme", "acme.uk", "acme_uk", "-acme", "acme-", "*", "#", "ä", "x" * 41, "a\n"]
)
def test_a_name_that_would_not_travel(name: str) -> None:
    with pytest.raises(ValidationError):
        SLUGS.validate_python(name)


def test_a_new_run_id_is_valid_and_new() -> None:
    ids = {TypeAdapter(RunId).validate_python(new_run_id()) for _ in range(100)}

    assert len(ids) == 100


def test_an_integration_is_written_as_it_is_read() -> None:
    reference = IntegrationRef.parse("acme/people")

    assert reference == IntegrationRef(tenant="acme", name="people")
    assert str(reference) == "acme/people"


@pytest.mark.parametrize(
    "text", ["", "acme", "acme/", "/people", "acme/people/x", "Acme/people", "acme/people\n"]
)
def test_what_is_no_integration_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write tenant/integration, as in acme/people"):
        IntegrationRef.parse(text)
