"""Looking through a tool, to choose what of it is read."""

from collections.abc import Sequence

from halo_agent import connectors
from halo_agent.connectors import Branch, BrowsableSource, Secrets
from halo_shared.errors import ConfigurationError
from halo_shared.integrations import IntegrationSpec


async def browse(integration: IntegrationSpec, secrets: Secrets) -> Sequence[Branch]:
    """Every branch of the tool, each after the one it is in; raises ConfigurationError where there are none."""
    connector = connectors.find(integration.connector)
    settings = connector.parse(integration.settings)
    async with connector.open(settings, secrets) as source:
        if not isinstance(source, BrowsableSource):
            raise ConfigurationError(f"Connector '{connector.name}' has nothing to browse.")
        return [branch async for branch in source.browse()]
