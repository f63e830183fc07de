"""A certificate that ends is told of by whoever sees it, without that anybody wrote its date down."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from halo_sandbox.demo.people import FromDirectory
from halo_sandbox.demo.world import Json, until
from halo_sandbox.services import directory as directories
from halo_sandbox.services.directory import PrivateDirectory
from halo_sandbox.services.people import people
from tests.support.product import product
from tests.support.services import needed

PEOPLE = people(30)

pytestmark = [pytest.mark.timeout(400), pytest.mark.directory]


@pytest.fixture
def old_directory() -> Iterator[PrivateDirectory]:
    """A directory whose certificate should have been renewed by now."""
    with needed(), directories.serving(PEOPLE, certificate_days=10) as private:
        yield private


async def test_the_certificate_of_a_directory_is_seen_by_the_run_that_reads_it(
    broker_url: str, tmp_path: Path, old_directory: PrivateDirectory
) -> None:
    async with product(broker_url, tmp_path, FromDirectory(old_directory, PEOPLE)) as office:
        await office.installed()
        run = await office.run(await office.enable(office.people.integration))
        assert run["status"] == "succeeded"

        found: list[Json] = []

        async def told() -> bool:
            found[:] = [
                one for one in await office.ask("/incidents") if one["cause"]["code"] == "CertificateEnds"
            ]
            return bool(found)

        await until(told)
        (one,) = found
        assert (one["level"], one["agent"]) == ("warning", "office-1")
        assert one["message"].startswith("The certificate of the directory at 127.0.0.1 ends on 20")
        printed = await office.type("halo-controller", "incidents", "list")
        assert "A certificate ends soon" in printed.out
