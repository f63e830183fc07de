"""From settings to a controller that was proved to be itself, let the account in and can be read."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from halo_agent.connectors import CheckStep, Secrets
from halo_agent.connectors.active_directory import controllers, refusals
from halo_agent.connectors.active_directory.controllers import Controller
from halo_agent.connectors.active_directory.directory import Directory
from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings, Security
from halo_agent.directories import certificates, kerberos
from halo_agent.directories.connection import Connection, LineLost, Refused
from halo_shared.clock import Clock
from halo_shared.errors import (
    ConfigurationError,
    CredentialRefused,
    HaloIntegratorError,
    SettingsInvalid,
    SourceUnavailable,
)


@dataclass(slots=True)
class Passed:
    """Controllers that were tried in vain, and why."""

    failures: list[HaloIntegratorError] = field(default_factory=list)

    @property
    def worst(self) -> HaloIntegratorError:
        """One error for all: what a person must change comes before what may pass by itself."""
        first = next((one for one in self.failures if isinstance(one, ConfigurationError)), self.failures[0])
        others = [one.message for one in self.failures if one is not first]
        if not others:
            return first
        return type(first)(
            f"{first.message} Nor could any other controller be used: {' '.join(others)}", detail=first.detail
        )

    @property
    def remark(self) -> str:
        """In a sentence for the run's log."""
        return "Another controller is used: " + " ".join(one.message for one in self.failures)


PASSABLE: Final = (ConfigurationError, SourceUnavailable)
"""What the next controller may do better."""


def passable(error: HaloIntegratorError) -> HaloIntegratorError:
    """The error again; raises it when no other controller should be tried."""
    if isinstance(error, CredentialRefused):
        raise error  # every other controller would count one more wrong password
    return error


@dataclass(slots=True)
class Door:
    """The way into one domain for one account."""

    settings: ActiveDirectorySettings
    secrets: Secrets
    clock: Clock

    @asynccontextmanager
    async def entered(self, first: str | None = None) -> AsyncIterator[tuple[Directory, Passed]]:
        """A directory to read, on the first controller that can be; raises what is the matter with the last."""
        passed = Passed()
        for controller in await controllers.find(self.settings, first):
            async with aclosing(self.stages(controller)) as stages:
                try:
                    directory = await _last(stages)
                except PASSABLE as error:
                    passed.failures.append(passable(error))
                    continue
                yield directory, passed
                return
        raise passed.worst

    async def stages(self, controller: Controller) -> AsyncGenerator[CheckStep | Directory, None]:
        """Each stage into this controller as it succeeds, and at last the directory, open until this is closed."""
        connection = await self._connected(controller)
        try:
            yield CheckStep("connect", f"{controller.host} answers on port {controller.port}")
            try:
                yield CheckStep("encrypt", await self._encrypted(connection, controller))
                await self._signed_in(connection)
                yield CheckStep("sign in", f"as {self.settings.who}")
                directory = await Directory.of(connection, self.settings)
            except (LineLost, TimeoutError) as error:
                raise refusals.lost(error, controller.host) from error
            except Refused as error:
                raise refusals.of_search(error, "its own facts", controller.host, self.settings) from error
            yield CheckStep("domain", directory.facts.described(directory.facts.time - self.clock.now()))
            yield directory
        finally:
            await connection.close()

    async def _connected(self, controller: Controller) -> Connection:
        settings = self.settings
        where = await controllers.address(controller, settings)
        tls = await self._context() if settings.security is Security.LDAPS else None
        place = f"{controller.host} port {controller.port}"
        try:
            return await Connection.open(
                where, controller.port, host=controller.host, seconds=settings.seconds, tls=tls
            )
        except ssl.SSLCertVerificationError as error:
            raise await self._distrusted(error, where, controller) from error
        except ssl.SSLError as error:
            raise SettingsInvalid(
                f"There is no TLS on {place}: leave 'port' out (ldaps is 636), or use 'security: starttls'.",
                detail=str(error),
            ) from error
        except TimeoutError as error:
            raise SourceUnavailable(
                f"{place} does not answer: is it up, and does every firewall on the way let the agent through?"
            ) from error
        except OSError as error:
            raise SourceUnavailable(_no_line(place, error, settings), detail=str(error)) from error

    async def _encrypted(self, connection: Connection, controller: Controller) -> str:
        settings = self.settings
        if settings.security is Security.PLAIN:
            return "not at all: the password and everything read cross the network in clear"
        if settings.security is Security.SEALED:
            return "by Kerberos, from the sign-in on"
        if settings.security is Security.STARTTLS:
            try:
                await connection.start_tls(await self._context())
            except Refused as error:
                raise SettingsInvalid(
                    f"{controller.host} offers no StartTLS on port {controller.port}: use 'security: ldaps', or give the "
                    "controller a certificate.",
                    detail=error.text,
                ) from error
            except ssl.SSLCertVerificationError as error:
                where = await controllers.address(controller, settings)
                raise await self._distrusted(error, where, controller) from error
        return certificates.described(connection.decoded_certificate, self.clock)

    async def _signed_in(self, connection: Connection) -> None:
        settings = self.settings
        try:
            if settings.kerberos:
                await kerberos.sign_in(
                    connection, principal=settings.kerberos.principal, keytab=settings.kerberos.keytab
                )
            elif settings.password:
                password = self.secrets.resolve(settings.password).get_secret_value()
                await connection.bind(str(settings.account), password)
        except Refused as error:
            raise refusals.of_sign_in(error, connection.host, settings) from error
        except kerberos.NoTicket as error:
            raise refusals.no_ticket(error, connection.host, settings) from error

    async def _context(self) -> ssl.SSLContext:
        return await asyncio.to_thread(certificates.demanding, self.settings.ca_file)

    async def _distrusted(
        self, error: ssl.SSLCertVerificationError, where: str, controller: Controller
    ) -> SettingsInvalid:
        shown = await self._shown(where, controller)
        named_in = "controllers"
        return certificates.refusal(
            error, shown, host=controller.host, named_in=named_in, ca_file=self.settings.ca_file
        )

    async def _shown(self, where: str, controller: Controller) -> certificates.Certificate:
        """The certificate that the controller shows, true or not: to speak of it, not to rely on it."""
        try:
            first = await self._look(where, controller, certificates.believing_anything())
            # Python decodes a certificate only after it was verified, so this one now vouches for itself.
            second = await self._look(where, controller, certificates.believing_only(first.certificate))
        except (OSError, Refused):
            return {}
        return second.decoded_certificate

    async def _look(self, where: str, controller: Controller, tls: ssl.SSLContext) -> Connection:
        at_once = tls if self.settings.security is Security.LDAPS else None
        connection = await Connection.open(
            where, controller.port, host=controller.host, seconds=self.settings.seconds, tls=at_once
        )
        try:
            if at_once is None:
                await connection.start_tls(tls)
        finally:
            connection.break_off()
        return connection


async def _last(stages: AsyncGenerator[CheckStep | Directory, None]) -> Directory:
    async for stage in stages:
        if isinstance(stage, Directory):
            return stage
    raise AssertionError("the stages end with the directory")


def _no_line(place: str, error: OSError, settings: ActiveDirectorySettings) -> str:
    if isinstance(error, ConnectionRefusedError):
        return (
            f"{place} refuses connections: is it a domain controller, and is the port right? "
            "Usual are 636 for ldaps and 389 for all others."
        )
    if isinstance(error, ConnectionError):
        return f"{place} hung up during the TLS handshake. If that lasts, there is no TLS on it: leave 'port' out."
    cure = "have it added to the DNS that the agent's machine uses, or name the domain's own in 'dns_servers'"
    return f"{place} cannot be reached: correct '{settings.domain}' or 'controllers', or {cure}."
