"""The units and groups of a domain, to choose a scope from."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from halo_agent.connectors import Branch
from halo_agent.connectors.active_directory import scope, values
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.directories import filters
from halo_shared.entities import EntityKind

UNITS: Final = "(|(objectClass=organizationalUnit)(&(objectClass=container)(!(showInAdvancedViewOnly=TRUE))))"
CHOSEN_GROUPS: Final = "(&(objectCategory=group)(!(isCriticalSystemObject=TRUE)))"
COUNTED: Final = (EntityKind.USERS, EntityKind.ASSETS)
NAMED: Final = ("objectGUID",)


async def branches(directory: Directory) -> Sequence[Branch]:
    """Units from the top, then groups by name; containers that hold nothing are left out."""
    counts = await _counted(directory)
    units = await _found(directory, UNITS, "unit", counts)
    groups = await _found(directory, CHOSEN_GROUPS, "group", {})
    return [*sorted(units, key=_place), *sorted(groups, key=lambda branch: branch.path[-1].casefold())]


async def _found(
    directory: Directory, wanted: str, what: str, counts: dict[str, Counter[EntityKind]]
) -> list[Branch]:
    found = []
    async for page in directory.pages(filters.compiled(wanted), NAMED, what=f"the {what}s"):
        for entry in page:
            dn, guid = values.plain_dn(entry.dn), values.guid(entry)
            is_chosen = dn.upper().startswith("OU=") or what == "group" or dn.casefold() in counts
            if guid and is_chosen:
                path = (*values.unit_names(dn), values.dn_parts(dn)[0])
                found.append(Branch(what, path, guid, counts.get(dn.casefold(), Counter())))
    return found


async def _counted(directory: Directory) -> dict[str, Counter[EntityKind]]:
    """How many of each kind are in each unit, by its DN in lower case."""
    counts: defaultdict[str, Counter[EntityKind]] = defaultdict(Counter)
    for kind in COUNTED:
        wanted = filters.compiled(scope.kind_filter(kind, contacts=False))
        async for page in directory.pages(wanted, NAMED, what=f"the {kind}"):
            for entry in page:
                counts[values.parent_dn(values.plain_dn(entry.dn)).casefold()][kind] += 1
    return counts


def _place(branch: Branch) -> tuple[str, ...]:
    return tuple(name.casefold() for name in branch.path)
