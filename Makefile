# Everything runs in the project's own virtual environment; PYTHON chooses which Python makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak serve gpu-check

help:
	@echo "make demo   install, start the server, cut the sample photos, write demo/index.html, stop"
	@echo "make test   install, run every test, the real server's included"
	@echo "make check  ruff and pyright"
	@echo "make bench  measure quality, stages, load and peers into perf/results/ (needs ../shared/quality)"
	@echo "make soak   hours of it: memory over 10,000 photos, kill -9 in the middle of 5,000, three times the capacity"
	@echo "make gpu-check  run what waits for an NVIDIA GPU, into one result file; without one it says so"
	@echo "make serve  keep a server running on ports 8000 (HTTP), 8001 (gRPC), 8002 (metrics)"

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server,dev]'
	touch $@

demo: $(VENV)/installed
	$(BIN)/python -m perf.demo

test: $(VENV)/installed
	$(BIN)/python -m pytest

check: $(VENV)/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: $(VENV)/installed
	$(BIN)/python -m perf.quality
	$(BIN)/python -m perf.stages
	$(BIN)/python -m perf.bench
	$(BIN)/python -m perf.crosscheck
	$(BIN)/python -m perf.peers
	$(BIN)/python -m perf.jpeg
	$(BIN)/python -m perf.edges
	$(BIN)/python -m perf.figures
	$(BIN)/python -m perf.plot

soak: $(VENV)/installed
	$(BIN)/python -m perf.soak --photos 10000
	$(BIN)/python -m perf.kills
	$(BIN)/python -m perf.overload
	$(BIN)/python -m perf.figures

serve: $(VENV)/installed
	$(BIN)/milgrain serve

# On a machine with a GPU, first: $(BIN)/python -m pip install -e '.[gpu,dev]'
gpu-check: $(VENV)/installed
	$(BIN)/python -m perf.gpu_check
