#!/bin/bash
# Everything that the kernels owe on a machine with an NVIDIA GPU: bash perf/on_gpu.sh [OUT]
# Needs: pip install -e '.[server,dev]' cupy-cuda13x==13.6.0 cvcuda-cu13 numba; CUDA's compute-sanitizer on PATH.
# Leaves in OUT (default out/gpu): parity.txt, memcheck.txt, racecheck.txt, cases-gpu.json. Stops at the first failure.
set -euo pipefail
out=${1:-out/gpu}
mkdir -p "$out"
gpu=(tests/kernels -m gpu -p no:cacheprovider -q)
python -m pytest "${gpu[@]}" -rs | tee "$out/parity.txt"
# A test that was skipped has checked nothing.
if grep -q skipped "$out/parity.txt"; then echo "$out/parity.txt: tests were skipped" >&2; exit 1; fi
for tool in memcheck racecheck; do
  compute-sanitizer --tool "$tool" --error-exitcode 1 python -m pytest "${gpu[@]}" | tee "$out/$tool.txt"
done
python -m perf.cases --peer --result "$out/cases-gpu.json"
