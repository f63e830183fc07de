"""Mappings that connectors announce are good enough to run with."""

from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest

from halo_agent import connectors
from halo_agent.connectors import Connector
from halo_shared.entities import EntityKind
from halo_shared.errors import MappingInvalid
from halo_shared.integrations import IntegrationSpec
from halo_shared.integrators import Integrator
from halo_shared.messages.requests import ConnectorSpec

WITH_A_DEFAULT = [one for one in connectors.available() if one.mapping]


def integration(**mapping: object) -> IntegrationSpec:
    return IntegrationSpec.model_validate(
        {"name": "people", "connector": "ldap", "entities": ["users"], "mapping": mapping}
    )


@pytest.mark.parametrize("connector", WITH_A_DEFAULT, ids=lambda one: one.name)
def test_a_default_is_complete_and_announced(connector: Connector) -> None:
    announced = ConnectorSpec.model_validate_json(connector.spec.model_dump_json())

    assert announced.mapping == connector.mapping
    assert all(mapping.complete for mapping in connector.mapping.values())
    assert set(connector.mapping) <= set(connector.entities)


def test_a_place_is_all_that_the_directory_s_default_needs() -> None:
    whole = connectors.find("ldap").completed(integration(users={"place": {"client": "Acme"}}))

    users = whole.mapping[EntityKind.USERS]
    assert users.complete
    assert users.place is not None
    assert "emailaddress" in users.fields


def test_without_a_word_the_default_holds() -> None:
    ldap = connectors.find("ldap")

    assert ldap.completed(integration()).mapping == ldap.mapping


def test_a_default_that_never_retires_can_be_contradicted() -> None:
    ninja = connectors.find("ninjaone")

    unsaid = ninja.completed(integration())
    said = ninja.completed(integration(clients={"retire": {"never": False}}))

    assert [one.mapping[EntityKind.CLIENTS].retire.never for one in (unsaid, said)] == [True, False]


def test_what_contradicts_the_default_names_the_mapping() -> None:
    with pytest.raises(MappingInvalid, match=r"mapping\.users.*'phone' is not among the mapped fields"):
        connectors.find("ldap").completed(integration(users={"match": ["phone"]}))


def test_what_needs_the_network_of_a_customer_is_not_hosted() -> None:
    hosted = {one.name for one in connectors.announced() if Integrator.HOSTED in one.kinds}

    assert "entra-id" in hosted
    assert not {"active-directory", "ldap", "spreadsheet"} & hosted


def test_what_another_distribution_adds_is_never_hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    entra = connectors.find("entra-id")
    added = EntryPoint("own-cloud", f"{__name__}:ADDED", connectors.ENTRY_POINTS)
    monkeypatch.setattr(connectors, "entry_points", lambda group: [added])

    (own,) = (one for one in connectors.announced() if one.name == "own-cloud")

    assert own.kinds == (Integrator.LOCAL,)
    assert entra.spec.kinds == (Integrator.HOSTED, Integrator.LOCAL)


ADDED = replace(connectors.find("entra-id"), name="own-cloud")
