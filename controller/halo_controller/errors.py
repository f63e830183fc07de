"""What the centre refuses, each with what would be right."""

from halo_shared.errors import (
    ConfigurationError,
    CredentialRefused,
    HaloIntegratorError,
    PermissionMissing,
    TransientError,
)


class NotFound(ConfigurationError):
    """There is no such thing."""


class Conflict(HaloIntegratorError):
    """That cannot be done in the present state."""


class Invalid(ConfigurationError):
    """What was asked for is not valid."""


class Unauthorised(CredentialRefused):
    """It is not known who asks."""


class Forbidden(PermissionMissing):
    """Who asks may not do that."""


class AlreadyServed(ConfigurationError):
    """Another controller works on this database."""


class LeadershipLost(TransientError):
    """Another controller leads by now; what this one wanted to write is refused."""
