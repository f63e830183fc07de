"""What work for a tenant may resolve."""

from halo_agent.connectors import Secrets
from halo_shared.integrators import HOSTED_GROUP
from halo_shared.secrets import LocalSecrets, TenantSecrets


def secrets_for(group: str | None, tenant: str, secrets: LocalSecrets) -> Secrets:
    """A hosted agent serves tenants that must not name each other's secrets; any other resolves all that its machine has."""
    return TenantSecrets(secrets, tenant) if group == HOSTED_GROUP else secrets
