"""A certificate for one private service, signed by an authority that exists for nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from halo_sandbox.services import processes

CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True, slots=True)
class Certificates:
    """The authority that clients trust, and what the service shows them."""

    authority: Path
    certificate: Path
    key: Path

    @classmethod
    def fresh(
        cls, folder: Path, *, days: int = 30, names: Sequence[str] = ("DNS:localhost", "IP:127.0.0.1")
    ) -> Self:
        """Makes an authority, and a certificate for these names (as openssl writes them), in `folder`."""
        openssl = processes.need("openssl", "openssl")
        made = cls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
        authority_key = folder / "ca.key"
        lifetime = ("-days", str(days))
        processes.run(
            (openssl, "req", "-x509", *CURVE, "-keyout", str(authority_key),
             "-out", str(made.authority), *lifetime, "-subj", "/CN=halo-sandbox private authority",
             "-addext", "basicConstraints=critical,CA:TRUE"),
            folder=folder,
        )  # fmt: skip
        request = processes.run(
            (openssl, "req", *CURVE, "-keyout", str(made.key), "-subj", "/CN=localhost"),
            folder=folder,
        )
        extensions = folder / "extensions"
        extensions.write_text(f"subjectAltName={','.join(names)}\n")
        processes.run(
            (openssl, "x509", "-req", "-CA", str(made.authority), "-CAkey", str(authority_key),
             "-CAcreateserial", *lifetime, "-extfile", str(extensions), "-out", str(made.certificate)),
            folder=folder,
            stdin=request,
        )  # fmt: skip
        authority_key.unlink()  # nothing else is ever to be signed with it
        return made
