#!/usr/bin/env bash
# Installs the agent the way a customer does, from wheels and with no workspace around it, and runs
# the tests of what is installed. No linter can prove that it needs nothing of the controller.
set -euo pipefail
cd "$(dirname "$0")/../.."

uv() { env -u VIRTUAL_ENV UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 .tools/bin/uv --quiet "$@"; }
fail() { echo "✗ $1" >&2; exit 1; }

alone=$(mktemp -d -t halo-agent-XXXXXX)
trap 'rm -rf "$alone"' EXIT
python=$alone/venv/bin/python

echo "→ building the wheels"
for package in shared agent sandbox; do
  uv build --wheel --package "halo-integrator-$package" --out-dir "$alone/wheels"
done
uv export --locked --all-packages --no-emit-workspace --no-hashes --output-file "$alone/locked.txt"
install() { uv pip install --python "$python" --constraints "$alone/locked.txt" "$@"; }
# By file, never by name: a stranger's package of that name must not be fetched instead.
wheel() { echo "$alone"/wheels/halo_integrator_"$1"-*.whl; }

echo "→ installing the agent alone"
uv venv --python .venv/bin/python "$alone/venv"
install "$(wheel shared)" "$(wheel agent)"
packages=$(uv pip list --python "$python" --format freeze | wc -l)
megabytes=$(du -sm "$alone/venv" | cut -f1)

cd "$alone" # away from the workspace, whose folders would be found
"$python" -c 'import halo_controller' 2>/dev/null && fail "the agent brings the controller along"
"$alone/venv/bin/halo-agent" --help >/dev/null || fail "halo-agent --help does not work"
cd - >/dev/null

echo "→ running the tests of shared and agent there, against the sandbox"
install "$(wheel shared)" "$(wheel agent)[active-directory,entra-id,ldap,ninjaone,spreadsheet]" "$(wheel sandbox)" \
  pytest pytest-asyncio pytest-timeout hypothesis
mkdir "$alone/project"
cp -r pyproject.toml tests docs "$alone/project"
(cd "$alone/project" && "$python" -m pytest --quiet tests/unit/shared tests/unit/agent)

echo "The agent alone: $packages packages, $megabytes MB."
