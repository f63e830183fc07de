"""Whether a record passes a test of one of its attributes: pure."""

import re
from collections.abc import Callable, Mapping
from typing import Final

from halo_agent.engine.records import Value
from halo_agent.engine.values import as_text
from halo_shared.conditions import Condition

Attributes = Mapping[str, Value]
"""By name in lower case."""

_TESTS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "equals": lambda held, wanted: held == wanted,
    "contains": lambda held, wanted: wanted in held,
    "starts": lambda held, wanted: held.startswith(wanted),
    "ends": lambda held, wanted: held.endswith(wanted),
}


def holds(condition: Condition, attributes: Attributes) -> bool:
    """Whether one of the attribute's values passes; what is not there is an empty text."""
    value = attributes.get(condition.attribute.casefold())
    texts = value if isinstance(value, tuple) else (as_text(value),)
    test, wanted = condition.test
    if test == "matches":
        return any(re.search(wanted, text, re.IGNORECASE) for text in texts)
    return any(_TESTS[test](text.strip().casefold(), wanted.strip().casefold()) for text in texts)
