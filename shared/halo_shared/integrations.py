"""What people configure: a tenant, and the integrations enabled for it."""

from datetime import date, time, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import AnyHttpUrl, Field, model_validator

from halo_shared.durations import Span
from halo_shared.entities import EntityKind
from halo_shared.hours import Hours, Zone
from halo_shared.identifiers import GroupId, IntegrationName, Slug, TenantId
from halo_shared.limits import Limits
from halo_shared.mapping import EntityMapping, Strict
from halo_shared.outcomes import History
from halo_shared.redaction import SecretRef
from halo_shared.schedules import Blackout, Schedule


class TenantKind(StrEnum):
    """Where the Halo instance runs."""

    HOSTED = "hosted"
    ON_PREMISE = "on_premise"


class ImportSwitches(Strict):
    """How Halo treats what is imported: its own switches, by its own names without the underscore before them."""

    dont_fire_automations: bool = True
    """A sync must not set off what people set up for single records."""
    isimport: bool = True
    donotvalidate: bool = False
    """Let Halo store what its own validation would refuse, as a missing mandatory field."""
    validateonly: bool = False
    """Let Halo validate each asset before it is written: one request more for each, and none travel together."""


class ErrorLog(Strict):
    """Under which of Halo's modules failed records are listed."""

    module_id: int = Field(ge=0)
    detail_id: int = Field(default=0, ge=0)


class Application(Strict):
    """One of Halo's applications: with what an integrator enters."""

    client_id: str
    client_secret: SecretRef


class HaloConnection(Strict):
    """How to reach and enter one Halo instance."""

    kind: TenantKind = TenantKind.HOSTED
    url: AnyHttpUrl
    """The resource server's address, which people open too; the API is found below it at /api."""
    auth_url: AnyHttpUrl | None = None
    """The authorisation server's address; asked of the instance when left out."""
    tenant: str | None = None
    """Halo's own name of the tenant, for a hosted instance; asked of the instance when left out."""
    client_id: str
    client_secret: SecretRef
    applications: dict[GroupId, Application] = Field(default_factory=dict)
    """What agents of these groups enter with instead, so that Halo can tell integrators apart and allow each its own."""
    requests_per_minute: int = Field(default=50, ge=1)
    """Halo's limit is per instance and undocumented; 300 in five minutes was seen most often."""
    page_size: int = Field(default=100, ge=1, le=100)
    scope: str = Field(default="all", min_length=1)
    """What the application asks for; one with fewer rights names them, as in `edit:customers edit:assets`."""
    import_switches: ImportSwitches = ImportSwitches()
    error_log: ErrorLog | None = None
    """Where records that fail are listed in Halo itself, under `/IntegrationError`; left out for not at all."""

    def entered_by(self, group: GroupId) -> Self:
        """The connection as the agents of this group use it, without what is for others."""
        own = self.applications.get(group)
        entry = {"client_id": own.client_id, "client_secret": own.client_secret} if own else {}
        return self.model_copy(update={"applications": {}, **entry})


class Keep(Strict):
    """How much of the run log is kept; the latest run of each integration always is."""

    runs: int = Field(default=1_000, ge=1)
    """Of each integration."""
    age: Span = Field(default=timedelta(days=90), ge=timedelta(hours=1))


class TenantSpec(Strict):
    """One Halo instance of one customer, as written in a tenant file."""

    name: TenantId
    title: str = ""
    halo: HaloConnection
    zone: Zone = "UTC"
    """The time zone of its schedules, where they name none, and of its blackouts."""
    blackouts: tuple[Blackout, ...] = ()
    """When no run of it starts by itself."""
    out_of_hours: Hours = Hours(start=time(20), end=time(6))
    """When its people are away, in its zone: large hosted syncs run then."""
    keep: Keep = Keep()
    secret_expires: date | None = None
    """When the secret of Halo's application ends, where it does: people are told in time."""
    record_history: History = History.FAILURES
    """Which outcomes of single records are kept at the centre."""
    records_kept: Span = Field(default=timedelta(days=30), ge=timedelta(hours=1))
    """How long they are kept."""


class IntegrationSpec(Strict):
    """One configured connection of a connector to a tenant, as written in an integration file."""

    name: IntegrationName
    title: str = ""
    connector: Slug
    group: GroupId | None = None
    """The agents that compete for its runs; may be assigned later."""
    entities: tuple[EntityKind, ...] = Field(min_length=1)
    settings: dict[str, Any] = Field(default_factory=dict)
    """The connector's own settings; their schema is announced by the agents that have the connector."""
    mapping: dict[EntityKind, EntityMapping] = Field(default_factory=dict)
    """What is left out is as the connector announces it."""
    schedule: Schedule | None = None
    limits: Limits = Limits()
    import_switches: ImportSwitches | None = None
    """Instead of the tenant's."""
    deadline: Span = Field(default=timedelta(hours=6), ge=timedelta(seconds=1))
    """An attempt that takes longer is stopped."""
    fresh_within: Span | None = Field(default=None, ge=timedelta(minutes=1))
    """People are told when no run has succeeded for so long; by default three times its schedule, a day at the least."""

    @model_validator(mode="after")
    def _assets_have_a_type(self) -> Self:
        assets = self.mapping.get(EntityKind.ASSETS)
        if assets and assets.complete and assets.asset_type is None:
            raise ValueError(
                "mapping.assets: 'asset_type' is needed, as in asset_type: {default: Workstation}"
            )
        return self

    @model_validator(mode="after")
    def _only_assets_are_mapped_as_assets(self) -> Self:
        for kind, mapping in self.mapping.items():
            if kind is not EntityKind.ASSETS and (said := mapping.of_assets_only):
                raise ValueError(f"mapping.{kind}: {', '.join(said)} can be said of assets only")
        return self
