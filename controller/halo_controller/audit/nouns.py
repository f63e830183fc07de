"""A line of the audit log, and what was changed as it was before and after."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from halo_controller.access.deciding import Owners
from halo_controller.access.roles import Action, Role
from halo_shared.identifiers import TenantId
from halo_shared.runs import Frozen

Fields = dict[str, Any]  # Any: a thing as JSON, whatever it is


class Noun(StrEnum):
    """What can be changed."""

    TENANT = "tenant"
    GROUP = "group"
    AGENT = "agent"
    INTEGRATION = "integration"
    CLASSES = "classes"
    RUN = "run"
    INCIDENT = "incident"
    PERSON = "person"
    SILENCE = "silence"
    MONITOR = "monitor"
    TOKEN = "token"  # noqa: S105  a noun


class Snapshot(Frozen):
    """A thing at a moment."""

    owners: Owners
    """The tenants whose it is; none for the host's."""
    fields: Fields

    @property
    def tenant(self) -> TenantId | None:
        """Whose it is alone."""
        return next(iter(self.owners)) if len(self.owners) == 1 else None


class Entry(Frozen):
    """One change: who did what, and what became of it."""

    id: int
    at: datetime
    who: str
    """The name of the token."""
    role: Role
    action: Action
    noun: Noun
    name: str
    """Of the thing: its name or id, an integration's as `tenant/name`."""
    tenant: TenantId | None
    before: Fields | None
    """None for what was added; secrets are blanked out."""
    after: Fields | None
    """None for what was removed."""
    request: str
    """The id of the request, as the answer's header `X-Request-ID` gave it."""
