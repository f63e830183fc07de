"""Which domain controllers there are, in the order in which they are worth trying."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from secrets import SystemRandom

import dns.asyncresolver
import dns.exception
import dns.resolver
from dns.rdtypes.IN.SRV import SRV

from halo_agent.connectors.active_directory.settings import ActiveDirectorySettings
from halo_shared.errors import SettingsInvalid, SourceUnavailable


@dataclass(frozen=True, slots=True)
class Controller:
    """One domain controller, by the name that its certificate and its Kerberos key have."""

    host: str
    port: int


async def find(settings: ActiveDirectorySettings, first: str | None = None) -> Sequence[Controller]:
    """The controllers to try; `first` is the one that was read last, where a changes-only read can go on.

    Raises SourceUnavailable or SettingsInvalid when the domain's DNS names none.
    """
    hosts = settings.controllers or await _announced(settings)
    found = list(dict.fromkeys(host.rstrip(".").lower() for host in hosts))
    if first in found:
        found.remove(first)
        found.insert(0, first)
    return [_controller(host, settings) for host in found]


async def address(controller: Controller, settings: ActiveDirectorySettings) -> str:
    """Where the controller is; raises SourceUnavailable when nobody knows."""
    if not settings.dns_servers:
        return controller.host  # the machine's own resolver knows
    try:
        answer = await _resolver(settings).resolve_name(controller.host)
    except dns.exception.DNSException as error:
        raise SourceUnavailable(
            f"{_asked(settings)} knows no address of '{controller.host}': correct 'dns_servers' or 'controllers'.",
            detail=str(error),
        ) from error
    return next(iter(answer.addresses()))


async def _announced(settings: ActiveDirectorySettings) -> list[str]:
    hosts: list[str] = []
    async for records in _services(settings):
        hosts += records
    if not hosts:
        raise SettingsInvalid(
            f"{_asked(settings)} names no domain controller for '{settings.domain}': correct 'domain', name the domain's "
            "own DNS servers in 'dns_servers', or name its controllers in 'controllers'."
        )
    return hosts


async def _services(settings: ActiveDirectorySettings) -> AsyncIterator[list[str]]:
    """Those of the site first, then all of the domain."""
    names = [f"_ldap._tcp.dc._msdcs.{settings.domain}"]
    if settings.site:
        names.insert(0, f"_ldap._tcp.{settings.site}._sites.dc._msdcs.{settings.domain}")
    for name in names:
        try:
            answer = await _resolver(settings).resolve(name, "SRV")
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException as error:
            raise SourceUnavailable(
                f"{_asked(settings)} does not answer when asked for the controllers of '{settings.domain}': "
                "is it reachable from the agent's machine?",
                detail=str(error),
            ) from error
        yield in_order([record for record in answer if isinstance(record, SRV)])


def in_order(records: Sequence[SRV]) -> list[str]:
    """Lowest priority first; within one, by chance in proportion to weight (RFC 2782)."""
    chance = SystemRandom()
    hosts = []
    by_priority = sorted(records, key=lambda record: record.priority)
    for _, alike in groupby(by_priority, key=lambda record: record.priority):
        # The larger the weight, the likelier an early place.
        shuffled = sorted(
            alike, key=lambda record: chance.random() ** (1 / (record.weight or 0.01)), reverse=True
        )
        hosts += [record.target.to_text() for record in shuffled]
    return hosts


def _resolver(settings: ActiveDirectorySettings) -> dns.asyncresolver.Resolver:
    resolver = dns.asyncresolver.Resolver(configure=not settings.dns_servers)
    resolver.lifetime = settings.seconds
    if settings.dns_servers:
        resolver.nameservers = list(settings.dns_servers)
    return resolver


def _asked(settings: ActiveDirectorySettings) -> str:
    if settings.dns_servers:
        return f"DNS at {', '.join(settings.dns_servers)}"
    return "The DNS of the agent's machine"


def _controller(host: str, settings: ActiveDirectorySettings) -> Controller:
    name, _, port = host.rpartition(":")
    if name and ":" not in name and port.isdigit():
        return Controller(name, int(port))
    return Controller(host, settings.where)
