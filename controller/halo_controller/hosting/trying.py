"""Which agent is asked to try a tenant's Halo: pure."""

from collections.abc import Sequence
from datetime import datetime

from halo_controller.nouns import Agent, AgentState, Group
from halo_shared.integrations import TenantKind, TenantSpec
from halo_shared.integrators import Integrator


def tester(
    tenant: TenantSpec, groups: Sequence[Group], agents: Sequence[Agent], now: datetime
) -> Agent | None:
    """One that works for the tenant, can be heard and obeys; on its own network first. None when there is none."""
    usable = {group.name: group for group in groups if _serves(group, tenant)}
    able = [
        agent
        for agent in agents
        if agent.group in usable and agent.state(now) is AgentState.ONLINE and "check_halo" in agent.obeys
    ]
    return min(able, key=lambda agent: (usable[agent.group].tenant is None, agent.name), default=None)


def _serves(group: Group, tenant: TenantSpec) -> bool:
    hosted_for_it = group.kind is not Integrator.HOSTED or tenant.halo.kind is TenantKind.HOSTED
    return group.tenant in (None, tenant.name) and group.kind is not Integrator.DATABASE and hosted_for_it
