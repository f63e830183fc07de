"""Product and peer in turn, A B A B: a machine that is noisy is then noisy to both."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final, TypeVar

ROUNDS: Final = 5

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing that both sides did, with one figure a round."""

    what: str
    unit: str
    product: Sequence[float]
    peer: Sequence[float]
    against: str
    """What the peer is."""

    @property
    def ratio(self) -> float | None:
        """Product by peer, the median of the rounds; None where the peer needed nothing at all."""
        if not all(self.peer):
            return None
        return median(ours / theirs for ours, theirs in zip(self.product, self.peer, strict=True))


async def alternate(*sides: Callable[[], Awaitable[ResultT]]) -> tuple[list[ResultT], ...]:
    """What each side found in each round, after a first round that only warms up."""
    found = [[await side() for side in sides] for _ in range(1 + ROUNDS)][1:]
    return tuple(map(list, zip(*found, strict=True)))


def p50(rounds: Sequence[Sequence[float]]) -> Sequence[float]:
    """One for each round."""
    return [median(one) for one in rounds]


def p99(rounds: Sequence[Sequence[float]]) -> Sequence[float]:
    """One for all rounds together: it needs a hundred figures."""
    return [quantiles([figure for one in rounds for figure in one], n=100)[-1]]
