"""What the centre refuses, each with what would be right."""

from halo_shared.errors import ConfigurationError, HaloIntegratorError


class NotFound(HaloIntegratorError):
    """There is no such thing."""


class Conflict(HaloIntegratorError):
    """That cannot be done in the present state."""


class Invalid(HaloIntegratorError):
    """What was asked for is not valid."""


class Unauthorised(HaloIntegratorError):
    """It is not known who asks."""


class AlreadyServed(ConfigurationError):
    """Another controller works on this database."""
