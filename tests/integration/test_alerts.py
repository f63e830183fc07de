"""The alert rules, tried by Prometheus' own tool."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.test_metrics import RULES

CASES = Path(__file__).with_name("alerts.yaml")


@pytest.mark.parametrize("what", [("check", "rules", RULES), ("test", "rules", CASES)])
def test_prometheus_understands_the_rules_and_warns_when_it_should(what: tuple[str | Path, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        missing = "promtool is not installed: apt-get install prometheus"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    done = subprocess.run([promtool, *what], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
