"""Each thing that can stand in the way of a run is named in one sentence, with what changes it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from halo_controller.nouns import Agent, Run, Tenant
from halo_controller.scheduling.nouns import STEADY, Answer, Fate, Past, Pause, Planned, Standing
from halo_controller.scheduling.situation import Situation
from halo_controller.scheduling.why import why
from halo_shared.integrations import IntegrationSpec, TenantSpec
from halo_shared.runs import Mode, RunStatus
from tests.support.builders import NOW, REF, RUN_ID, excess, integration_spec, tenant_spec
from tests.support.nouns import agent, integration, run, running

OFFICE = {"name": "office hours", "hours": {"from": "08:00", "to": "18:00"}}
EVERY = {"every": "15m"}
HELD = run(RunStatus.HELD, held_for=(excess(),))
QUEUED_LONG_AGO = run(queued_at=NOW - timedelta(minutes=5))
ONLINE = (agent(),)
DRAINING = agent("two", draining=True, free_slots=2)
NEVER_HEARD = agent("three", session=None)


def planned(at: datetime = NOW + timedelta(minutes=10)) -> Planned:
    return Planned(tenant=REF.tenant, integration=REF.name, mode=Mode.DELTA, at=at)


def answer(
    *,
    schedule: dict[str, Any] | None = EVERY,  # Any: as a file would say it
    enabled: bool = True,
    group: str | None = "site",
    open_run: Run | None = None,
    agents: Sequence[Agent] = ONLINE,
    standing: Standing = STEADY,
    blackouts: Sequence[dict[str, object]] = (),
    moments: Sequence[Planned] = (planned(),),
    last: Past | None = None,
) -> Answer:
    """What is said of an integration that is well, but for what is given."""
    spec = IntegrationSpec.model_validate(
        integration_spec(group=group).model_dump(by_alias=True) | {"schedule": schedule}
    )
    owner = TenantSpec.model_validate(tenant_spec().model_dump() | {"blackouts": list(blackouts)})
    situation = Situation(
        integration(spec, enabled=enabled), Tenant(spec=owner, created_at=NOW), NOW, open_run, standing
    )
    return why(situation, moments, agents, last)


@pytest.mark.parametrize(
    ("given", "sentence", "cure"),
    [
        ({"enabled": False}, "acme/people is disabled.", "integrations enable acme/people"),
        (
            {"group": None},
            "acme/people is assigned to no group of agents.",
            "integrations assign acme/people --group",
        ),
        ({"agents": ()}, "Group site has no agents.", "agents add NAME --group site"),
        (
            {"agents": (agent(session=None),)},
            "No agent of group site can be heard; none was ever heard of.",
            "halo-agent run",
        ),
        (
            {"agents": (agent().model_copy(update={"seen_at": NOW - timedelta(hours=2)}),)},
            "No agent of group site can be heard; the last was heard at 2026-01-05 10:00 UTC.",
            "halo-agent run",
        ),
        (
            {"open_run": HELD},
            f"Run {RUN_ID} is held for a person's word: it would deactivate 212 of 1,200 users",
            f"runs show {RUN_ID}",
        ),
        ({"open_run": running()}, f"It runs: agent one works on run {RUN_ID}.", f"runs watch {RUN_ID}"),
        ({"open_run": run()}, f"It starts: run {RUN_ID} was queued 1s ago.", ""),
        (
            {"open_run": QUEUED_LONG_AGO, "agents": ()},
            f"Run {RUN_ID} has waited for 5m: Group site has no agents.",
            "agents add",
        ),
        (
            {"open_run": QUEUED_LONG_AGO},
            f"Run {RUN_ID} has waited for 5m: all slots of one are taken.",
            "agents list",
        ),
        (
            {"open_run": QUEUED_LONG_AGO, "agents": (agent().model_copy(update={"free_slots": 1}),)},
            f"Run {RUN_ID} has waited for 5m: no agent of group site has taken it yet.",
            "agents list",
        ),
        (
            {"standing": Standing(pause=Pause(since=NOW, who="ann", reason="the directory is moved"))},
            "acme/people is paused: ann paused it at 2026-01-05 12:00 UTC: the directory is moved",
            "integrations resume acme/people",
        ),
        (
            {"standing": Standing(pause=Pause(since=NOW, who=None, reason="3 runs failed"))},
            "acme/people is paused: it was paused at 2026-01-05 12:00 UTC: 3 runs failed",
            "integrations resume acme/people",
        ),
        (
            {"schedule": None, "moments": ()},
            "acme/people has no schedule and runs only when somebody asks for it.",
            "run now acme/people",
        ),
        (
            {"standing": Standing(retry_at=NOW + timedelta(minutes=4), why="The tool is away.")},
            "acme/people is tried again at 2026-01-05 12:04:00 UTC, since a run failed: The tool is away.",
            "run now acme/people",
        ),
        (
            {
                "schedule": None,
                "moments": (),
                "standing": Standing(retry_at=NOW + timedelta(minutes=4), why="The tool is away."),
            },
            "acme/people is tried again at 2026-01-05 12:04:00 UTC",
            "run now acme/people",
        ),
        (
            {
                "schedule": {"rrule": "FREQ=DAILY;COUNT=1;BYHOUR=4;BYMINUTE=0;BYSECOND=0"},
                "moments": (),
            },
            "The schedule of acme/people has no further moment.",
            "Change its 'schedule'.",
        ),
        (
            {"schedule": {"cron": "0 14 * * *"}, "moments": ()},
            "acme/people is not due yet: it runs next at 2026-01-05 14:00:00 UTC.",
            "schedule preview acme/people",
        ),
        (
            {"blackouts": [OFFICE]},
            "acme/people is next due at 2026-01-05 12:10 UTC, but nothing starts for acme then: office hours.",
            "schedule preview acme/people",
        ),
        (
            {"schedule": EVERY | {"window": {"from": "22:00", "to": "06:00"}}},
            "acme/people is next due at 2026-01-05 12:10 UTC, but it may start from 22:00 to 06:00 only (UTC).",
            "schedule preview acme/people",
        ),
        (
            {"standing": Standing(failures=7, slow_step=2, not_before=NOW + timedelta(hours=2))},
            "acme/people is next due at 2026-01-05 12:10 UTC, but it is slowed down after 7 failed runs; it is",
            "schedule preview acme/people",
        ),
        (
            {"schedule": EVERY | {"window": {"from": "22:00", "to": "06:00"}}},
            (
                "acme/people is next due at 2026-01-05 12:10 UTC, but it may start from 22:00 to 06:00 only (UTC). "
                "It runs next at 2026-01-05 22:00 UTC."
            ),
            "schedule preview acme/people",
        ),
        (
            {"moments": (planned(NOW - timedelta(minutes=3)),)},
            "acme/people has been due since 2026-01-05 11:57:00 UTC and starts as soon as",
            "",
        ),
        (
            {
                "standing": Standing(retry_at=NOW + timedelta(minutes=4), why="The tool is away."),
                "blackouts": [OFFICE],
            },
            "acme/people is next due at 2026-01-05 12:10 UTC, but nothing starts for acme then: office hours.",
            "schedule preview acme/people",
        ),
        (
            {"agents": (DRAINING,)},
            "No agent of group site takes new work: two may take none until resumed.",
            "agents resume two",
        ),
        (
            {"agents": (agent(stalled=90.0),)},
            "No agent of group site takes new work: one has not moved for a while.",
            "restart it",
        ),
        (
            {"open_run": QUEUED_LONG_AGO, "agents": (NEVER_HEARD, agent(free_slots=1), agent("two"))},
            f"Run {RUN_ID} has waited for 5m: no agent of group site has taken it yet.",
            "agents list",
        ),
        (
            {"open_run": QUEUED_LONG_AGO, "agents": (NEVER_HEARD, agent(), DRAINING)},
            f"Run {RUN_ID} has waited for 5m: all slots of one are taken.",
            "agents list",
        ),
        (
            {"open_run": running(cancel_reason="Ann wants it so")},
            f"Run {RUN_ID} is being cancelled (Ann wants it so): agent one was asked to stop it.",
            "runs watch",
        ),
        (
            {"open_run": running(), "agents": (agent(seen_at=NOW - timedelta(minutes=2)),)},
            f"Run {RUN_ID} is with agent one, which has not been heard since 2026-01-05 11:58:00 UTC.",
            "runs watch",
        ),
        (
            {},
            "acme/people is not due yet: it runs next at 2026-01-05 12:10:00 UTC.",
            "schedule preview acme/people",
        ),
    ],
)
def test_what_stands_in_the_way_is_named_with_its_cure(
    given: dict[str, Any],  # Any: what `answer` takes
    sentence: str,
    cure: str,
) -> None:
    said = answer(**given)

    assert said.sentence.startswith(sentence)
    assert cure in said.cure
    assert bool(cure) == bool(said.cure)


def test_the_latest_start_that_passed_is_told_too() -> None:
    skipped = Past(
        tenant=REF.tenant,
        integration=REF.name,
        mode=Mode.DELTA,
        at=NOW,
        until=NOW,
        fate=Fate.SKIPPED,
        reason="run 0123 is still running",
    )
    opened = skipped.model_copy(update={"fate": Fate.OPENED, "run": RUN_ID})

    assert answer(last=skipped).sentence.endswith(
        "The start of 2026-01-05 12:00 UTC was let pass: run 0123 is still running."
    )
    missed = skipped.model_copy(update={"fate": Fate.MISSED, "reason": "the controller was not at work then"})
    assert answer(last=missed).sentence.endswith("was missed: the controller was not at work then.")
    assert "let pass" not in answer(last=opened).sentence


def test_the_first_hindrance_is_told_in_the_order_in_which_they_are_cleared() -> None:
    paused = Standing(pause=Pause(since=NOW, who="ann", reason="a move"))

    assert "disabled" in answer(enabled=False, group=None, standing=paused).sentence
    assert "no group" in answer(group=None, standing=paused).sentence
    assert "held" in answer(open_run=HELD, agents=(), standing=paused).sentence
    assert "no agents" in answer(agents=(), standing=paused).sentence
    assert "paused" in answer(standing=paused, schedule=None, moments=()).sentence
