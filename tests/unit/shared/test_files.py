"""Mistakes in files are told with file, line and remedy."""

from enum import StrEnum
from pathlib import Path
from textwrap import dedent

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from halo_shared import files
from halo_shared.errors import SettingsInvalid


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Wheel(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int
    colour: Colour = Colour.RED
    label: str | int | None = None


class Car(BaseModel):
    """What these tests write in files."""

    model_config = ConfigDict(extra="forbid")
    name: str
    wheels: list[Wheel] = Field(min_length=1)
    spare: Wheel | None = None
    by_place: dict[Colour, Wheel] = {}

    @model_validator(mode="after")
    def _named_well(self) -> "Car":
        if self.name == "thing":
            raise ValueError("'thing' is no name")
        return self


GOOD = """\
name: beetle
wheels:
  - size: 15
  - size: 16
    colour: green
spare: {size: 14}
by_place:
  red: {size: 1}
"""


def mistakes(text: str) -> list[str]:
    """The sentences about this text."""
    with pytest.raises(SettingsInvalid) as caught:
        files.parse(dedent(text), Car, name="car.yaml")
    return str(caught.value).split("\n")


def test_a_good_file(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    path.write_text(GOOD, encoding="utf-8")

    car = files.load(path, Car)

    assert [wheel.size for wheel in car.wheels] == [15, 16]
    assert car.by_place == {Colour.RED: Wheel(size=1)}


@pytest.mark.parametrize(
    ("instead_of", "written", "sentence"),
    [
        ("name:", "nmae:", "car.yaml line 1: nmae: unknown key; did you mean 'name'?"),
        ("    colour: green", "    color: green", "car.yaml line 5: wheels.1.color: unknown key; did you mean 'colour'?"),
        ("spare: {size: 14}", "spare: {size: 14, sise: 2}", "car.yaml line 6: spare.sise: unknown key; did you mean 'size'?"),
        ("  red: {size: 1}", "  red: {size: 1, lable: x}", "car.yaml line 8: by_place.red.lable: unknown key; did you mean 'label'?"),
        ("  red: {size: 1}", "  red: {size: 1, qqq: x}", "car.yaml line 8: by_place.red.qqq: unknown key; known are size, colour, label"),
        ("  - size: 15", "  - colour: red", "car.yaml line 3: wheels.0.size: is missing"),
        ("spare: {size: 14}", "spare: {}", "car.yaml line 6: spare.size: is missing"),
        ("colour: green", "colour: blue", "car.yaml line 5: wheels.1.colour: must be 'red' or 'green'"),
        ("  red:", "  blue:", "car.yaml line 8: by_place.blue: must be 'red' or 'green'"),
        ("spare: {size: 14}", "spare: 14", "car.yaml line 6: spare: must hold keys and values"),
        ("size: 16", "size: big", "car.yaml line 4: wheels.1.size: must be a valid integer, unable to parse string as an integer"),
        ("spare: {size: 14}", "spare: {size: 14, label: [1]}", "car.yaml line 6: spare.label: must be a valid string or a valid integer"),
        ("name: beetle", "name: thing", "car.yaml line 1: 'thing' is no name"),
        ("size: 16", "size: 16\n    size: 17", "car.yaml line 5: size: stands twice"),
        ("name: beetle", "name: beetle\nname: bus", "car.yaml line 2: name: stands twice"),
    ],
)  # fmt: skip
def test_each_mistake_is_told(instead_of: str, written: str, sentence: str) -> None:
    assert instead_of in GOOD

    assert sentence in mistakes(GOOD.replace(instead_of, written))


def test_all_mistakes_are_told_at_once_in_the_order_of_the_model() -> None:
    assert mistakes("wheels: []\nspare: {size: x}\n") == [
        "car.yaml line 1: name: is missing",
        "car.yaml line 1: wheels: must hold at least 1",
        "car.yaml line 2: spare.size: must be a valid integer, unable to parse string as an integer",
    ]


def test_a_mistake_further_down_is_told_once() -> None:
    assert mistakes("name: x\nwheels: [{size: x}]\n") == [
        "car.yaml line 2: wheels.0.size: must be a valid integer, unable to parse string as an integer"
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: [", "car.yaml line 1: is not valid YAML"),
        ("name: x\n\twheels: 1", "car.yaml line 2: is not valid YAML"),
        ("name: !!python/object:os.system x", "car.yaml line 1: is not valid YAML"),
        ("name: \x00", "car.yaml: is not valid YAML"),
        ("", "car.yaml: must hold keys and values, as in 'name: people'"),
        ("- a\n- b", "car.yaml: must hold keys and values"),
        ("just text", "car.yaml: must hold keys and values"),
    ],
)
def test_what_is_no_file_of_ours(text: str, sentence: str) -> None:
    assert mistakes(text)[0].startswith(sentence)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"car\.yaml: cannot be read: No such file or directory$"):
        files.load(tmp_path / "car.yaml", Car)


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=r"cannot be read: Is a directory$"):
        files.load(tmp_path, Car)


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "car.yaml"
    path.write_bytes("name: Käfer".encode("latin-1"))

    with pytest.raises(SettingsInvalid, match="cannot be read: it is not UTF-8 text"):
        files.load(path, Car)


def test_values_that_come_from_no_file_are_explained_without_a_line() -> None:
    with pytest.raises(ValidationError) as caught:
        Car.model_validate({"name": "x", "wheels": [{"size": 1, "colr": 2}]})

    assert files.explain(caught.value, Car, name="settings") == [
        "settings: wheels.0.colr: unknown key; did you mean 'colour'?"
    ]
