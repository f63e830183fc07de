"""A run of one record, told step by step: the engine's own code between surroundings that say what they see."""

from collections.abc import Awaitable, Callable

Tell = Callable[[str, str], Awaitable[None]]
"""Says what happens in a step of the sync: the step, and a sentence."""
