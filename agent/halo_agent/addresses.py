"""Addresses that people write into settings."""

from typing import Annotated

from pydantic import AfterValidator


def _root(address: str) -> str:
    if not address.startswith("https://"):
        raise ValueError(f"'{address}' must begin with https://, since a credential is sent there")
    return address.rstrip("/")


HttpsRoot = Annotated[str, AfterValidator(_root)]
"""Where a service begins, without a slash at its end."""
