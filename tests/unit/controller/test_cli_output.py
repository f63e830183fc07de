"""What the command line prints, at the widths that people have."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
from rich.console import Console, Group, RenderableType

from halo_controller.api.models import (
    AgentCount,
    AgentView,
    Health,
    HealthStatus,
    IntegrationView,
    QueueView,
    RunView,
    TopologyView,
)
from halo_controller.cli import (
    agents,
    groups,
    integrations,
    output,
    people,
    record_report,
    run_report,
    tenants,
    topology,
    watching,
)
from halo_controller.notifications.notifier import trial
from halo_controller.nouns import AgentState, Attempt, Record, Run, RunProgress, Tenant
from halo_controller.nouns import Group as AgentGroup
from halo_controller.scheduling.nouns import Next
from halo_shared.entities import EntityKind
from halo_shared.errors import AmbiguousMatch, CredentialRefused
from halo_shared.messages.base import Failure
from halo_shared.messages.events import Level, RecordEvent, Stage
from halo_shared.outcomes import FieldChange
from halo_shared.redaction import Redactor
from halo_shared.runs import RunStatus, Tally
from halo_shared.topology import EXCHANGES, FIXED_QUEUES, agent_queue, jobs_queue
from tests.support.builders import NOW, RUN_ID, excess, integration_spec, origin, outcome, tenant_spec
from tests.support.clock import ManualClock
from tests.support.incidents import person
from tests.support.nouns import run, running

SCREEN = 80
LONG_TENANT = "northern-quarter"
LONG_GROUP = "northern-quarter-offices"
LONG_AGENT = "manchester-office-2"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    clock = ManualClock()
    monkeypatch.setattr(output, "CLOCK", clock)
    return clock


def printed(what: RenderableType, width: int = SCREEN) -> list[str]:
    """The lines on a screen of this width."""
    console = Console(width=width, color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(what)
    return [line.rstrip() for line in captured.get().splitlines()]


def words(what: RenderableType, width: int = SCREEN) -> list[str]:
    """The lines, with single spaces."""
    return [" ".join(line.split()) for line in printed(what, width)]


def agent(name: str = "london-1", *, group: str = "acme-london", heard: bool = True) -> AgentView:
    return AgentView(
        name=name,
        group=group,
        state=AgentState.ONLINE if heard else AgentState.EXPECTED,
        created_at=NOW,
        seen_at=NOW if heard else None,
        version="0.1.0" if heard else "",
        slots=2 if heard else 0,
        free_slots=1 if heard else 0,
        spooled=1234,
        connectors=("ldap", "spreadsheet") if heard else (),
        doing=("sender: asleep",),
    )


def integration(
    name: str = "people",
    *,
    tenant: str = "acme",
    group: str | None = "acme-london",
    enabled: bool = True,
    every: timedelta | None = timedelta(minutes=15),
    next_run: Next | None = None,
    last_run: Run | None = None,
) -> IntegrationView:
    return IntegrationView(
        tenant=tenant,
        spec=integration_spec(name, group=group, every=every),
        enabled=enabled,
        created_at=NOW,
        changed_at=NOW,
        cursors={},
        next=next_run or Next(due=False, reason="it runs every 15m", at=NOW + timedelta(minutes=12)),
        last_run=last_run,
    )


def ended(status: RunStatus, **changes: object) -> Run:
    """A run of four minutes that is over."""
    minutes = {"started_at": NOW, "ended_at": NOW + timedelta(minutes=4), "attempt": 1, "agent": "london-1"}
    return run(status, **(minutes | changes))


def view(of: Run, *attempts: Attempt) -> RunView:
    return RunView(**of.model_dump(), attempts=attempts)


def attempt(number: int = 1, end: str | None = None) -> Attempt:
    return Attempt(number=number, fence=number, agent="london-1", granted_at=NOW, ended_at=NOW, end=end)


def failed_record(number: int, fence: int = 1) -> RecordEvent:
    failure = Failure.of(AmbiguousMatch(f"2 users in Halo could be person {number}."), Redactor())
    return RecordEvent(
        id=uuid4(),
        at=NOW,
        origin=origin(run(), fence=fence),
        seq=number,
        level=Level.ERROR,
        text="",
        entity=EntityKind.USERS,
        source_id=f"id-{number}",
        name=f"Person {number}",
        outcome="failed",
        failure=failure,
    )


COUNTS = {EntityKind.USERS: Tally(read=1200, created=12, updated=30, retired=2, unchanged=1150, failed=6)}

AGENTS = [
    agent(),
    agent(LONG_AGENT, group=LONG_GROUP),
    agent("pool-1", group="pool", heard=False),
]
TENANTS = [
    Tenant(spec=tenant_spec(), created_at=NOW),
    Tenant(
        spec=tenant_spec(LONG_TENANT, url="https://desk.northern-quarter-housing.example.co.uk").model_copy(
            update={"title": "Northern Quarter Housing Association"}
        ),
        created_at=NOW,
    ),
]
GROUPS = [
    AgentGroup(name="acme-london", created_at=NOW),
    AgentGroup(name=LONG_GROUP, title="Northern Quarter, all its offices and yards", created_at=NOW),
]
INTEGRATIONS = [
    integration(last_run=ended(RunStatus.PARTIAL)),
    integration("assets-of-the-branches", tenant=LONG_TENANT, group=LONG_GROUP, last_run=run()),
    integration("x", group=None, enabled=False, next_run=Next(due=False, reason="it is disabled")),
]
RUNS = [
    ended(RunStatus.PARTIAL, counts=COUNTS),
    run(tenant=LONG_TENANT, integration="assets-of-the-branches", id="fedcba987654"),
]
QUEUES = [*FIXED_QUEUES, jobs_queue(LONG_GROUP), agent_queue(LONG_AGENT)]
TOPOLOGY = TopologyView(
    exchanges=EXCHANGES,
    queues=tuple(
        QueueView(
            name=queue.name,
            kind=queue.kind,
            bindings=queue.bindings,
            carries=queue.carries,
            expires=queue.expires,
            depth=1,
        )
        for queue in QUEUES
    ),
    alarms=("Look.",),
)

LISTINGS: dict[str, tuple[Callable[[], RenderableType], Sequence[str]]] = {
    "agents": (lambda: agents._table(AGENTS), ["london-1", LONG_AGENT, "pool-1", "expected", "spreadsheet"]),
    "tenants": (lambda: tenants._table(TENANTS), ["acme", LONG_TENANT, "hosted"]),
    "groups": (lambda: groups._table(GROUPS), ["acme-london", LONG_GROUP, "offices"]),
    "integrations": (
        lambda: integrations._table(INTEGRATIONS),
        ["acme/people", "partial 0s ago", "disabled"],
    ),
    "runs": (
        lambda: run_report.runs_table(RUNS),
        [RUN_ID, "fedcba987654", "acme/people", "partial", "queued"],
    ),
    "topology": (
        lambda: Group(*topology._report(TOPOLOGY)),
        ["buried", f"jobs.{LONG_GROUP}", f"agent.{LONG_AGENT}", "Look."],
    ),
}


@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_fits_a_narrow_screen_with_its_names_in_one_piece(name: str) -> None:
    render, whole = LISTINGS[name]
    lines = printed(render())

    assert max(map(len, lines)) <= SCREEN
    text = "\n".join(lines)
    assert [piece for piece in whole if piece not in text] == []


@pytest.mark.parametrize("width", [SCREEN, 100, 140])
@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_is_never_cut(name: str, width: int) -> None:
    """What is cut on a narrow screen is missing among the characters of the wide one."""
    render, _ = LISTINGS[name]
    on_paper = sorted("".join(printed(render(), 400)).replace(" ", ""))

    assert sorted("".join(printed(render(), width)).replace(" ", "")) == on_paper


def test_nothing_is_read_as_markup() -> None:
    table = output.table("title", rows=[["[red]Ops[/] :smile:"]])

    assert words(table) == ["title", "[red]Ops[/] :smile:"]


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (integration(), "in 12m"),
        (integration(enabled=False, next_run=Next(due=False, reason="it is disabled")), "disabled"),
        (integration(every=None, next_run=Next(due=False, reason="it has no schedule")), "when asked for"),
        (integration(next_run=Next(due=True, reason="it has never run")), "now: it has never run"),
    ],
)
def test_when_an_integration_runs_next(view: IntegrationView, said: str) -> None:
    assert words(integrations._table([view]))[1] == f"acme/people ldap acme-london {said} -"


def test_an_integration_in_full() -> None:
    lines = words(Group(*integrations._report(integration())))

    assert {"schedule every 15m", "deadline 6h a run", "reads next everything"} <= {*lines}
    assert {"azureoid the source's own id always", "emailaddress mail always"} <= {*lines}


def test_a_person_from_whom_a_message_came_back() -> None:
    jane = person()
    said = {"id": "0000000a", "result": "it came back from jane@acme.example: 5.1.1 no such user"}
    bounce = trial(jane, jane.channels[0], "jane wants it", NOW).model_copy(
        update=said | {"bounced_at": NOW - timedelta(hours=3)}
    )

    lines = [" ".join(line.split()) for line in printed(people._facts(jane, [bounce]), 200)]

    assert lines[3:5] == [
        "through email jane@acme.example",
        "came back 3h ago, message 0000000a: it came back from jane@acme.example: 5.1.1 no such user",
    ]
    assert not any("came back" in line for line in words(people._facts(jane, [])))


def test_an_agent_in_full() -> None:
    lines = words(agents._facts(agent()))

    assert "last heard 2026-01-05 12:00:00 UTC (0s ago)" in lines
    assert {"slots 1 of 2 free", "waiting events 1,234", "doing sender: asleep"} <= {*lines}


def test_a_run_that_failed() -> None:
    failure = Failure.of(CredentialRefused("The directory refused the reader."), Redactor())
    lines = words(run_report.report(view(ended(RunStatus.FAILED, failure=failure, requests=1077)), [], 20))

    assert lines[0] == "Run 0123456789ab of acme/people: failed"
    assert {"ended 2026-01-05 12:04:00 UTC (0s ago), took 4m", "requests 1,077 to Halo"} <= {*lines}
    assert lines[-2:] == ["The directory refused the reader.", "Change the setting named, then run it again."]


def test_only_the_latest_attempt_says_which_records_failed() -> None:
    run = view(ended(RunStatus.PARTIAL, counts=COUNTS), attempt(1, "its lease ended"), attempt(2, "partial"))
    events = [failed_record(0, fence=1), *(failed_record(number, fence=2) for number in (1, 2, 3))]

    lines = words(run_report.report(run, events, most=2))

    assert "users 1,200 12 30 2 1,150 0 6" in lines
    start = lines.index("What failed (3)")
    assert lines[start + 1 : start + 7] == [
        "Person 1 (users id-1)",
        "2 users in Halo could be person 1.",
        "Person 2 (users id-2)",
        "2 users in Halo could be person 2.",
        "Correct the record at its source or in Halo; the next run takes it up.",
        "... and 1 more; see all with: halo-controller runs show 0123456789ab --all",
    ]
    assert "1 london-1 12:00:00 12:00:00 its lease ended" in lines


def test_a_held_run_says_what_to_type() -> None:
    lines = words(run_report.report(view(run(RunStatus.HELD, held_for=(excess(),))), [], 20), 120)

    limits = "halo-controller integrations limits acme/people --entity users"
    assert lines[-14:] == [
        "It waits for you; nothing was written",
        "- it would deactivate 212 of 1,200 users in Halo and may deactivate 40 without approval",
        "",
        "What you can do",
        "approve what was found",
        "halo-controller runs approve 0123456789ab",
        "approve up to a number",
        "halo-controller runs approve 0123456789ab --up-to 212",
        "reject it",
        "halo-controller runs reject 0123456789ab",
        "change the limit",
        f"{limits} --retire-count 212 --retire-percent 18",
        "",
        "An approval holds once: the run reads and plans anew, and may do no more than you allow.",
    ]


@pytest.mark.parametrize(
    ("seen", "rate", "said"),
    [
        (run(), None, "waiting for an agent of group site"),
        (running(), None, "running on one"),
        (
            running(progress=RunProgress(stage=Stage.READ, done=1200, total=5000)),
            40.0,
            "read 1,200 of 5,000, 40 a second",
        ),
        (
            running(progress=RunProgress(stage=Stage.APPLY, done=3), counts=COUNTS),
            0.5,
            "apply 3, 30 a minute, 12 created, 30 updated, 2 retired, 6 failed",
        ),
        (ended(RunStatus.SUCCEEDED), None, "succeeded"),
    ],
)
def test_where_a_run_is_in_a_line(seen: Run, rate: float | None, said: str) -> None:
    assert watching.line(seen, rate) == said


def test_a_pace_needs_time_and_begins_anew_with_each_stage(clock: ManualClock) -> None:
    pace = watching.Pace()

    assert pace.rate(RunProgress(stage=Stage.READ, done=10)) is None
    clock.move(2)
    assert pace.rate(RunProgress(stage=Stage.READ, done=30)) == 10
    assert pace.rate(RunProgress(stage=Stage.APPLY, done=30)) is None


def test_health_counts_agents_and_tells_alarms() -> None:
    health = Health(
        status=HealthStatus.ALARM,
        broker=True,
        database=True,
        outbox=1234,
        buried=None,
        agents=AgentCount(online=2, silent=1, expected=3),
        alarms=("1 agent is silent; look with: halo-controller agents list",),
    )

    assert words(Group(*topology._facts(health))) == [
        "controller alarm",
        "broker ok",
        "database ok",
        "outbox 1,234 waiting for the broker",
        "buried -",
        "agents 2 online, 1 silent, 3 expected",
        "",
        "1 agent is silent; look with: halo-controller agents list",
    ]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0s"), (119, "119s"), (120, "2m"), (7_199, "119m"), (7_200, "2h"), (172_800, "2d")],
)
def test_a_span_in_its_largest_whole_unit(seconds: int, said: str) -> None:
    assert output.span(timedelta(seconds=seconds)) == said


def test_a_difference_is_whole_on_a_screen_of_a_hundred_columns() -> None:
    address = "jane.longname@northern-quarter.example"
    change = FieldChange(field="fields.Operating System", before="Windows 10 Enterprise", after=address)
    told = outcome(planned=True, fields=(change, FieldChange(field="emailaddress", after=address)))

    lines = printed(record_report.changes_table([told]), 100)

    assert lines[1].startswith("would update  users   Jane Doe")
    assert not [line for line in lines if "…" in line or len(line) > 100]


def test_what_became_of_a_record_says_how_it_was_recognised_and_what_was_written() -> None:
    record = Record(
        id=4711, tenant="acme", integration="people", run=RUN_ID, attempt=2, at=NOW, outcome=outcome()
    )

    lines = words(record_report.record_report(record))

    assert lines[:5] == [
        "Jane Doe (users): updated",
        "why changed at its source",
        "recognised by its link",
        "id at its source k-1",
        "id in Halo 17",
    ]
    assert lines[-2:] == ["field before after", "phonenumber 12 34"]
