"""When certificates end: looked at in every handshake and every use, so that nobody has to write a date down."""

import ssl
from datetime import UTC, datetime, timedelta
from typing import Final

from halo_shared.clock import Clock, SystemClock
from halo_shared.runs import Frozen

MOST: Final = 20
"""Certificates that are told of, those that end first: this travels with every heartbeat."""
FORGOTTEN_AFTER: Final = timedelta(days=8)
"""Without being seen again, as where an integration is no more; one that runs once a week is."""


class CertificateEnd(Frozen):
    """A certificate, and when it ends."""

    of: str
    """Whose it is, in words that follow "of": Halo, the broker, the directory."""
    address: str
    """Where it is shown, or the file that holds it."""
    ends: datetime


class Certificates:
    """What this process has seen."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[CertificateEnd, datetime]] = {}

    def note(self, of: str, address: str, ends: datetime) -> None:
        """This one was shown or used just now."""
        self._seen[of, address] = CertificateEnd(of=of, address=address, ends=ends), self._clock.now()

    def nearest(self) -> tuple[CertificateEnd, ...]:
        """Those that end first."""
        since = self._clock.now() - FORGOTTEN_AFTER
        self._seen = {key: (end, at) for key, (end, at) in self._seen.items() if at > since}
        ends = sorted((end for end, _ in self._seen.values()), key=lambda end: end.ends)
        return tuple(ends[:MOST])


SEEN: Final = Certificates(SystemClock())
"""Of this process, whatever it connects to."""


def watched(context: ssl.SSLContext, of: str, certificates: Certificates = SEEN) -> ssl.SSLContext:
    """The same context, whose handshakes are noted: every connection made with it shows a certificate of this one."""

    class Watched(ssl.SSLObject):
        """One end of a connection, as `SSLContext.sslobject_class` lets others make it."""

        def do_handshake(self) -> None:
            super().do_handshake()
            # Empty where nothing was verified: what anybody could show is not worth a warning.
            if (shown := self.getpeercert()) and isinstance(ends := shown.get("notAfter"), str):
                at = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
                certificates.note(of, str(self.server_hostname), at)

    context.sslobject_class = Watched
    return context
