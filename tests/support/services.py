"""What a test does when a service it needs is not on this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from halo_sandbox.services.processes import NotInstalledError


@contextmanager
def needed() -> Iterator[None]:
    """Around the start of a service: a missing one is skipped on a laptop and fails in CI."""
    try:
        yield
    except NotInstalledError as error:
        if os.environ.get("CI"):
            pytest.fail(f"{error} (CI is set, so this is not skipped)", pytrace=False)
        pytest.skip(str(error))
