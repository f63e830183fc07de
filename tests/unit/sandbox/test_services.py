"""What the private services decide before anything is started."""

import re
from pathlib import Path

import pytest

from halo_sandbox.services import directory, processes, rabbitmq
from halo_sandbox.services.processes import NotInstalledError, ServiceError
from halo_sandbox.services.rabbitmq_node import Node


def test_a_node_listens_on_the_loopback_only_and_every_port_is_its_own(tmp_path: Path) -> None:
    node = Node.fresh(tmp_path, management=True)
    ports = {node.amqp_port, node.management_port, node.distribution_port, node.epmd_port}
    assert len(ports) == 4
    assert f"listeners.tcp.1 = 127.0.0.1:{node.amqp_port}\n" in node.configuration()
    assert "management.tcp.ip = 127.0.0.1\n" in node.configuration()


def test_two_nodes_share_no_name_password_or_port(tmp_path: Path) -> None:
    one = Node.fresh(tmp_path, management=False)
    other = Node.fresh(tmp_path, management=False)
    assert (one.name, one.password) != (other.name, other.password)
    assert one.amqp_port != other.amqp_port


def test_everything_a_node_writes_is_in_its_folder(tmp_path: Path) -> None:
    node = Node.fresh(tmp_path, management=False)
    files = {
        name: value
        for name, value in node.environment().items()
        if re.search("_(FILE|DIR|BASE|SOCKET)$", name) or name == "HOME"
    }
    assert len(files) == 11
    assert all(value.startswith(str(tmp_path)) for value in files.values())


def test_the_cookie_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    Node.fresh(tmp_path, management=False).write()
    assert (tmp_path / ".erlang.cookie").stat().st_mode & 0o777 == 0o400


async def test_without_rabbitmq_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rabbitmq, "SERVER", Path("/nowhere"))
    assert not rabbitmq.installed()
    with pytest.raises(NotInstalledError, match="apt-get install rabbitmq-server"):
        async with rabbitmq.private_rabbitmq():
            pass


async def test_without_slapd_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "find", lambda _program: None)
    assert not directory.installed()
    with pytest.raises(NotInstalledError, match="apt-get install slapd"):
        async with directory.private_directory([]):
            pass


def test_daemons_are_found_although_an_ordinary_path_does_not_lead_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/home/somebody/bin")
    assert processes.find("sh")
    assert "/usr/sbin" in processes.search_path().split(":")


def test_a_tool_that_fails_is_named_with_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match=r"sh failed \(3\): no such luck"):
        processes.run(("sh", "-c", "echo no such luck >&2; exit 3"), folder=tmp_path)


def test_a_child_ends_with_its_block_and_its_output_is_kept(tmp_path: Path) -> None:
    output = tmp_path / "output"
    command = ("sh", "-c", "echo one; echo two; exec sleep 60")
    with processes.child(command, folder=tmp_path, output=output, env={"PATH": "/bin"}) as running:
        while not processes.last_lines(output):
            assert running.poll() is None
    assert running.returncode == -15
    assert processes.last_lines(output, 1) == "two"
