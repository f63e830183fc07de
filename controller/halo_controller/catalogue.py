"""What can be integrated: everything that the agents say of their connectors, as one list. Pure."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, Final

from pydantic import TypeAdapter

from halo_controller.nouns import Equipped, Group
from halo_shared.entities import EntityKind
from halo_shared.identifiers import GroupId, Slug
from halo_shared.integrators import Integrator
from halo_shared.messages.requests import ConnectorSpec
from halo_shared.runs import Frozen

CONNECTORS: Final[TypeAdapter[tuple[ConnectorSpec, ...]]] = TypeAdapter(tuple[ConnectorSpec, ...])


class Entry(Frozen):
    """A connector, and where it can be had."""

    name: Slug
    title: str
    entities: tuple[EntityKind, ...]
    kinds: tuple[Integrator, ...]
    """What it may run as."""
    chooses_entities: bool
    """Whether it can leave out what an integration does not ask for; one that cannot is never hosted."""
    set_up: tuple[str, ...]
    """What an administrator does in the tool before the first run, step by step."""
    settings_schema: dict[str, Any]  # Any: a JSON schema
    groups: tuple[GroupId, ...]
    """Whose agents have it."""
    hosted: bool
    """Whether the hosted integrator can run it now."""


def digest_of(connectors: Sequence[ConnectorSpec]) -> str | None:
    """A name for what an agent says of its connectors: the same words have the same. None where it has none."""
    return sha256(CONNECTORS.dump_json(tuple(connectors))).hexdigest() if connectors else None


def catalogue(agents: Sequence[Equipped], groups: Sequence[Group]) -> Sequence[Entry]:
    """Every connector that an agent has announced, by name; where two announce it, as the newest of them does."""
    announced: dict[str, list[tuple[Equipped, ConnectorSpec]]] = {}
    for agent in agents:
        for known in agent.connectors:
            announced.setdefault(known.name, []).append((agent, known))
    kinds = {group.name: group.kind for group in groups}
    return [_entry(announced[name], kinds) for name in sorted(announced)]


def _entry(announced: Sequence[tuple[Equipped, ConnectorSpec]], kinds: dict[str, Integrator]) -> Entry:
    _, newest = max(announced, key=lambda one: (one[0].protocol, one[0].version))
    able = {agent.group for agent, known in announced if Integrator.HOSTED in known.kinds}
    hosted = newest.chooses_entities and any(kinds.get(group) is Integrator.HOSTED for group in able)
    return Entry(
        **newest.model_dump(exclude={"mapping"}),
        groups=tuple(sorted({agent.group for agent, _ in announced})),
        hosted=hosted,
    )
