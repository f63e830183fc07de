"""The rights that an integration needs in Halo, as a table."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from halo_agent.cli.output import out
from halo_agent.targets.halo.rights import Right


def show_rights(rights: Sequence[Right]) -> None:
    """Each entity with what is done for it, the scope that gives it, and what is missing."""
    table = Table("entity", "", "in Halo", "scope", "", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    last = None
    for right in rights:
        found = Text(f"✗ {right.missing}", style="red") if right.missing else Text("✓", style="green")
        entity = "" if right.kind is last else str(right.kind)
        table.add_row(entity, right.access, right.path, right.scope or "any", found)
        last = right.kind
    out.print(Text("Rights", style="bold"))
    out.print(table)
    out.print(
        Text(
            "Nothing was written: where writing is needed, Halo was sent an array without a record.",
            style="dim",
        )
    )
