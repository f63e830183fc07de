"""Writes the published JSON schemas of events: python -m tests.contract.schemas."""

from pathlib import Path

from halo_shared import schemas


def main() -> None:
    folder = Path(schemas.__file__).parent
    for kind in schemas.MODELS:
        (folder / f"{kind}.json").write_text(schemas.text(schemas.of_model(kind)), encoding="utf-8")


if __name__ == "__main__":
    main()
