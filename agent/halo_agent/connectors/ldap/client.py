"""The only module that knows bonsai: one connection to a directory. Everything here blocks."""

import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import bonsai
from bonsai.ldapdn import LDAPDN
from pydantic import SecretStr

from halo_agent.connectors.ldap import refusals
from halo_agent.connectors.ldap.settings import LdapSettings
from halo_shared.errors import SettingsInvalid, SourceUnavailable

# bonsai waits for the answer to a bind without letting any other thread of the agent run.
SIGN_IN_SECONDS: Final = 10
ANY_ENTRY: Final = "(objectClass=*)"
NO_ATTRIBUTES: Final = "1.1"
CONTEXTS: Final = "namingContexts"

# bonsai takes names that RFC 4514 allows, such as "cn=Room #5", for invalid, and fails the page they are on.
LDAPDN._dnregex = re.compile("")  # noqa: SLF001  it has no switch for that


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the directory gave it."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]
    """By name in lower case: a directory answers in its own spelling, whatever it was asked."""


class Client:
    """One connection. All but `hang_up` belongs to one thread: the driver's handles allow no other.

    Nothing but the sign-in has a time-out of its own, because one crashes bonsai in a paged search:
    whoever has waited long enough calls `hang_up`.
    """

    def __init__(self, settings: LdapSettings, attributes: Sequence[str]) -> None:
        self._settings = settings
        self._attributes = list(attributes)
        self._open: bonsai.LDAPConnection | None = None
        self._line: socket.socket | None = None

    def sign_in(self, password: SecretStr) -> None:
        """Connect and authenticate; raises CredentialRefused, SettingsInvalid or SourceUnavailable."""
        settings = self._settings
        client = bonsai.LDAPClient(settings.url, tls=settings.upgrades)
        client.set_cert_policy("demand")
        if settings.ca_file:
            client.set_ca_cert(str(settings.ca_file))
        client.set_credentials("SIMPLE", user=settings.bind_dn, password=password.get_secret_value())
        # Else bonsai makes numbers of what looks like one: "+44" becomes 44.
        client.set_raw_attributes([*self._attributes, CONTEXTS])
        client.set_auto_page_acquire(False)  # else a page would be asked for before it is wanted
        client.set_ignore_referrals(False)  # they mean that something is missing
        try:
            self._open = client.connect(timeout=min(settings.seconds, SIGN_IN_SECONDS))
        except bonsai.LDAPError as error:
            raise refusals.of_sign_in(error.code, str(error), settings) from error
        self._line = _second_handle(self._open.fileno())

    def pages(self, size: int) -> Iterator[list[Entry]]:
        """All that matches, a page at a time, each asked for when it is wanted.

        It ends only when the directory has said that there is no more, and raises in every other case.
        """
        settings = self._settings
        with self._explained():
            results = self._connection.paged_search(
                settings.base,
                bonsai.LDAPSearchScope.SUBTREE,
                settings.filter,
                self._attributes,
                page_size=size,
            )
            while True:
                yield [self._entry(result) for result in results]
                message = results.acquire_next_page()
                if message is None:
                    break
                results = self._connection.get_result(message)
            # A base that is kept elsewhere looks to bonsai like an empty one.
            if not self._look_at(settings.base, NO_ATTRIBUTES):
                raise self._no_base()

    def hang_up(self) -> None:
        """Break the connection from another thread, so that whoever waits for an answer gets an error."""
        if self._line is not None:
            with suppress(OSError):  # the directory was first
                self._line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Sign out, if there is still anybody to hear it."""
        if self._line is not None:
            self._line.close()
        if self._open is not None:
            with suppress(bonsai.LDAPError):
                self._open.close()
        self._line = self._open = None

    @property
    def _connection(self) -> bonsai.LDAPConnection:
        if self._open is None:
            raise SourceUnavailable(f"The connection to {self._settings.url} is closed.")
        return self._open

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except bonsai.NoSuchObjectError as error:
            raise self._no_base() from error
        except ValueError as error:  # a referral to a host whose name bonsai does not like
            raise refusals.referred(self._settings, str(error)) from error
        except bonsai.LDAPError as error:
            raise refusals.of_search(error.code, str(error), self._settings) from error

    def _entry(self, result: bonsai.LDAPEntry | bonsai.LDAPReference) -> Entry:
        if isinstance(result, bonsai.LDAPReference):
            raise refusals.referred(self._settings, ", ".join(map(str, result.references)))
        wanted = {name.lower() for name in self._attributes}
        given = {name.lower(): tuple(values) for name, values in result.items() if name.lower() in wanted}
        return Entry(str(result.dn), given)

    def _no_base(self) -> SettingsInvalid:
        with suppress(bonsai.LDAPError):
            held = [value for root in self._look_at("", CONTEXTS) for value in root.get(CONTEXTS, ())]
            return refusals.no_base(self._settings, [context.decode() for context in held])
        return refusals.no_base(self._settings, ())

    def _look_at(self, dn: str, attribute: str) -> list[bonsai.LDAPEntry]:
        """The entry with this DN, if the directory has it and shows it."""
        found: Sequence[object] = self._connection.search(
            dn, bonsai.LDAPSearchScope.BASE, ANY_ENTRY, [attribute]
        )
        return [entry for entry in found if isinstance(entry, bonsai.LDAPEntry)]


def _second_handle(descriptor: int) -> socket.socket:
    """The same connection under a handle of our own, which nobody closes and reuses behind our back."""
    borrowed = socket.socket(fileno=descriptor)
    try:
        return borrowed.dup()
    finally:
        borrowed.detach()
