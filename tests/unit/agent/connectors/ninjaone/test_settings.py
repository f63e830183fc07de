"""What the settings take, and what they say about the rest."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from halo_agent.connectors import ninjaone
from halo_agent.connectors.ninjaone.settings import NinjaOneSettings
from halo_shared.files import load
from halo_shared.integrations import IntegrationSpec

SHORTEST = {"instance": "eu", "client_id": "app", "client_secret": "secret://ninjaone"}


def parsed(**changes: object) -> NinjaOneSettings:
    return NinjaOneSettings.model_validate({**SHORTEST, **changes})


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("app", "https://app.ninjarmm.com"),
        ("US2", "https://us2.ninjarmm.com"),
        ("eu.ninjarmm.com", "https://eu.ninjarmm.com"),
        ("https://oc.ninjarmm.com/#/systemDashboard", "https://oc.ninjarmm.com"),
        ("https://acme.rmmservice.eu/", "https://acme.rmmservice.eu"),
    ],
)
def test_an_instance_is_a_region_or_what_a_browser_shows(said: str, address: str) -> None:
    assert parsed(instance=said).instance == address


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"instance": "uk"}, r"'uk' is no instance .*app, us2, eu"),
        ({"instance": "http://eu.ninjarmm.com"}, "must begin with https"),
        ({"instance": "https://me:pw@eu.ninjarmm.com"}, "is no instance"),
        ({"client_secret": "hunter2"}, "must be a reference"),
        ({"devices": {"classes": ["WINDOWS"]}}, "'WINDOWS' is no node class"),
        ({"devices": {"classes": []}}, "at least 1 item"),
        ({"last_user": {"domain": "both"}}, "'keep' or 'drop'"),
    ],
)
def test_what_cannot_work_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        parsed(**changed)


def test_the_settings_travel_as_they_are() -> None:
    settings = parsed(devices={"inactive_after": "90d"}, organizations={"include": ["Acme", 7]})

    assert NinjaOneSettings.model_validate_json(settings.model_dump_json()) == settings


def test_the_sample_is_an_integration_that_works() -> None:
    sample = load(Path(ninjaone.__file__).parent / "sample.yaml", IntegrationSpec)

    assert isinstance(ninjaone.CONNECTOR.parse(sample.settings), NinjaOneSettings)
    assert set(ninjaone.CONNECTOR.completed(sample).mapping) == set(sample.entities)
