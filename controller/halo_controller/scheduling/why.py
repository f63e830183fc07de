"""Why has this not run? One sentence, and what to do: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from halo_controller.nouns import Agent, AgentState, Run
from halo_controller.scheduling.due import Situation, beginnings, hindrance
from halo_controller.scheduling.nouns import Answer, Past, Planned
from halo_shared import durations
from halo_shared.runs import RunStatus

TAKEN_WITHIN: Final = timedelta(seconds=15)
"""A job that waits longer than this waits for something."""


def why(
    situation: Situation, planned: Sequence[Planned], agents: Sequence[Agent], last: Past | None
) -> Answer:
    """The first thing that stands in the way, in the order in which they would have to be cleared away."""
    integration, ref = situation.integration, situation.integration.ref
    if not integration.enabled:
        return Answer(sentence=f"{ref} is disabled.", cure=f"halo-controller integrations enable {ref}")
    if integration.spec.group is None:
        return Answer(
            sentence=f"{ref} is assigned to no group of agents.",
            cure=f"halo-controller integrations assign {ref} --group GROUP",
        )
    if situation.open_run is not None:
        return _of_open(situation.open_run, agents, situation.now)
    if deaf := _nobody_hears(integration.spec.group, agents, situation.now):
        return deaf
    if situation.standing.pause:
        pause = situation.standing.pause
        by = f"{pause.who} paused it" if pause.who else "it was paused"
        return Answer(
            sentence=f"{ref} is paused: {by} at {pause.since:%Y-%m-%d %H:%M} UTC: {pause.reason}",
            cure=f"halo-controller integrations resume {ref}",
        )
    if situation.standing.retry_at:
        return Answer(
            sentence=f"{ref} is tried again at {situation.standing.retry_at:%Y-%m-%d %H:%M:%S} UTC, "
            f"since its latest run failed: {situation.standing.why}",
            cure=f"halo-controller run now {ref}",
        )
    if situation.schedule is None:
        return Answer(
            sentence=f"{ref} has no schedule and runs only when somebody asks for it.",
            cure=f"halo-controller run now {ref}",
        )
    return _by_schedule(situation, planned, last)


def _of_open(run: Run, agents: Sequence[Agent], now: datetime) -> Answer:
    waited = now - run.queued_at
    match run.status:
        case RunStatus.HELD:
            held = "; ".join(map(str, run.held_for))
            return Answer(
                sentence=f"Run {run.id} is held for a person's word: {held}.",
                cure=f"halo-controller runs show {run.id}, then runs approve or runs reject",
            )
        case RunStatus.RUNNING:
            return Answer(
                sentence=f"It runs: agent {run.agent} works on run {run.id}.",
                cure=f"halo-controller runs watch {run.id}",
            )
        case _ if run.waits_for_turn:
            return Answer(
                sentence=f"Run {run.id} waits for its turn: {run.tenant} has its share of the hosted agents already.",
                cure=f"halo-controller runs list --tenant {run.tenant}",
            )
        case _ if deaf := _nobody_hears(run.group, agents, now):
            return Answer(
                sentence=f"Run {run.id} waits since {_span(waited)}: {deaf.sentence}", cure=deaf.cure
            )
        case _ if waited > TAKEN_WITHIN:
            busy = ", ".join(agent.name for agent in agents if agent.free_slots == 0)
            because = (
                f"all slots of {busy} are taken"
                if busy
                else f"no agent of group {run.group} has taken it yet"
            )
            return Answer(
                sentence=f"Run {run.id} waits since {_span(waited)}: {because}.",
                cure="halo-controller agents list",
            )
        case _:
            return Answer(sentence=f"It starts: run {run.id} was queued {_span(waited)} ago.")


def _nobody_hears(group: str, agents: Sequence[Agent], now: datetime) -> Answer | None:
    """`agents` are those of the group."""
    if not agents:
        return Answer(
            sentence=f"Group {group} has no agents.", cure=f"halo-controller agents add NAME --group {group}"
        )
    if any(agent.state(now) is AgentState.ONLINE for agent in agents):
        return None
    heard = max((agent.seen_at for agent in agents if agent.seen_at), default=None)
    last = f"the last was heard at {heard:%Y-%m-%d %H:%M} UTC" if heard else "none was ever heard of"
    return Answer(
        sentence=f"No agent of group {group} can be heard; {last}.",
        cure="halo-agent run, on the agent's machine",
    )


def _by_schedule(situation: Situation, planned: Sequence[Planned], last: Past | None) -> Answer:
    ref = situation.integration.ref
    preview = f"halo-controller schedule preview {ref}"
    planned = planned or beginnings(situation)
    if not planned:
        return Answer(sentence=f"The schedule of {ref} has no further moment.", cure="Change its 'schedule'.")
    first = min(planned, key=lambda one: one.at)
    timing = situation.timing(first.mode)
    before = f" The latest start passed: {last.reason}." if last and last.run is None else ""
    if timing and (why_not := hindrance(first.at, timing, situation)):
        return Answer(
            sentence=f"{ref} is next due at {first.at:%Y-%m-%d %H:%M} UTC, but {why_not}.{before}",
            cure=preview,
        )
    return Answer(
        sentence=f"{ref} is not due yet: it runs next at {first.at:%Y-%m-%d %H:%M:%S} UTC.{before}",
        cure=preview,
    )


def _span(span: timedelta) -> str:
    return durations.text(timedelta(seconds=max(1, int(span.total_seconds()))))
