"""The encoding of a file is found out, and said."""

from pathlib import Path

import pytest

from halo_shared.errors import SettingsInvalid
from tests.unit.agent.connectors.spreadsheet.tables import checked, ids, read, reasons, records

TEXT = "Tag;Name\r\nA1;Büro in Köln\r\nA2;José Müller, Süd\r\n"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("ascii", "utf-8"),
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1252", "cp1252"),
    ],
)
async def test_an_encoding_is_found_and_said(tmp_path: Path, written: str, found: str) -> None:
    text = TEXT.encode("ascii", "ignore").decode() if written == "ascii" else TEXT
    path = tmp_path / "assets.csv"
    path.write_bytes(text.encode(written))

    items = await read(path)

    assert [record.name for record in records(items)] == [
        line.split(";")[1] for line in text.splitlines()[1:]
    ]
    assert (await checked(path))["open"] == f"assets.csv: {found}, cells separated by ';'"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1253", "Αθήνα και Θεσσαλονίκη"),
        ("cp932", "東京オフィス、会議室のプリンターとモニター"),
    ],
)
async def test_other_code_pages_are_told_apart(tmp_path: Path, written: str, name: str) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes(f"Tag,Name\nA1,{name}\n".encode(written))

    assert records(await read(path))[0].name == name


async def test_the_part_that_tells_may_come_late(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    many = "".join(f"A{number},plain\n" for number in range(10_000))
    path.write_bytes(f"Tag,Name\n{many}B1,Gerät für Büro Düsseldorf\n".encode("cp1252"))

    assert records(await read(path))[-1].name == "Gerät für Büro Düsseldorf"


async def test_one_bad_byte_does_not_turn_utf8_into_something_else(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes("Tag,Name\nA1,Büro\nA2,".encode() + b"\xe4\n" + "A3,Köln\n".encode())

    items = await read(path)

    assert [record.name for record in records(items)] == ["Büro", "Köln"]
    assert list(reasons(items)) == ["assets.csv row 3"]


async def test_an_encoding_that_is_set_is_used(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes("Tag,Name\nA1,Şahin Çağla\n".encode("cp1254"))

    assert records(await read(path, encoding="cp1254"))[0].name == "Şahin Çağla"


async def test_a_byte_order_mark_is_stronger_than_the_setting(tmp_path: Path) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes("Tag,Name\nA1,x\n".encode("utf-8-sig"))

    assert ids(await read(path, encoding="cp1252")) == ["A1"]


@pytest.mark.parametrize(
    ("name", "fitting"),
    [
        ("Señor".encode("cp1252"), "it fits .*cp1252"),
        (bytes(range(0x80, 0x100)) * 4, "it fits none"),
    ],
)
async def test_an_encoding_that_cannot_be_told_is_asked_for(
    tmp_path: Path, name: bytes, fitting: str
) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes(b"Tag,Name\nA1," + name + b"\n")

    with pytest.raises(SettingsInvalid, match=f"{fitting}.*set 'encoding'"):
        await read(path)
