#!/usr/bin/env bash
# Train on a GPU machine with 16 cores that reaches no registry, after the pieces `trace`, `assets` and `renders` of
# perf/pieces.py; everything else is in its own Python. Never ran yet: docs/gpu-checks.md.
#   bash training/on_gpu.sh trace             leave tracers at work on every core, also between calls
#   bash training/on_gpu.sh segment MINUTES   end them, train, bring the averaged weights home in $OUT/average.pt
#   bash training/on_gpu.sh relight MINUTES   the same for the relight network
set -euo pipefail
cd "$(dirname "$0")/.."
python3 -m perf.pieces --unpack
brought=/tmp/milgrain-gpu/trace
export PYTHONPATH=$brought PYTHONUNBUFFERED=1  # Mitsuba reads the light maps for the loaders, too
run=gpu-$1
if [ "$1" = trace ]; then
    for core in $(seq 0 15); do
        # One core each: Dr.Jit starts as many threads as it may use cores. A session of its own outlives the call.
        LD_LIBRARY_PATH=$brought/lib DRJIT_LIBLLVM_PATH=$brought/lib/libLLVM-19.so OMP_NUM_THREADS=1 \
            setsid taskset -c "$core" python3 -m training.paths --seeds "$((100000 + core)):200000:16" --raised 0.25 \
            > "/tmp/tracer$core.log" 2>&1 < /dev/null &
        echo $! >> /tmp/tracers
    done
    sleep "${2:-20}"
    tail -qn 1 /tmp/tracer*.log
    exit
fi
python3 -c 'import torch; assert torch.cuda.is_available(), "no GPU"; print(torch.cuda.get_device_name())'
# 15 loaders keep two batches of 88 MB each in shared memory, and die of a bus error where there is too little of it.
[ "$(df --output=size -B1M /dev/shm | tail -1)" -ge 8000 ] || mount -o remount,size=8g /dev/shm
until [ "$(find training/.data/paths -name '*.json' | wc -l)" -ge 200 ]; do sleep 2; done
# From here on loading needs the cores: lighting and cutting a crop of 1024 px takes 0.17 s of one.
[ ! -f /tmp/tracers ] || { xargs kill < /tmp/tracers || true; rm /tmp/tracers; }
find training/.data/paths -name '*.json' | wc -l
case $1 in
segment)
    python3 -m training.train --name "$run" --start model_repository/segment/1/model.onnx --minutes "$2" \
        --size 512 --batch 24 --workers 15 ;;
relight)
    python3 -m training.relight_train --name "$run" --start model_repository/relight/1/model.onnx --minutes "$2" \
        --batch 64 --workers 15 ;;
esac
# Four times as small as last.pt, which holds the optimizer too, and all that an export reads.
python3 - "training/.runs/$run/last.pt" "$OUT/average.pt" <<'END'
import sys, torch
kept = torch.load(sys.argv[1], weights_only=True, map_location="cpu")
torch.save({name: kept[name] for name in ("average", "step", "seconds")}, sys.argv[2])
END
