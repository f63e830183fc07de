"""Which integration may run in which group."""

import pytest

from halo_controller.hosting.placing import misplaced
from halo_controller.nouns import Equipped, Group
from halo_shared.integrations import IntegrationSpec, TenantKind, TenantSpec
from halo_shared.integrators import Integrator
from halo_shared.messages.requests import ConnectorSpec
from tests.support.agent_double import CLOUD, LDAP
from tests.support.builders import NOW, integration_spec, tenant_spec
from tests.support.nouns import agent

HOSTED = Group(name="hosted", kind=Integrator.HOSTED, created_at=NOW)
LAN = Group(name="acme-lan", tenant="acme", created_at=NOW)
DATABASE = Group(name="acme-db", kind=Integrator.DATABASE, created_at=NOW)
CLOUDY = tenant_spec()
ENTRA = integration_spec("entra-id", connector="entra-id", group="hosted")
EVERYTHING = CLOUD.model_copy(update={"kinds": tuple(Integrator)})
ALL_OR_NOTHING = CLOUD.model_copy(update={"chooses_entities": False})


def on_premise() -> TenantSpec:
    halo = CLOUDY.halo.model_copy(update={"kind": TenantKind.ON_PREMISE})
    return CLOUDY.model_copy(update={"halo": halo})


def agents_with(group: Group, *connectors: ConnectorSpec) -> list[Equipped]:
    return [Equipped(**dict(agent(group=group.name)), connectors=connectors)]


@pytest.mark.parametrize(
    ("tenant", "spec", "group", "connector"),
    [
        (CLOUDY, ENTRA, HOSTED, CLOUD),
        (CLOUDY, ENTRA, LAN, CLOUD),
        (CLOUDY, integration_spec(), LAN, LDAP),
        (on_premise(), integration_spec(), LAN, LDAP),
        (on_premise(), ENTRA, DATABASE, EVERYTHING),
    ],
)
def test_what_may_run(
    tenant: TenantSpec, spec: IntegrationSpec, group: Group, connector: ConnectorSpec
) -> None:
    assert misplaced(tenant, spec, group, agents_with(group, connector)) is None


@pytest.mark.parametrize(
    ("tenant", "spec", "group", "connector", "why"),
    [
        (on_premise(), ENTRA, HOSTED, CLOUD, "the Halo of acme is on its own premises"),
        (CLOUDY, ENTRA, DATABASE, EVERYTHING, "the database of acme is in Halo's cloud"),
        (tenant_spec("other"), integration_spec(), LAN, LDAP, "'acme-lan' is on another tenant's network"),
        (
            CLOUDY,
            integration_spec(),
            HOSTED,
            LDAP,
            "'ldap' runs as a local integrator, and group 'hosted' is hosted",
        ),
        (
            on_premise(),
            ENTRA,
            DATABASE,
            CLOUD,
            "runs as a hosted or local integrator, and group 'acme-db' is database",
        ),
        (
            CLOUDY,
            ENTRA,
            HOSTED,
            ALL_OR_NOTHING,
            "'entra-id' cannot choose what it imports, and so cannot be hosted",
        ),
        (CLOUDY, ENTRA, HOSTED, LDAP, "no hosted agent has said yet what it can do"),
        (
            CLOUDY,
            integration_spec("x", connector="x", group="hosted"),
            HOSTED,
            CLOUD,
            "'x' is not in the catalogue of the hosted integrator; it has entra-id.",
        ),
        (
            CLOUDY,
            IntegrationSpec.model_validate(ENTRA.model_dump(by_alias=True) | {"schedule": {"every": "1h"}}),
            HOSTED,
            CLOUD,
            "schedule: when a hosted integration runs is decided by its host",
        ),
    ],
)
def test_what_may_not_and_why(
    tenant: TenantSpec, spec: IntegrationSpec, group: Group, connector: ConnectorSpec, why: str
) -> None:
    assert why in (misplaced(tenant, spec, group, agents_with(group, connector)) or "it may")


def test_local_agents_may_be_installed_after_their_integrations_are_written_down() -> None:
    assert misplaced(CLOUDY, integration_spec(), LAN, []) is None
