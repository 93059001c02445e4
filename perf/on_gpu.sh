#!/bin/bash
# `python -m perf.gpu_check` on a GPU machine that reaches no registry: bash perf/on_gpu.sh OUT [arguments of gpu_check]
# Needs the pieces of ../shared/gpu/stage.py unpacked to /tmp/site, and in .whl/ the small wheels, milgrain's own among
# them: docs/gpu-checks.md says which. Triton's Python stubs see what is installed, not PYTHONPATH: hence a .pth file.
set -euo pipefail
out=$1; shift
venv=/tmp/venv
[ -d "$venv" ] || python3 -m venv --without-pip --system-site-packages "$venv"
site=$("$venv/bin/python" -c "import sysconfig; print(sysconfig.get_path('purelib'))")
python3 -m pip --python "$venv/bin/python" install --quiet --no-index --no-deps .whl/*.whl
printf '%s\n' "$PWD" /tmp/site > "$site/milgrain-offline.pth"
exec "$venv/bin/python" -m perf.gpu_check --out "$out" "$@"
