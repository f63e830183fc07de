"""The library's errors in our words."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aio_pika import exceptions as amqp

from halo_shared.errors import (
    BrokerUnavailable,
    ConfigurationError,
    DeliveryLost,
    HaloIntegratorError,
    PermissionMissing,
    QueueTaken,
    Unroutable,
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """What the library raises inside, as an error that says what happens next."""
    try:
        yield
    except asyncio.CancelledError as error:
        if _asked_to_stop():
            raise
        raise BrokerUnavailable(f"The broker fell silent ({doing}).", detail=repr(error)) from error
    except amqp.AMQPError as error:
        raise _in_our_words(error, doing) from error
    # Last, because the library's list holds RuntimeError and OSError too.
    except (*amqp.CONNECTION_EXCEPTIONS, TimeoutError) as error:
        raise BrokerUnavailable(f"The broker went away ({doing}).", detail=repr(error)) from error


@contextmanager
def lost() -> Iterator[None]:
    """Inside, a delivery is settled: if that fails, its connection is gone."""
    try:
        yield
    except asyncio.CancelledError as error:
        if _asked_to_stop():
            raise
        raise DeliveryLost(detail=repr(error)) from error
    except amqp.CONNECTION_EXCEPTIONS as error:
        raise DeliveryLost(detail=repr(error)) from error


def _asked_to_stop() -> bool:
    """Whether somebody cancelled this task.

    When a connection falls silent, the library hands CancelledError to all who wait for it; taken at its
    word, that would end a loop which nobody asked to stop.
    """
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _in_our_words(error: amqp.AMQPError, doing: str) -> HaloIntegratorError:
    detail = repr(error)
    match error:
        case amqp.ChannelNotFoundEntity() | amqp.PublishError():
            return Unroutable(f"Nothing receives what was sent ({doing}): {error}", detail=detail)
        case amqp.ChannelPreconditionFailed():
            return ConfigurationError(
                f"The broker holds a queue or exchange of the same name with other arguments ({doing}): {error}. "
                "Delete it on the broker, then start again.",
                detail=detail,
            )
        case amqp.ChannelClosed() if "exclusive use" in str(error) or "exclusive access" in str(error):
            return QueueTaken(
                f"Another process has taken it for itself ({doing}); this one waits until that one is gone. "
                "Stop one of them, or give each a name of its own.",
                detail=detail,
            )
        case amqp.ChannelClosed() if "ACCESS_REFUSED" in str(error):
            return PermissionMissing(f"The broker account may not do this ({doing}): {error}", detail=detail)
        case amqp.ChannelClosed():
            return BrokerUnavailable(f"The broker closed the channel ({doing}): {error}", detail=detail)
        case _:
            return BrokerUnavailable(f"The broker went away ({doing}).", detail=detail)
