"""Keeping secrets out of whatever leaves a process: logs, events, stored errors."""

import json
import re
from collections.abc import Iterable
from typing import Annotated, Final
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr

HIDDEN: Final = "***"
_SHORTEST: Final = 4
"""A shorter value would blank out half of every sentence; such a secret protects nothing anyway."""

_NAMED: Final = r"((?:secret(?!://)|password|passwd|pwd|token|api_?key)['\"]?\s*[=:]\s*)(?!['\"]?secret://)"
"""The end of a name that announces a secret, up to its value; references to secrets are none."""

_SECRET_NAME: Final = re.compile(r"(?i)secret|passw|pwd|token|api_?key|credential|private_?key")

_PATTERNS: Final = (
    # A password that nobody encoded may hold "/" and "@": hidden is all up to the last "@".
    (re.compile(r"(?<=://)([^/\s:@]*):\S+(?=@)"), rf"\1:{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(rf"(?i){_NAMED}([\"'])(?:(?!\2).)+\2"), rf"\1\2{HIDDEN}\2"),
    (re.compile(rf"(?i){_NAMED}[^\s'\"&,;}}]+"), rf"\1{HIDDEN}"),
)

_REFERENCE: Final = re.compile(r"^secret://[a-z0-9][a-z0-9._-]*$")


def _a_reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError(
            "must be a reference such as secret://halo-acme; the value itself belongs in the agent's "
            "secrets file or in its environment, never here"
        )
    return text


SecretRef = Annotated[
    str,
    AfterValidator(_a_reference),
    Field(json_schema_extra={"pattern": _REFERENCE.pattern}),
]
"""`secret://name`: says which secret is meant without being it, so that it may travel."""


def secret_name(reference: str) -> str:
    """The name inside `secret://name`."""
    return reference.removeprefix("secret://")


def announces_secret(name: str) -> bool:
    """Whether a field of this name is likely to hold a secret, so that its value is better not shown."""
    return _SECRET_NAME.search(name) is not None


class Redactor:
    """Blanks out every secret it was told of, and whatever looks like one."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def learn(self, secret: SecretStr) -> None:
        """Never let this value through again, nor as it looks inside JSON or a URL."""
        value = secret.get_secret_value()
        if len(value) >= _SHORTEST:
            self._known |= {value, json.dumps(value)[1:-1], quote(value, safe="", errors="replace")}

    def scrub(self, text: str) -> str:
        """The text without secrets."""
        return scrub(text, self._known)


def scrub(text: str, known: Iterable[str] = ()) -> str:
    """The text without these secrets and without anything that looks like one."""
    for value in sorted(known, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text
