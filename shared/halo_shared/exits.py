"""Exit codes, the same for every command: 0 all is well, 1 it failed, 2 bad input, 3 not reached or not let in."""

from collections.abc import Iterator
from typing import Final

from halo_shared.errors import ConfigurationError, CredentialRefused, PermissionMissing, TransientError

EXIT_CODES: Final[dict[type[BaseException], int]] = {
    ConfigurationError: 2,
    CredentialRefused: 3,
    PermissionMissing: 3,
    TransientError: 3,
}


def exit_code(error: BaseException) -> int:
    """The process's exit code for this error."""
    return next((EXIT_CODES[cls] for cls in type(error).__mro__ if cls in EXIT_CODES), 1)


def leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, without the groups around them."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from leaves(inner)
    else:
        yield error
