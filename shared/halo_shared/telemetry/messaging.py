"""Spans of messages that take a trace along, in the words of OpenTelemetry's conventions for messaging."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from halo_shared import telemetry
from halo_shared.messages.codec import Envelope
from halo_shared.telemetry import Attributes, Kind, Span
from halo_shared.topology import Address
from halo_shared.transport import Delivery


@contextmanager
def publishing(envelope: Envelope, to: Address) -> Iterator[str | None]:
    """The sending of a message; gives what it is to take along. One that belongs to no trace has no span either."""
    if envelope.traceparent is None:
        yield None
        return
    attributes: Attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": f"{to.exchange}:{to.key}",
        "messaging.rabbitmq.destination.routing_key": to.key,
        "messaging.message.id": envelope.id,
        "messaging.message.body.size": len(envelope.body),
        "halo.message": envelope.kind,
    }
    with telemetry.span(
        f"publish {to.exchange}", Kind.PRODUCER, parent=envelope.traceparent, attributes=attributes
    ):
        yield telemetry.traceparent() or envelope.traceparent


@contextmanager
def processing(*deliveries: Delivery) -> Iterator[None]:
    """The handling of messages, as far as they belong to a trace."""
    with ExitStack() as spans:
        for delivery in deliveries:
            if delivery.traceparent is not None:
                spans.enter_context(_processing(delivery, delivery.traceparent))
        yield


def _processing(delivery: Delivery, parent: str) -> AbstractContextManager[Span]:
    attributes: Attributes = {
        "messaging.system": "rabbitmq",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": delivery.queue,
        "messaging.message.body.size": len(delivery.body),
    }
    return telemetry.span(f"process {delivery.queue}", Kind.CONSUMER, parent=parent, attributes=attributes)
