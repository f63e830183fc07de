"""What was found, for people and for machines."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Final

from rich.table import Table

from bench.rounds import ROUNDS, Comparison

Findings = Mapping[str, Sequence[Comparison]]
"""Benchmark to what it compared."""

WHOLE_FROM: Final = 100
"""Larger figures are shown without decimals."""


def table(name: str, comparisons: Sequence[Comparison]) -> Table:
    """One benchmark, with a line for each side."""
    shown = Table(title=name, title_justify="left", title_style="bold cyan")
    shown.add_column("what")
    for heading in ("min", "median", "max", "ratio"):
        shown.add_column(heading, justify="right")
    for comparison in comparisons:
        ratio = "-" if comparison.ratio is None else f"{comparison.ratio:.2f}"
        shown.add_row(
            f"[bold]{comparison.what}[/bold], {comparison.unit}", *_spread(comparison.product), ratio
        )
        shown.add_row(f"  {comparison.against}", *_spread(comparison.peer), "", end_section=True)
    return shown


def document(findings: Findings) -> dict[str, object]:
    """All of it, every round's figure included."""
    return {
        "machine": {"cores": os.cpu_count(), "load": os.getloadavg()[0], "python": platform.python_version()},
        "rounds": ROUNDS,
        "benchmarks": {
            name: [{**asdict(one), "ratio": one.ratio} for one in comparisons]
            for name, comparisons in findings.items()
        },
    }


def _spread(figures: Sequence[float]) -> Sequence[str]:
    """Least, median and most; a single figure stands in the middle."""
    if len(figures) == 1:
        return ["", _shown(figures[0]), ""]
    return [_shown(figure) for figure in (min(figures), median(figures), max(figures))]


def _shown(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= WHOLE_FROM else f"{figure:.1f}"
