"""Being asked to stop, by a person or by the system."""

import asyncio
import os
import signal

import pytest

from halo_agent.stopping import Stopping, on_signals
from tests.support.clock import eventually


def test_asked_once_it_drains_and_asked_twice_it_cancels() -> None:
    stopping = Stopping()
    asked = [(stopping.drain.is_set(), stopping.cancel.is_set())]
    for _ in range(3):
        stopping.ask()
        asked.append((stopping.drain.is_set(), stopping.cancel.is_set()))

    assert asked == [(False, False), (True, False), (True, True), (True, True)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_ask_to_stop(number: signal.Signals) -> None:
    stopping = Stopping()
    with on_signals(stopping):
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stopping.drain.wait(), 1)
        assert not stopping.cancel.is_set()
        os.kill(os.getpid(), number)
        await eventually(stopping.cancel.is_set)


async def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with on_signals(Stopping()):
        assert signal.getsignal(signal.SIGTERM) is not before[1]

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
