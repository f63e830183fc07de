"""What of a tool can be named in the settings, as a table."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table

from halo_agent.cli.output import out
from halo_agent.connectors import Branch


def show_branches(branches: Sequence[Branch], *, as_json: bool) -> None:
    """What can be named in the settings, indented by what it is in."""
    if as_json:
        out.print_json(json.dumps([asdict(branch) for branch in branches]))
        return
    for what in dict.fromkeys(branch.what for branch in branches):
        out.print(_branches(what, [branch for branch in branches if branch.what == what]))


def _branches(what: str, branches: Sequence[Branch]) -> Table:
    kinds = sorted({kind for branch in branches for kind in branch.holds})
    nested = any(branch.holds for branch in branches)
    table = Table(what, *kinds, "reference", box=None, pad_edge=False)
    for branch in branches:
        name = f"{'  ' * (len(branch.path) - 1)}{branch.path[-1]}" if nested else branch.path[-1]
        counts = [f"{branch.holds[kind]:,}" if kind in branch.holds else "" for kind in kinds]
        table.add_row(name, *counts, branch.reference)
    return table
