"""Where NinjaOne is: each region keeps its own customers and knows no other's."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator

DOMAIN: Final = "ninjarmm.com"
REGIONS: Final = ("app", "us2", "eu", "ca", "oc", "fed")
"""As their addresses begin; `app` is the first one, in the United States."""


def _address(said: str) -> str:
    """The address of an instance, from its region or from what a browser shows of it."""
    text = said.strip()
    if text.lower() in REGIONS:
        return f"https://{text.lower()}.{DOMAIN}"
    parts = urlsplit(text if "//" in text else f"https://{text}")
    if parts.scheme != "https":
        raise ValueError(f"'{said}' must begin with https://, since a credential is sent there")
    if not parts.hostname or ("." not in parts.hostname and "//" not in text) or parts.username:
        raise ValueError(
            f"'{said}' is no instance of NinjaOne: write its region ({', '.join(REGIONS)}), "
            f"or the address that a browser shows, as in https://eu.{DOMAIN}"
        )
    return f"https://{parts.netloc}"


Instance = Annotated[str, AfterValidator(_address)]
"""A region or an address; as a value it is always the address."""
