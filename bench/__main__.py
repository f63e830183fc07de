"""The command `python -m bench`."""

import argparse
import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from rich.console import Console

from bench import report
from bench.rounds import Comparison
from halo_sandbox.services.processes import NotInstalledError, ServiceError
from halo_shared import logs
from halo_shared.redaction import Redactor

NAMES: Final = (
    "spreadsheet",
    "ldap",
    "active_directory",
    "engine",
    "halo",
    "dispatch",
    "cycles",
    "events",
    "schedule",
    "agents",
)


def main() -> None:
    """Run the benchmarks that are named, or all, and show each as it ends."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "names", metavar="NAME", nargs="*", help=f"one of {', '.join(NAMES)}; all when left out"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for machines")
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    logs.configure(Redactor(), level="warning")
    asyncio.run(_run(options.names or NAMES, as_json=options.json))


async def _run(names: Sequence[str], *, as_json: bool) -> None:
    console, errors = Console(), Console(stderr=True)
    findings: dict[str, Sequence[Comparison]] = {}
    for name in names:
        with errors.status(f"{name} ..."):
            # Imported one by one: a child then holds no library that only another benchmark needs.
            try:
                findings[name] = await import_module(f"bench.{name}").measure()
            except NotInstalledError as error:
                if len(names) == 1:
                    raise
                errors.print(f"{name} is left out: {error}")
                continue
        if not as_json:
            console.print(report.table(name, findings[name]))
    if as_json:
        console.print_json(data=report.document(findings))


if __name__ == "__main__":
    try:
        main()
    except ServiceError as error:
        raise SystemExit(str(error)) from error
