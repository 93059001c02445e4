#!/usr/bin/env bash
# Train on a machine with a GPU and 16 cores, offline: bash training/on_gpu.sh MINUTES. Never ran yet: docs/gpu-checks.md.
# Expects Mitsuba's wheels under /tmp/site and the assets' small copies in training/.assets; brings last.pt home in $OUT.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=$1
export PYTHONPATH=/tmp/site:$PWD
python3 -c 'import torch; assert torch.cuda.is_available(), "no GPU"; print(torch.cuda.get_device_name())'
for worker in $(seq 0 7); do
    OMP_NUM_THREADS=1 nice python3 -m training.paths --seeds "$((100000 + worker)):200000:8" --raised 0.25 > "/tmp/paths$worker.log" 2>&1 &
done
trap 'kill $(jobs -p)' EXIT
until [ "$(find training/.data/paths -name '*.json' | wc -l)" -ge 200 ]; do sleep 2; done
python3 -m training.train --name gpu --start model_repository/segment/1/model.onnx --minutes "$minutes" \
    --size 512 --batch 24 --workers 7
cp training/.runs/gpu/last.pt "$OUT/"
