"""What a connector says of itself, and how one is found by its name.

A connector folder holds source, settings, README and sample. Its settings model is its specification: the form,
the validation, the documentation and the JSON schema that the agent announces all come from it.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Final, Protocol, runtime_checkable

from pydantic import BaseModel, SecretStr, ValidationError

from halo_agent.engine.ports import Source
from halo_shared.entities import EntityKind
from halo_shared.errors import (
    ConfigurationError,
    ExtraMissing,
    MappingInvalid,
    SettingsInvalid,
    UnknownConnector,
)
from halo_shared.files import explain
from halo_shared.integrations import IntegrationSpec
from halo_shared.integrators import Integrator
from halo_shared.mapping import EntityMapping
from halo_shared.messages.requests import ConnectorSpec


class Secrets(Protocol):
    """Where the values behind `secret://name` come from."""

    def resolve(self, reference: str) -> SecretStr:
        """The value; raises SecretMissing with the places that were searched."""
        ...


@dataclass(frozen=True, slots=True)
class CheckStep:
    """One stage of a connection check that succeeded, and what it showed."""

    stage: str
    found: str


class CheckedSource(Source, Protocol):
    """A source that can also be tried stage by stage."""

    def check(self) -> AsyncIterator[CheckStep]:
        """Each stage as it succeeds; the first that fails raises an error that says what to do."""
        ...


@dataclass(frozen=True, slots=True)
class Branch:
    """A part of a tool that the connector's settings can name, as a unit or a group of a directory."""

    what: str
    path: tuple[str, ...]
    """Its names, from the top."""
    reference: str
    """What the settings call it."""
    holds: Mapping[EntityKind, int]
    """How many records are in it, without those of branches below."""


@runtime_checkable
class BrowsableSource(CheckedSource, Protocol):
    """A source whose branches can be looked through, to choose from."""

    def browse(self) -> AsyncIterator[Branch]:
        """Every branch, each after the one it is in."""
        ...


@dataclass(frozen=True, slots=True)
class Connector:
    """Code that knows one tool."""

    name: str
    title: str
    entities: tuple[EntityKind, ...]
    settings: type[BaseModel]
    open: Callable[
        [Any, Secrets], AbstractAsyncContextManager[CheckedSource]
    ]  # Any: an instance of `settings`
    """Touches nothing yet: the first read or check connects."""
    mapping: Mapping[EntityKind, EntityMapping] = field(default_factory=dict)
    """How its records are written where the integration does not say otherwise; a place need not be among it."""
    kinds: tuple[Integrator, ...] = (Integrator.LOCAL,)
    """What it may run as: one that reaches its tool from anywhere may be hosted."""
    chooses_entities: bool = True
    """Whether it can leave out what an integration does not ask for; one that cannot is never hosted."""
    set_up: tuple[str, ...] = ()
    """What an administrator does in the tool before the first run, step by step."""

    @property
    def spec(self) -> ConnectorSpec:
        """What the agent announces of it."""
        return ConnectorSpec(
            name=self.name,
            title=self.title,
            entities=self.entities,
            settings_schema=self.settings.model_json_schema(),
            mapping=dict(self.mapping),
            kinds=self.kinds,
            chooses_entities=self.chooses_entities,
            set_up=self.set_up,
        )

    def completed(self, integration: IntegrationSpec) -> IntegrationSpec:
        """The integration with this connector's mapping where it says nothing; raises MappingInvalid as any mapping does."""
        mapping = {**self.mapping, **integration.mapping}
        for kind, default in self.mapping.items():
            if given := integration.mapping.get(kind):
                try:
                    mapping[kind] = given.over(default)
                except ValidationError as error:
                    raise MappingInvalid(
                        "\n".join(explain(error, EntityMapping, name=f"mapping.{kind}"))
                    ) from error
        return integration.model_copy(update={"mapping": mapping})

    def parse(self, settings: dict[str, Any]) -> BaseModel:
        """The settings, checked; raises SettingsInvalid naming each key that is wrong."""
        try:
            return self.settings.model_validate(settings)
        except ValidationError as error:
            raise SettingsInvalid(
                "\n".join(explain(error, self.settings, name=f"settings of {self.name}"))
            ) from error


CONNECTORS: Final = {
    "active-directory": "halo_agent.connectors.active_directory:CONNECTOR",
    "entra-id": "halo_agent.connectors.entra_id:CONNECTOR",
    "ldap": "halo_agent.connectors.ldap:CONNECTOR",
    "ninjaone": "halo_agent.connectors.ninjaone:CONNECTOR",
    "spreadsheet": "halo_agent.connectors.spreadsheet:CONNECTOR",
}
ENTRY_POINTS: Final = "halo_agent.connectors"
"""Other distributions add connectors of their own under this entry-point group."""


def known() -> dict[str, str]:
    """Every connector's name and where it is found."""
    return CONNECTORS | {point.name: point.value for point in entry_points(group=ENTRY_POINTS)}


def find(name: str) -> Connector:
    """The connector of this name; raises UnknownConnector, or ExtraMissing when its library is not installed."""
    path = known().get(name)
    if path is None:
        raise UnknownConnector(f"This agent has no connector '{name}'; it has {', '.join(sorted(known()))}.")
    module, _, attribute = path.partition(":")
    try:
        connector = getattr(import_module(module), attribute)
    except ImportError as error:
        raise ExtraMissing(
            f"Connector '{name}' needs a library that is not installed: {error}. "
            f"Install it with: pip install 'halo-integrator-agent[{name}]'"
        ) from error
    if not isinstance(connector, Connector):
        raise ConfigurationError(f"'{path}' is not a connector.")
    return connector


def announced() -> list[ConnectorSpec]:
    """What this agent says of its connectors; those that other distributions add are never hosted."""
    return [
        connector.spec if connector.name in CONNECTORS else _local(connector.spec)
        for connector in available()
    ]


def _local(added: ConnectorSpec) -> ConnectorSpec:
    kinds = tuple(kind for kind in added.kinds if kind is not Integrator.HOSTED)
    return added.model_copy(update={"kinds": kinds})


def available() -> list[Connector]:
    """The connectors that can be used on this machine."""
    found = []
    for name in sorted(known()):
        try:
            found.append(find(name))
        except ExtraMissing:
            continue
    return found
