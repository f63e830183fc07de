"""Why has this not run? One sentence, and what to do: pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from halo_controller.nouns import Agent, AgentState, Run
from halo_controller.scheduling.hindrances import first_free, hindrance, retried_at
from halo_controller.scheduling.nouns import Answer, Fate, Past, Planned
from halo_controller.scheduling.planning import series
from halo_controller.scheduling.situation import Situation
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
            sentence=f"{ref} is paused: {by} at {pause.since:%Y-%m-%d %H:%M} UTC: {pause.reason.rstrip('.')}.",
            cure=f"halo-controller integrations resume {ref}",
        )
    if again := retried_at(situation):
        return _of_retry(situation, again)
    if situation.schedule is None:
        return Answer(
            sentence=f"{ref} has no schedule and runs only when somebody asks for it.",
            cure=f"halo-controller run now {ref}",
        )
    return _by_schedule(situation, planned, last)


def _of_retry(situation: Situation, at: datetime) -> Answer:
    ref = situation.integration.ref
    when = f"at {at:%Y-%m-%d %H:%M:%S} UTC" if at > situation.now else "at this moment"
    return Answer(
        sentence=f"{ref} is tried again {when}, since a run failed: {situation.standing.why}",
        cure=f"halo-controller run now {ref}",
    )


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
            return Answer(sentence=_of_running(run, agents, now), cure=f"halo-controller runs watch {run.id}")
        case _ if run.waits_for_turn:
            return Answer(
                sentence=f"Run {run.id} waits for its turn: {run.tenant} has its share of the hosted agents already.",
                cure=f"halo-controller runs list --tenant {run.tenant}",
            )
        case _ if deaf := _nobody_hears(run.group, agents, now):
            return Answer(
                sentence=f"Run {run.id} has waited for {_span(waited)}: {deaf.sentence}", cure=deaf.cure
            )
        case _ if waited > TAKEN_WITHIN:
            there = [agent for agent in agents if agent.state(now) is AgentState.ONLINE]
            because = (
                f"no agent of group {run.group} has taken it yet"
                if any(agent.free_slots for agent in there)
                else f"all slots of {', '.join(agent.name for agent in there)} are taken"
            )
            return Answer(
                sentence=f"Run {run.id} has waited for {_span(waited)}: {because}.",
                cure="halo-controller agents list",
            )
        case _:
            return Answer(sentence=f"It starts: run {run.id} was queued {_span(waited)} ago.")


_HEARD: Final = (
    (AgentState.DRAINING, "may take none until resumed", "halo-controller agents resume {}"),
    (AgentState.STALLED, "has not moved for a while", "restart it: halo-agent run, on the machine of {}"),
)
"""States of agents that can be heard and take nothing, what is said of them, and what changes that."""


def _of_running(run: Run, agents: Sequence[Agent], now: datetime) -> str:
    agent = next((one for one in agents if one.name == run.agent), None)
    if run.cancel_reason:
        return (
            f"Run {run.id} is being cancelled ({run.cancel_reason}): agent {run.agent} was asked to stop it."
        )
    if agent and agent.seen_at and agent.state(now) in (AgentState.SILENT, AgentState.STOPPED):
        heard = f"{agent.seen_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"Run {run.id} is with agent {run.agent}, which has not been heard since {heard}."
    return f"It runs: agent {run.agent} works on run {run.id}."


def _nobody_hears(group: str, agents: Sequence[Agent], now: datetime) -> Answer | None:
    """`agents` are those of the group."""
    if not agents:
        return Answer(
            sentence=f"Group {group} has no agents.", cure=f"halo-controller agents add NAME --group {group}"
        )
    states = {agent.name: agent.state(now) for agent in agents}
    if AgentState.ONLINE in states.values():
        return None
    for state, what, cure in _HEARD:
        if named := [name for name, known in states.items() if known is state]:
            return Answer(
                sentence=f"No agent of group {group} takes new work: {', '.join(named)} {what}.",
                cure=cure.format(named[0]),
            )
    heard = max((agent.seen_at for agent in agents if agent.seen_at), default=None)
    last = f"the last was heard at {heard:%Y-%m-%d %H:%M} UTC" if heard else "none was ever heard of"
    return Answer(
        sentence=f"No agent of group {group} can be heard; {last}.",
        cure="halo-agent run, on the agent's machine",
    )


def _by_schedule(situation: Situation, planned: Sequence[Planned], last: Past | None) -> Answer:
    ref = situation.integration.ref
    preview = f"halo-controller schedule preview {ref}"
    following = series(situation, planned)
    if not following:
        return Answer(sentence=f"The schedule of {ref} has no further moment.", cure="Change its 'schedule'.")
    first, timing = min(following, key=lambda one: one[0].at)
    before = _of_last(last) if last and last.run is None else ""
    if why_not := hindrance(first.at, timing, situation):
        starts = [free for one in following if (free := first_free(*one, situation))]
        then = f"It runs next at {min(starts):%Y-%m-%d %H:%M} UTC." if starts else "No later moment is free."
        return Answer(
            sentence=f"{ref} is next due at {first.at:%Y-%m-%d %H:%M} UTC, but {why_not}. {then}{before}",
            cure=preview,
        )
    if first.at <= situation.now:
        since = f"{first.at:%Y-%m-%d %H:%M:%S} UTC"
        return Answer(
            sentence=f"{ref} has been due since {since} and starts as soon as the leading controller looks."
        )
    return Answer(
        sentence=f"{ref} is not due yet: it runs next at {first.at:%Y-%m-%d %H:%M:%S} UTC.{before}",
        cure=preview,
    )


def _of_last(last: Past) -> str:
    became = "missed" if last.fate is Fate.MISSED else "let pass"
    return f" The start of {last.until:%Y-%m-%d %H:%M} UTC was {became}: {last.reason.rstrip('.')}."


def _span(span: timedelta) -> str:
    return durations.text(timedelta(seconds=max(1, int(span.total_seconds()))))
