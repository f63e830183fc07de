"""The broker itself: the only package that knows its client library.

Defaults are the other way round from the library's: messages are persistent and confirmed, and one that
reaches no queue is an error. Reconnecting is done here rather than by the library's robust connection,
because a delivery from a lost channel must say so (DeliveryLost) instead of failing silently.
"""

from halo_shared.transport.amqp.transport import AmqpTransport

__all__ = ["AmqpTransport"]
