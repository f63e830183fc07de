"""One example of each message, kept as JSON for good: what was once on the wire is read for ever.

A new message gets an example in EXAMPLES; then `python -m tests.contract.golden` writes its file. Files that
exist are never written again: a message that no longer fits its file has broken the protocol. A message that
only gained an optional field leaves its file and its example alone.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, get_args
from uuid import UUID

from pydantic import TypeAdapter

from halo_shared.entities import EntityKind
from halo_shared.errors import ErrorClass
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.messages import commands, events, jobs, requests
from halo_shared.messages.base import PROTOCOL_VERSION, Failure, Message
from halo_shared.outcomes import FieldChange, Outcome, Result
from halo_shared.runs import Action, Approval, Excess, Mode, RunStatus, Tally

FOLDER: Final = Path(__file__).parent / "wire" / f"v{PROTOCOL_VERSION}"
"""Today's version; the folders beside it hold what older programs say."""

FAMILIES: Final[tuple[TypeAdapter[Any], ...]] = (  # Any: a family is a union of messages
    TypeAdapter(jobs.Job),
    requests.REQUESTS,
    commands.COMMANDS,
    events.EVENTS,
)

AT: Final = datetime(2026, 3, 4, 5, 6, 7, 890000, tzinfo=UTC)
RUN: Final = "3f2a1b0c9d8e"
SESSION: Final = UUID("11111111-1111-4111-8111-111111111111")
ASK: Final = UUID("22222222-2222-4222-8222-222222222222")
EVENT: Final = UUID("33333333-3333-4333-8333-333333333333")

TENANT: Final = TenantSpec.model_validate(
    {
        "name": "acme",
        "title": "Acme Ltd",
        "halo": {
            "kind": "on_premise",
            "url": "https://halo.acme.example/",
            "tenant": "acme",
            "client_id": "halo-integrator",
            "client_secret": "secret://halo-acme",
            "requests_per_minute": 40,
            "page_size": 50,
        },
    }
)
INTEGRATION: Final = IntegrationSpec.model_validate(
    {
        "name": "people",
        "title": "People from the directory",
        "connector": "ldap",
        "group": "acme-lan",
        "entities": ["users", "assets"],
        "settings": {"url": "ldaps://dc1.acme.example", "password": "secret://ldap-bind"},
        "mapping": {
            "users": {
                "fields": {
                    "emailaddress": "mail",
                    "phonenumber": {"from": "telephoneNumber", "when": "empty", "blank": "clear"},
                    "inactive": {"value": False, "when": "create"},
                },
                "identity": "azureoid",
                "match": ["emailaddress"],
                "place": {"client": "Acme Ltd", "site": "Head Office"},
            },
            "assets": {
                "fields": {"fields.Serial Number": "serialNumber"},
                "identity": "fields.Source Id",
                "place": {"client": "Acme Ltd"},
                "asset_type": {"from": "chassis", "default": "Workstation"},
            },
        },
        "schedule": {"every": "15m"},
        "limits": {"entities": {"users": {"retire": {"count": 40, "percent": 5, "from_population": 50}}}},
        "deadline": "2h",
    }
)
HELD: Final = (requests.HeldLease(run=RUN, fence=7),)
ORIGIN: Final = events.Origin(tenant="acme", integration="people", run=RUN, fence=7, agent="agent-7")
COUNTS: Final = {
    EntityKind.USERS: Tally(read=7, created=1, updated=2, retired=1, unchanged=1, skipped=1, failed=1)
}
FAILURE: Final = Failure(
    code="RecordRefused",
    error_class=ErrorClass.RECORD,
    message="Halo refused this record: the e-mail address is taken.",
    advice="Correct the record at its source or in Halo; the next run takes it up.",
    detail="POST /api/users: 400",
)

EXAMPLES: Final[tuple[Message, ...]] = (
    jobs.SyncJob(run=RUN, tenant="acme", integration="people", connector="ldap", queued_at=AT),
    requests.Hello(
        agent="agent-7",
        session=SESSION,
        ask=ASK,
        version="0.1.0",
        slots=2,
        connectors=(
            requests.ConnectorSpec(
                name="ldap",
                title="LDAP directory",
                entities=(EntityKind.USERS,),
                settings_schema={"type": "object", "properties": {"url": {"type": "string"}}},
            ),
        ),
        held=HELD,
    ),
    requests.Heartbeat(
        agent="agent-7",
        session=SESSION,
        ask=ASK,
        held=HELD,
        free_slots=1,
        spooled=12,
        dropped=3,
        doing=("worker: reading users of acme/people",),
        stalled=42.5,
    ),
    requests.LeaseRequest(agent="agent-7", session=SESSION, run=RUN, ask=ASK),
    requests.Goodbye(agent="agent-7", session=SESSION),
    requests.Echo(id=ASK),
    requests.HaloChecked(
        agent="agent-7",
        session=SESSION,
        ask=ASK,
        tenant="acme",
        steps=(requests.Step(stage="sign-in", found="as 'Halo Integrator'"),),
        rights=(
            requests.Right(
                entity=EntityKind.USERS,
                access="write",
                path="Users",
                missing="the application may not ask for the scope edit:customers",
            ),
        ),
        failure=FAILURE,
    ),
    commands.Welcome(session=SESSION, group="acme-lan", heartbeat_seconds=10, drain=True),
    commands.Rejected(session=SESSION, code="UnknownAgent", message="No agent of that name is known."),
    commands.LeaseGranted(
        ask=ASK,
        run=RUN,
        fence=7,
        attempt=2,
        lease_seconds=60,
        deadline=AT,
        requests_per_minute=20,
        assignment=commands.Assignment(
            tenant=TENANT.name,
            halo=TENANT.halo,
            integration=INTEGRATION,
            mode=Mode.DELTA,
            cursors={EntityKind.USERS: "usn:1234"},
            approved=(Approval(entity=EntityKind.USERS, action=Action.RETIRE, up_to=212),),
        ),
    ),
    commands.LeaseRefused(
        ask=ASK, run=RUN, code="AlreadyLeased", message="Another agent has this run.", again_after=0.5
    ),
    commands.LeasesRenewed(
        session=SESSION,
        ask=ASK,
        renewed=(commands.RenewedLease(run=RUN, fence=7, lease_seconds=60, requests_per_minute=20),),
        revoked=("0123456789ab",),
        drain=True,
    ),
    commands.Cancel(run=RUN, reason="Cancelled by an operator."),
    commands.Offer(run=RUN),
    commands.CheckHalo(ask=ASK, tenant=TENANT.name, halo=TENANT.halo),
    events.Started(
        id=EVENT,
        at=AT,
        origin=ORIGIN,
        seq=1,
        level=events.Level.INFO,
        text="The sync of users began.",
        connector="ldap",
        mode=Mode.FULL,
        attempt=2,
    ),
    events.Progress(
        id=EVENT,
        at=AT,
        origin=ORIGIN,
        seq=2,
        level=events.Level.DEBUG,
        text="Read 7 of 9 users.",
        stage=events.Stage.READ,
        done=7,
        total=9,
        counts=COUNTS,
    ),
    events.RecordEvent(
        id=EVENT,
        at=AT,
        origin=ORIGIN,
        seq=3,
        level=events.Level.WARNING,
        text="Zoë Ångström was refused by Halo.",
        entity=EntityKind.USERS,
        source_id="f3c1",
        name="Zoë Ångström",
        outcome="failed",
        failure=FAILURE,
    ),
    events.Outcomes(
        id=EVENT,
        at=AT,
        origin=ORIGIN,
        seq=4,
        level=events.Level.INFO,
        text="1 updated.",
        attempt=2,
        outcomes=(
            Outcome(
                entity=EntityKind.USERS,
                source_id="f3c1",
                name="Zoë Ångström",
                result=Result.UPDATED,
                planned=True,
                reason="same emailaddress (zoe@acme.example)",
                matched="same emailaddress (zoe@acme.example)",
                placed="place rule 1: office is 'Malmö'",
                halo_id=17,
                fields=(FieldChange(field="phonenumber", before="12", after="34"),),
                keys=("zoe@acme.example",),
                code="RecordRefused",
                advice="Correct it at its source.",
            ),
        ),
    ),
    events.Logged(id=EVENT, at=AT, origin=ORIGIN, seq=4, level=events.Level.INFO, text="Connected to dc1."),
    events.Finished(
        id=EVENT,
        at=AT,
        origin=ORIGIN,
        seq=5,
        level=events.Level.WARNING,
        text="212 users would be deactivated; a person must agree.",
        status=RunStatus.HELD,
        counts=COUNTS,
        requests=31,
        failure=FAILURE,
        held_for=(
            Excess(entity=EntityKind.USERS, action=Action.RETIRE, found=212, limit=40, population=1000),
        ),
        cursors={EntityKind.USERS: "usn:1300"},
    ),
    events.StatusChanged(
        id=EVENT,
        at=AT,
        origin=events.Origin(tenant="acme", integration="people", run=RUN),
        seq=6,
        level=events.Level.ERROR,
        text="The agent fell silent.",
        status=RunStatus.LOST,
        failure=FAILURE,
    ),
)


def file_of(kind: str) -> Path:
    """Where the golden message of this kind lies."""
    return FOLDER / f"{kind}.json"


def kind_of(message: type[Message] | Message) -> str:
    """The word by which a message is told from the others."""
    cls = message if isinstance(message, type) else type(message)
    return str(cls.model_fields["kind"].default)


def message_classes() -> list[type[Message]]:
    """Every message that may travel, from the unions themselves."""
    requested, commanded, said = (
        get_args(get_args(union)[0]) for union in (requests.Request, commands.Command, events.Event)
    )
    return [jobs.Job, *requested, *commanded, *said]


def write_new() -> list[Path]:
    """Write the files of examples that have none yet."""
    new = [(file_of(kind_of(example)), example) for example in EXAMPLES]
    written = [(path, example) for path, example in new if not path.exists()]
    FOLDER.mkdir(exist_ok=True)
    for path, example in written:
        path.write_text(example.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return [path for path, _ in written]


if __name__ == "__main__":
    for path in write_new():
        print(f"wrote {path}")
