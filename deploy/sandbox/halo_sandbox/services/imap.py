"""A private IMAP server with one mailbox: TLS from the start on one port and none on another, and a login."""

import grp
import mailbox
import os
import pwd
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from halo_sandbox.services import processes
from halo_sandbox.services.certificates import Certificates
from halo_sandbox.services.processes import ServiceError

USER: Final = "bounces"
PASSWORD: Final = "s3cret/with@signs"  # noqa: S105  guards nothing
START_SECONDS: Final = 20.0

_CONFIG: Final = """
protocols = imap
listen = 127.0.0.1
base_dir = {run}
state_dir = {run}
log_path = {log}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{mail}
first_valid_uid = 1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={mail}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain_port}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True, slots=True)
class PrivateImap:
    """The server, and what lies in its mailbox."""

    port: int
    plain_port: int
    authority: Path
    """Who vouches for its certificate."""
    mail: Path

    def url(self, *, password: str = PASSWORD, tls: bool = True) -> str:
        """As a controller's setting names it."""
        scheme, port = ("imaps", self.port) if tls else ("imap+plain", self.plain_port)
        return f"{scheme}://{USER}:{quote(password, safe='')}@127.0.0.1:{port}/INBOX"

    def deliver(self, message: bytes) -> None:
        """Let a message arrive."""
        box = mailbox.Maildir(self.mail, create=True)
        box.add(message)
        _give(self.mail)

    def empty(self) -> None:
        """Let nothing lie there."""
        mailbox.Maildir(self.mail, create=False).clear()

    def make_anew(self) -> None:
        """Let it be another mailbox of the same name, whose e-mails are counted from one again."""
        self.empty()
        for path in (self.mail / "dovecot-uidlist", *self.mail.glob("dovecot.index*")):
            path.unlink()

    def unsee(self) -> None:
        """Let nothing that lies there be marked as read."""
        for path in (self.mail / "cur").iterdir():
            path.rename(path.with_name(path.name.removesuffix("S")))

    def seen(self) -> list[bool]:
        """Of each message that lies there: whether it is marked as read."""
        return ["S" in message.get_flags() for message in mailbox.Maildir(self.mail, create=False)]


@contextmanager
def private_imap() -> Iterator[PrivateImap]:
    """A server on a port of its own, until the block ends; raises NotInstalledError."""
    program = processes.need("dovecot", "dovecot-imapd")
    with tempfile.TemporaryDirectory(prefix="halo-imap-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        certificates = Certificates.fresh(folder)
        port, plain_port = processes.free_ports(2)
        imap = PrivateImap(port, plain_port, certificates.authority, folder / "mail")
        mailbox.Maildir(imap.mail, create=True)
        _give(imap.mail)
        user, group = _account()
        config = folder / "dovecot.conf"
        config.write_text(
            _CONFIG.format(
                run=folder / "run",
                log=folder / "dovecot.log",
                certificate=certificates.certificate,
                key=certificates.key,
                mail=imap.mail,
                user=user,
                group=group,
                password=PASSWORD,
                port=port,
                plain_port=plain_port,
            )
        )
        output = folder / "output"
        command = (program, "-F", "-c", str(config))
        with processes.child(command, folder=folder, output=output, env=dict(os.environ)):
            _wait_until_it_listens(port, folder)
            yield imap


def _account() -> tuple[str, str]:
    """Who the server is and whose the mail is: dovecot lets root log in nowhere."""
    uid = 65534 if os.geteuid() == 0 else os.geteuid()
    known = pwd.getpwuid(uid)
    return known.pw_name, grp.getgrgid(known.pw_gid).gr_name


def _give(mail: Path) -> None:
    """Let the server's account have what root wrote."""
    if os.geteuid() == 0:
        known = pwd.getpwnam(_account()[0])
        for path in (mail, *mail.rglob("*")):
            os.chown(path, known.pw_uid, known.pw_gid)


def _wait_until_it_listens(port: int, folder: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise ServiceError(f"dovecot does not listen: {processes.last_lines(folder / 'dovecot.log')}")
