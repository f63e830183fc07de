"""Which integration may run in which group, and why not: pure."""

from collections.abc import Sequence

from halo_controller.nouns import Equipped, Group
from halo_shared.integrations import IntegrationSpec, TenantKind, TenantSpec
from halo_shared.integrators import Integrator
from halo_shared.messages.requests import ConnectorSpec


def misplaced(
    tenant: TenantSpec, spec: IntegrationSpec, group: Group, agents: Sequence[Equipped]
) -> str | None:
    """Why the agents of this group may not run this integration; None when they may. `agents` are those of the group."""
    return (
        _wrong_owner(tenant, group)
        or _wrong_kind(tenant, group)
        or _hosted_schedule(spec, group)
        or _wrong_connector(spec, group, agents)
    )


def _wrong_owner(tenant: TenantSpec, group: Group) -> str | None:
    if group.tenant in (None, tenant.name):
        return None
    return f"group: '{group.name}' is on another tenant's network; assign one of {tenant.name}'s own, or 'hosted'."


def _wrong_kind(tenant: TenantSpec, group: Group) -> str | None:
    kind = tenant.halo.kind
    if kind is TenantKind.ON_PREMISE and group.kind is Integrator.HOSTED:
        return (
            f"group: the Halo of {tenant.name} is on its own premises, and a hosted integrator serves Halo's cloud only; "
            "assign a group of local or database integrators."
        )
    if kind is TenantKind.HOSTED and group.kind is Integrator.DATABASE:
        return (
            f"group: the database of {tenant.name} is in Halo's cloud, where no integrator reaches it; "
            "assign 'hosted' or a group of local integrators."
        )
    return None


def _hosted_schedule(spec: IntegrationSpec, group: Group) -> str | None:
    if group.kind is not Integrator.HOSTED or spec.schedule is None:
        return None
    return (
        "schedule: when a hosted integration runs is decided by its host; leave it out, "
        "and see the times with: halo-controller integrator schedule"
    )


def _wrong_connector(spec: IntegrationSpec, group: Group, agents: Sequence[Equipped]) -> str | None:
    """What the catalogue says; for local agents nothing is wrong before one has spoken."""
    offered = [known for agent in agents for known in agent.connectors if known.name == spec.connector]
    if not offered:
        return _not_in_the_catalogue(spec, agents) if group.kind is Integrator.HOSTED else None
    kinds = {kind for known in offered for kind in known.kinds}
    if group.kind not in kinds:
        can = " or ".join(sorted(kinds)) or "nothing yet"
        return f"connector: '{spec.connector}' runs as a {can} integrator, and group '{group.name}' is {group.kind}."
    if group.kind is Integrator.HOSTED:
        return _all_or_nothing(spec, offered)
    return None


def _not_in_the_catalogue(spec: IntegrationSpec, agents: Sequence[Equipped]) -> str:
    named = sorted(
        {one.name for agent in agents for one in agent.connectors if Integrator.HOSTED in one.kinds}
    )
    if not named:
        return (
            "group: no hosted agent has said yet what it can do; start one beside the controller: "
            "halo-controller agents add NAME --group hosted, then halo-agent run"
        )
    return f"connector: '{spec.connector}' is not in the catalogue of the hosted integrator; it has {', '.join(named)}."


def _all_or_nothing(spec: IntegrationSpec, offered: Sequence[ConnectorSpec]) -> str | None:
    if any(known.chooses_entities for known in offered):
        return None
    return f"connector: '{spec.connector}' cannot choose what it imports, and so cannot be hosted; run it locally."
