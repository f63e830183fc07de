"""What the settings take, and what they say about the rest."""

import pytest
from pydantic import ValidationError

from halo_agent.connectors.entra_id.clouds import Cloud, endpoints_of
from halo_agent.connectors.entra_id.settings import EntraIdSettings

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
DIRECTORY = {"tenant": "Contoso.onmicrosoft.com", "client_id": ID, "client_secret": "secret://entra"}


def test_the_shortest_settings_are_enough() -> None:
    settings = EntraIdSettings.model_validate({"directories": [DIRECTORY]})

    assert settings.directories[0].tenant == "contoso.onmicrosoft.com"
    assert not settings.users.guests


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"tenant": "contoso"}, "is not an Entra tenant"),
        ({"client_id": "halo"}, "is not an application"),
        ({"client_secret": "hunter2"}, "must be a reference"),
        ({"client_secret": None}, "either 'client_secret' or 'certificate'"),
        ({"certificate": {"file": "a.pem"}}, "either 'client_secret' or 'certificate'"),
    ],
)
def test_a_directory_that_cannot_work_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EntraIdSettings.model_validate({"directories": [{**DIRECTORY, **changed}]})


def test_a_directory_is_named_once() -> None:
    with pytest.raises(ValidationError, match=r"contoso\.onmicrosoft\.com is named twice"):
        EntraIdSettings.model_validate({"directories": [DIRECTORY, DIRECTORY]})


def test_a_credential_is_sent_to_https_only() -> None:
    cloud = {"login": "http://login.example", "graph": "https://graph.example"}

    with pytest.raises(ValidationError, match="must begin with https"):
        EntraIdSettings.model_validate({"directories": [DIRECTORY], "cloud": cloud})


@pytest.mark.parametrize("cloud", list(Cloud))
def test_each_cloud_asks_for_rights_on_its_own_graph(cloud: Cloud) -> None:
    endpoints = endpoints_of(cloud)

    assert endpoints.token("t").startswith(f"{endpoints.login}/t/")
    assert endpoints.scope == f"{endpoints.graph}/.default"
