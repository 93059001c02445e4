#!/bin/bash
# Run a command on a GPU machine that reaches no registry, by what perf/pieces.py brought there; without one, unpack only:
# bash perf/on_gpu.sh python -m perf.gpu_check --out $OUT. CUDA itself is that machine's: the toolkit's and, for ONNX
# Runtime, cuBLAS, cuDNN and cuFFT from the packages beside its PyTorch.
set -euo pipefail
python3 -m perf.pieces --unpack
[ $# -gt 0 ] || exit 0
folder=/tmp/milgrain-gpu
theirs=$(python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# Triton's Python stubs see what is installed, not PYTHONPATH: the editable install has to name this checkout.
echo "$PWD" > "$folder"/venv/lib/python3.12/site-packages/_editable_impl_milgrain.pth
LD_LIBRARY_PATH=$(printf '%s:' "$theirs"/nvidia/*/lib)/usr/local/cuda/lib64:$folder/lib
export LD_LIBRARY_PATH PATH=$folder/venv/bin:$PATH:/usr/local/cuda/bin PYTHONUNBUFFERED=1
exec "$@"
