"""The published schemas are those of today's models, and real events obey them."""

import json
from typing import get_args

import pytest

from halo_shared import schemas
from halo_shared.messages.events import Event


def test_every_kind_of_event_is_published() -> None:
    union, _ = get_args(Event)
    assert set(schemas.MODELS.values()) == set(get_args(union))


@pytest.mark.parametrize("kind", schemas.MODELS)
def test_the_file_is_what_the_models_say(kind: str) -> None:
    """Write it anew with: python -m tests.contract.schemas."""
    assert schemas.published(kind) == schemas.text(schemas.of_model(kind))


@pytest.mark.parametrize("kind", schemas.MODELS)
def test_it_names_its_kind_and_forbids_no_later_key(kind: str) -> None:
    schema = json.loads(schemas.published(kind))
    assert schema["properties"]["kind"]["const"] == kind
    assert "additionalProperties" not in schema
