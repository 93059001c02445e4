# Everything runs in the project's own virtual environment; PYTHON chooses which Python makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench serve

help:
	@echo "make demo   install, start the server, cut the sample photos, write demo/index.html, stop"
	@echo "make test   install, run every test, the real server's included"
	@echo "make check  ruff and pyright"
	@echo "make bench  measure quality, stages and streaming into perf/results/ (needs ../shared/quality)"
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
	$(BIN)/python -m perf.soak
	$(BIN)/python -m perf.jpeg
	$(BIN)/python -m perf.edges
	$(BIN)/python -m perf.figures

serve: $(VENV)/installed
	$(BIN)/milgrain serve
