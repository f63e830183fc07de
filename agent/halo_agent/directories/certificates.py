"""What the directory's certificate says, and what to do about one that is not accepted."""

import math
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from halo_shared.certificates import watched
from halo_shared.clock import Clock
from halo_shared.errors import SettingsInvalid

Certificate = Mapping[str, Any]  # Any: as ssl decodes it, tuples in tuples

# X509_V_ERR_* of OpenSSL
NOT_YET_VALID: Final = 9
EXPIRED: Final = 10
NOT_THE_NAME: Final = (62, 64)
SECONDS_OF_A_DAY: Final = 86_400


def demanding(ca_file: Path | None) -> ssl.SSLContext:
    """Accepts a directory only when an authority that is trusted vouches for its name."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # an SSLError is one, too
        raise SettingsInvalid(
            f"ca_file '{ca_file}' is of no use: it must be a file on the agent's machine with a certificate "
            f"in PEM form ({error.strerror or error})."
        ) from error
    # From Python 3.13 on this asks for key identifiers, which home-made authorities leave out.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return watched(context, "the directory")


def believing_anything() -> ssl.SSLContext:
    """Accepts every certificate, so that it can be looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def believing_only(der: bytes) -> ssl.SSLContext:
    """Accepts this one certificate, whoever signed it and for whatever name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=der)
    return context


def described(certificate: Certificate, clock: Clock) -> str:
    """Whose certificate it is, who signed it, and how long it still lasts."""
    left = ssl.cert_time_to_seconds(certificate["notAfter"]) - clock.now().timestamp()
    return (
        f"certificate of {_name(certificate, 'subject')}, signed by {_name(certificate, 'issuer')}, "
        f"valid for {math.floor(left / SECONDS_OF_A_DAY)} more days"
    )


def refusal(
    error: ssl.SSLCertVerificationError, shown: Certificate, *, host: str, named_in: str, ca_file: Path | None
) -> SettingsInvalid:
    """What to do about the certificate that was shown; `named_in` is the setting that names the host."""
    whose = f"The certificate of {host}"
    if error.verify_code == EXPIRED:
        text = f"{whose} has expired: renew it at the directory."
    elif error.verify_code == NOT_YET_VALID:
        text = f"{whose} is not valid yet: is the clock of the agent's machine right?"
    elif error.verify_code in NOT_THE_NAME:
        names = ", ".join(name for _, name in shown.get("subjectAltName", ())) or "none"
        text = (
            f"{whose} is made out to other names: {names}. Use one of them as host in '{named_in}', "
            f"or have '{host}' added to the certificate."
        )
    else:
        where = f"in ca_file '{ca_file}'" if ca_file else "by the agent's machine"
        text = (
            f"{whose} was signed by '{_name(shown, 'issuer')}', which is not trusted {where}: "
            "put the certificate (PEM) of that authority on the agent's machine and name the file in 'ca_file'."
        )
    return SettingsInvalid(text, detail=error.verify_message)


def _name(certificate: Certificate, whose: str) -> str:
    """The common name of subject or issuer, or all that there is of it."""
    parts = [part for group in certificate.get(whose, ()) for part in group]
    common = [value for kind, value in parts if kind == "commonName"]
    return ", ".join(common or [value for _, value in parts]) or "somebody without a name"
