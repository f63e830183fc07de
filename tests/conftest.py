"""Services that tests share: one private broker and one private directory per test run."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest
import structlog

from halo_sandbox.services import directory as directories
from halo_sandbox.services import domain_controller as domains
from halo_sandbox.services import postgres as postgres_server
from halo_sandbox.services import rabbitmq
from halo_sandbox.services.directory import PrivateDirectory
from halo_sandbox.services.domain_controller import PrivateDomain
from halo_sandbox.services.people import people
from halo_sandbox.services.postgres import PrivatePostgres
from halo_sandbox.services.rabbitmq import GivenRabbitMQ, PrivateRabbitMQ
from halo_shared.certificates import SEEN
from tests.support.services import needed

GIVEN_BROKER = os.environ.get("HALO_BROKER_URL")
"""A broker to use instead of a private one, which must have its management plugin."""

# What the developer's shell says about a real installation must not reach a test.
for _name in [name for name in os.environ if name.startswith(("HALO_", "OTEL_"))]:
    del os.environ[_name]

MARK_OF_FIXTURE = {
    "broker_url": pytest.mark.broker,
    "shared_broker": pytest.mark.broker,
    "directory": pytest.mark.directory,
    "postgres": pytest.mark.postgres,
    "domain": pytest.mark.domain,
    "own_domain": pytest.mark.domain,
}


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by the services they ask for."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for fixture, mark in MARK_OF_FIXTURE.items():
            if fixture in fixtures:
                item.add_marker(mark)


@pytest.fixture(autouse=True)
def _no_certificates_of_other_tests() -> None:
    """What one test has seen, no other hears of."""
    SEEN._seen.clear()


@pytest.fixture(autouse=True)
def _undisturbed_logs() -> Iterator[None]:
    """Whatever a test does to logging, the next one finds it as it was."""
    root, settings = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**settings)


@pytest.fixture(scope="session")
def shared_broker() -> Iterator[PrivateRabbitMQ | GivenRabbitMQ]:
    """The broker that all tests share; a test that kills or restarts one starts its own."""
    if GIVEN_BROKER:
        yield GivenRabbitMQ(GIVEN_BROKER)
        return
    with needed(), rabbitmq.serving(management=True) as broker:
        yield broker


@pytest.fixture
async def broker_url(shared_broker: PrivateRabbitMQ | GivenRabbitMQ) -> AsyncIterator[str]:
    """A virtual host that no other test sees."""
    async with shared_broker.vhost() as url:
        yield url


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    """A PostgreSQL server that all tests share; its database `today` has today's shape, to be copied."""
    with needed(), postgres_server.serving(durable=False) as private:
        asyncio.run(_bring_up_to_date(private.create("today")))
        yield private


async def _bring_up_to_date(url: str) -> None:
    from halo_controller.store.database import open_database  # noqa: PLC0415  the agent's tests run without it

    async with open_database(url):
        pass


@pytest.fixture
def postgres_url(postgres: PrivatePostgres) -> Iterator[str]:
    """A database of today's shape that no other test sees."""
    name = f"test_{uuid4().hex}"
    yield postgres.create(name, template="today")
    postgres.drop(name)


@pytest.fixture(scope="session")
def directory() -> Iterator[PrivateDirectory]:
    """A directory of 1,200 people, to read; a test that changes one starts its own."""
    with needed(), directories.serving(people(1_200)) as private:
        yield private


@pytest.fixture(scope="session")
def domain() -> Iterator[PrivateDomain]:
    """An Active Directory domain of 300 people, to read; a test that changes one starts its own."""
    with needed(), domains.serving(people(300), machines=30) as private:
        yield private
