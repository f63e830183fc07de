"""What the broker's library raises, in our words."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from aiormq import exceptions as amqp

from halo_shared.errors import (
    BrokerUnavailable,
    ConfigurationError,
    DeliveryLost,
    HaloIntegratorError,
    PermissionMissing,
    Unroutable,
)
from halo_shared.transport.amqp.faults import lost, translated

Inside = Callable[[], AbstractContextManager[None]]


def doing() -> AbstractContextManager[None]:
    return translated("testing")


@pytest.mark.parametrize(
    ("raised", "wanted"),
    [
        (amqp.ChannelNotFoundEntity("NOT_FOUND - no queue 'x'"), Unroutable),
        (amqp.ChannelPreconditionFailed("PRECONDITION_FAILED"), ConfigurationError),
        (amqp.ChannelAccessRefused("ACCESS_REFUSED - access to queue 'x'"), PermissionMissing),
        (amqp.ChannelLockedResource("RESOURCE_LOCKED"), BrokerUnavailable),
        (amqp.ConnectionClosed(320, "CONNECTION_FORCED"), BrokerUnavailable),
        (amqp.ChannelInvalidStateError("closed"), BrokerUnavailable),
        (ConnectionResetError(), BrokerUnavailable),
        (TimeoutError(), BrokerUnavailable),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_error_says_what_happens_next(raised: Exception, wanted: type[HaloIntegratorError]) -> None:
    with pytest.raises(HaloIntegratorError, match="testing") as caught, doing():
        raise raised

    assert type(caught.value) is wanted
    assert caught.value.detail or wanted is BrokerUnavailable


def test_a_fault_of_ours_stays_one() -> None:
    with pytest.raises(KeyError), doing():
        raise KeyError("x")


@pytest.mark.parametrize(("inside", "wanted"), [(doing, BrokerUnavailable), (lost, DeliveryLost)])
async def test_a_cancellation_that_nobody_asked_for_is_the_librarys(
    inside: Inside, wanted: type[HaloIntegratorError]
) -> None:
    with pytest.raises(wanted), inside():
        raise asyncio.CancelledError


@pytest.mark.parametrize("inside", [doing, lost])
async def test_a_cancellation_that_somebody_asked_for_is_obeyed(inside: Inside) -> None:
    async def wait() -> None:
        with inside():
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
