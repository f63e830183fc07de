"""Values for tests, whole and plausible; a test names only what it is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID, uuid4

from halo_shared.entities import EntityKind
from halo_shared.identifiers import IntegrationRef
from halo_shared.integrations import HaloConnection, IntegrationSpec, TenantSpec
from halo_shared.messages.base import Failure
from halo_shared.messages.events import (
    FinalStatus,
    Finished,
    Level,
    Logged,
    Origin,
    Outcomes,
    Progress,
    Stage,
)
from halo_shared.messages.requests import Heartbeat, HeldLease, Hello, LeaseRequest
from halo_shared.outcomes import FieldChange, Outcome, Result
from halo_shared.runs import Counts, Cursors, Excess, RunStatus

NOW: Final = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
"""A Monday noon at which tests begin."""
REF: Final = IntegrationRef("acme", "people")
RUN_ID: Final = "0123456789ab"
SESSION: Final = UUID("00000000-0000-4000-8000-000000000001")
OTHER_SESSION: Final = UUID("00000000-0000-4000-8000-000000000002")


class Subject(Protocol):
    """What events are about: an attempt at a run, whoever's model tells of it."""

    @property
    def id(self) -> str: ...
    @property
    def tenant(self) -> str: ...
    @property
    def integration(self) -> str: ...
    @property
    def fence(self) -> int: ...
    @property
    def agent(self) -> str | None: ...


class Attempted(NamedTuple):
    """The simplest Subject: agent `one` works on the run under fence 1."""

    id: str = RUN_ID
    tenant: str = REF.tenant
    integration: str = REF.name
    fence: int = 1
    agent: str | None = "one"


def tenant_spec(
    name: str = REF.tenant, *, url: str = "https://acme.example", requests_per_minute: int = 50
) -> TenantSpec:
    """A tenant as its file would say it."""
    return TenantSpec(
        name=name,
        halo=HaloConnection.model_validate(
            {
                "url": url,
                "client_id": "halo-integrator",
                "client_secret": f"secret://halo-{name}",
                "requests_per_minute": requests_per_minute,
            }
        ),
    )


def integration_spec(
    name: str = REF.name,
    *,
    group: str | None = "site",
    every: timedelta | None = None,
    deadline: timedelta = timedelta(hours=6),
    connector: str = "ldap",
) -> IntegrationSpec:
    """An integration of users as its file would say it."""
    return IntegrationSpec.model_validate(
        {
            "name": name,
            "connector": connector,
            "group": group,
            "entities": ["users"],
            "mapping": {
                "users": {
                    "identity": "azureoid",
                    "place": {"client": "Acme"},
                    "match": ["emailaddress"],
                    "fields": {"emailaddress": "mail", "firstname": "givenName"},
                }
            },
            "schedule": {"every": every} if every else None,
            "deadline": deadline,
        }
    )


def hello(name: str = "one", session: UUID = SESSION, *, held: Sequence[HeldLease] = ()) -> Hello:
    """What an agent without connectors says when it starts."""
    return Hello(
        agent=name, session=session, ask=uuid4(), version="0.1.0", slots=2, connectors=(), held=tuple(held)
    )


def heartbeat(
    name: str = "one", session: UUID = SESSION, *, held: Sequence[HeldLease] = (), spooled: int = 3
) -> Heartbeat:
    """A sign of life."""
    return Heartbeat(
        agent=name,
        session=session,
        ask=uuid4(),
        held=tuple(held),
        free_slots=1,
        spooled=spooled,
        doing=("sender: asleep",),
    )


def lease_request(run_id: str = RUN_ID, name: str = "one", session: UUID = SESSION) -> LeaseRequest:
    """An agent asks whether it may start."""
    return LeaseRequest(agent=name, session=session, run=run_id, ask=uuid4())


def origin(of: Subject, *, fence: int | None = None) -> Origin:
    """Who speaks of this run: its present attempt, unless another fence is given."""
    return Origin(
        tenant=of.tenant,
        integration=of.integration,
        run=of.id,
        fence=of.fence if fence is None else fence,
        agent=of.agent,
    )


def finished(
    of: Subject,
    status: FinalStatus = RunStatus.SUCCEEDED,
    *,
    fence: int | None = None,
    cursors: Cursors | None = None,
    counts: Counts | None = None,
    requests: int = 0,
    failure: Failure | None = None,
    held_for: tuple[Excess, ...] = (),
) -> Finished:
    """An agent's last word on an attempt."""
    return Finished(
        id=uuid4(),
        at=NOW,
        origin=origin(of, fence=fence),
        seq=9,
        level=Level.INFO,
        text="It is over.",
        status=status,
        counts=counts or {},
        requests=requests,
        failure=failure,
        held_for=held_for,
        cursors=cursors or {},
    )


def progress(
    of: Subject, done: int = 10, *, fence: int | None = None, counts: Counts | None = None, seq: int = 2
) -> Progress:
    """An agent says how far it is with reading."""
    return Progress(
        id=uuid4(),
        at=NOW,
        origin=origin(of, fence=fence),
        seq=seq,
        level=Level.DEBUG,
        text=f"read {done}",
        stage=Stage.READ,
        done=done,
        total=100,
        counts=counts or {},
    )


def logged(of: Subject, text: str = "Something was noticed.", *, fence: int | None = None) -> Logged:
    """An agent adds a line to the run's log."""
    return Logged(id=uuid4(), at=NOW, origin=origin(of, fence=fence), seq=3, level=Level.WARNING, text=text)


def excess(entity: EntityKind = EntityKind.USERS, action: str = "retire", found: int = 212) -> Excess:
    """A limit that a plan would exceed."""
    return Excess.model_validate(
        {"entity": entity, "action": action, "found": found, "limit": 40, "population": 1200}
    )


def outcome(
    source_id: str = "k-1",
    result: Result = Result.UPDATED,
    *,
    planned: bool = False,
    keys: tuple[str, ...] = (),
    fields: tuple[FieldChange, ...] = (FieldChange(field="phonenumber", before="12", after="34"),),
) -> Outcome:
    """What became of Jane."""
    return Outcome(
        entity=EntityKind.USERS,
        source_id=source_id,
        name="Jane Doe",
        result=result,
        planned=planned,
        reason="changed at its source",
        matched="its link",
        halo_id=17,
        fields=fields,
        keys=keys,
    )


def outcomes(of: Subject, *told: Outcome, fence: int | None = None, at: datetime = NOW) -> Outcomes:
    """An agent tells what became of some records."""
    return Outcomes(
        id=uuid4(),
        at=at,
        origin=origin(of, fence=fence),
        seq=4,
        level=Level.INFO,
        text="Some records.",
        attempt=1,
        outcomes=told,
    )
