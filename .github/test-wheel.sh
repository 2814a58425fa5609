#!/usr/bin/env bash
# Test a built wheel from another directory, so that nothing is imported from the checkout.
set -euo pipefail
wheel=$(realpath "$1")
cd "$(dirname "$0")/.."
elsewhere=$(mktemp -d)
mkdir "$elsewhere/plugins"
cp -r tests model_zoo reports benchmarks audits pyproject.toml conftest.py "$elsewhere"
cp -r plugins/contrib "$elsewhere/plugins"
python -m pip install "$wheel[test]"
cd "$elsewhere"
python -m pytest -q -n 2
