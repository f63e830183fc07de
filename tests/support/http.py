"""Clients of servers that a test runs itself."""

import ssl
from typing import Final

import httpx

# Making a client loads the machine's certificates, forty milliseconds that no test here needs.
_NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client_of(url: str) -> httpx.AsyncClient:
    """A client of the server at this address, past any proxy."""
    return httpx.AsyncClient(base_url=url, verify=_NO_CERTIFICATES, trust_env=False, timeout=30)
