"""The contract suites are no test modules by their names; their failures shall be explained all the same."""

import pytest

pytest.register_assert_rewrite(
    *(f"tests.contract.{suite}" for suite in ("source", "store", "target", "transport"))
)
