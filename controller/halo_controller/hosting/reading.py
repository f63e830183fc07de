"""The times that the host gives integrations, as the database has it now."""

from collections.abc import Collection, Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from halo_controller.hosting.nouns import UNMEASURED
from halo_controller.hosting.times import Hosted, times
from halo_controller.nouns import Integration, Tenant
from halo_controller.store import hostings, tenants
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrators import HOSTED_GROUP


async def times_of(
    db: AsyncConnection, known: Collection[Integration], owners: Mapping[str, Tenant]
) -> dict[IntegrationRef, Hosted]:
    """Those of these integrations, as far as they are hosted; `owners` are their tenants."""
    hosted = {one.ref for one in known if one.spec.group == HOSTED_GROUP}
    if not hosted:
        return {}
    decided, classes = await hostings.these(db, hosted), await hostings.classes(db)
    return {ref: times(decided[ref], owners[ref.tenant].spec, classes) for ref in hosted}


async def every_times(db: AsyncConnection, known: Collection[Integration]) -> dict[IntegrationRef, Hosted]:
    """Those of all these, which may be too many to name."""
    owners = {one.spec.name: one.spec for one in await tenants.every(db)}
    decided, classes = await hostings.every(db), await hostings.classes(db)
    return {
        one.ref: times(decided.get(one.ref, UNMEASURED), owners[one.tenant], classes)
        for one in known
        if one.spec.group == HOSTED_GROUP
    }
