"""The permit of whoever only looks."""


class NeverWrites:
    """No write is allowed, so that none can happen by mistake."""

    def check(self) -> None:
        raise AssertionError("a check or a preview must not write")
