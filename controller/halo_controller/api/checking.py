"""Whether an integration can be carried out by the agents there are."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.errors import Invalid
from halo_controller.forms import Form, misfits
from halo_controller.hosting.placing import misplaced
from halo_controller.nouns import Equipped
from halo_controller.store import announcements, tenants
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.messages.requests import ConnectorSpec


async def check_integration(db: AsyncConnection, tenant: TenantSpec, spec: IntegrationSpec) -> str:
    """Raise NotFound without its group, and Invalid where its group or its connector cannot do it.

    Answers with what could not be checked yet; with nothing where all was.
    """
    await check_place(db, tenant, spec)
    return check_connector(spec, await announcements.every(db))


async def check_place(db: AsyncConnection, tenant: TenantSpec, spec: IntegrationSpec) -> None:
    """Raise NotFound without its group, and Invalid where that is not for such a tenant or integration."""
    if spec.group is None:
        return
    group = await tenants.get_group(db, spec.group)
    members = await announcements.every(db, group.name)
    if why_not := misplaced(tenant, spec, group, members):
        raise Invalid(why_not)


def check_connector(spec: IntegrationSpec, known: Sequence[Equipped]) -> str:
    """Raise Invalid when the agents have announced their connectors and this one, an entity, a mapping or a setting does not fit.

    The word of the integration's own group counts; before that has spoken, the word of all agents. When no
    agent has spoken yet, anything goes and the answer says so: agents may be installed after their integrations
    are written down.
    """
    group = [agent for agent in known if agent.group == spec.group and agent.connectors]
    announced = [one for agent in group or known for one in agent.connectors]
    if not announced:
        return (
            f"No agent has said yet what connector '{spec.connector}' wants: nothing of it could be checked."
        )
    offered = _offered(spec, announced, f"of group {spec.group} " if group else "")
    _check_entities(spec, offered)
    _check_settings(spec, [one.settings_schema for one in offered])
    return ""


def _check_settings(spec: IntegrationSpec, forms: Sequence[Form]) -> None:
    # Agents of several versions may share a group: what fits one of them may run.
    different = [form for place, form in enumerate(forms) if form not in forms[:place]]
    if wrong := min((misfits(form, spec.settings) for form in different), key=len):
        raise Invalid("\n".join(wrong))


def _offered(
    spec: IntegrationSpec, announced: Sequence[ConnectorSpec], whose: str
) -> Sequence[ConnectorSpec]:
    offered = [one for one in announced if one.name == spec.connector]
    if not offered:
        names = ", ".join(sorted({one.name for one in announced}))
        raise Invalid(f"connector: no agent {whose}has '{spec.connector}'; known are: {names}.")
    return offered


def _check_entities(spec: IntegrationSpec, offered: Sequence[ConnectorSpec]) -> None:
    entities = {entity for one in offered for entity in one.entities}
    if missing := [entity for entity in spec.entities if entity not in entities]:
        raise Invalid(
            f"entities: connector '{spec.connector}' does not read {', '.join(missing)}; "
            f"it reads: {', '.join(sorted(entities))}."
        )
    described = {entity for one in offered for entity in one.mapping} | spec.mapping.keys()
    if unmapped := [entity for entity in spec.entities if entity not in described]:
        raise Invalid(
            f"mapping: nothing is said about {', '.join(unmapped)}, and connector '{spec.connector}' has no mapping "
            "of its own for it: say in 'mapping' which of Halo's fields are written from what."
        )
