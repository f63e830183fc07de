"""Fields that this instance has. Halo ignores what it does not know, and says nothing of it."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from halo_agent.engine.changes import Change, Create, Retire
from halo_agent.targets.halo.instance import Instance
from halo_agent.targets.halo.pacing import Tell
from halo_agent.targets.halo.resources import CUSTOM, EXTERNAL_LINK, KINDS, OWN
from halo_shared.entities import EntityKind
from halo_shared.errors import MappingInvalid

SHOWN: Final = 5
"""Properties that are named as near to one that the instance does not have."""


class KnownFields:
    """Looks up what is written in the instance's own description, if it gives one."""

    def __init__(self, instance: Instance, tell: Tell) -> None:
        self._instance = instance
        self._tell = tell
        self._said: set[tuple[EntityKind, str]] = set()

    async def look_at(self, change: Change) -> None:
        """Say once of each field that Halo would ignore it; raises MappingInvalid when that is the identity.

        Without the identity no record could be found again, and each run would make it anew.
        """
        known = await self._instance.properties(KINDS[change.kind].schema)
        if not known or isinstance(change, Retire):
            return
        if isinstance(change, Create) and (identity := change.desired.identity[0]) in _ignored(
            [identity], known
        ):
            raise MappingInvalid(
                f"mapping.{change.kind}.identity: this Halo has no field '{identity}', so a record could not be found "
                f"again by it; near to it are: {_near(identity, known)}. An own text field of Halo, or 'external_link' "
                "where there is one, will do."
            )
        for name in _ignored(_written(change), known):
            if (change.kind, name) not in self._said:
                self._said.add((change.kind, name))
                await self._tell(
                    f"mapping.{change.kind}.fields: this Halo has no field '{name}' and ignores it; near to it are: "
                    f"{_near(name, known)}."
                )


def _written(change: Change) -> Iterable[str]:
    if isinstance(change, Create):
        return {**change.desired.when_empty, **change.desired.on_create, **change.desired.always}
    return change.fields


def _ignored(names: Iterable[str], known: frozenset[str]) -> list[str]:
    special = (OWN, CUSTOM, EXTERNAL_LINK)
    return [name for name in names if name not in known and not name.startswith(special)]


def _near(name: str, known: frozenset[str]) -> str:
    return ", ".join(get_close_matches(name, sorted(known), n=SHOWN, cutoff=0.5)) or "none"
