# Every target installs what it needs (into build/ and .venv/) and is quick the second time.
# Needed beforehand: Rust 1.92 or later, Python 3.11, a C compiler.

PYTHON     ?= python3
# With an NVIDIA GPU the build that can use it; it falls back to the CPU where CUDA 13 or cuDNN 9 is missing. Else, on a
# processor of Intel's kind under Linux, the build with OpenVINO's kernels, which are quicker. One of them, never two.
PLAIN      := $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),onnxruntime-openvino,onnxruntime)
ONNXRUNTIME ?= $(if $(shell nvidia-smi -L 2>/dev/null),onnxruntime-gpu,$(PLAIN))
ORT_VERSION := $(if $(filter onnxruntime-openvino,$(ONNXRUNTIME)),1.24.1,1.31.1)
VENV       := .venv
BIN        := target/release/isochrone
# What tests may do and the product may not.
TEST_FREEDOMS := disallowed_methods unwrap_used expect_used panic indexing_slicing too_many_arguments
STEPS      ?= 4000
HEADS_MINUTES ?= 30
DEVICE     ?= cpu
DATA       ?=
OUT        ?= build/evaluation
PROCESSES  ?= 1
RUN        ?= latest

.DEFAULT_GOAL := help
.PHONY: data-given help demo test test-slicer slicer-pictures oracles lint fmt bench bench-guidance bench-classical bench-engines pictures evaluate evaluate-peers gpu-check train build wheel lesions onnxruntime clean crash-test siege

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/ —/' | sed 's/^/  make /'

demo: build lesions ## a simulated reader segments real lesions over gRPC; writes build/demo/demo.png
	$(BIN) demo --data build/lesions --out build/demo
	$(VENV)/bin/python docs/figures/demo_picture.py build/demo

test: lint build wheel lesions oracles ## everything that CI runs
	ISOCHRONE_FUZZ_SEED=$${ISOCHRONE_FUZZ_SEED:-20261125} cargo test --release --workspace --exclude isochrone-python --no-fail-fast
	$(VENV)/bin/python -m pytest -q
	$(MAKE) --no-print-directory test-slicer

test-slicer: build lesions build/stamp-slicer ## the 3D Slicer plugin on Slicer's own core, against a real server
	@if [ -x build/slicer-venv/bin/python ]; then QT_QPA_PLATFORM=offscreen timeout 900 build/slicer-venv/bin/python -m pytest -q \
		-c plugin-3dslicer/pytest.ini plugin-3dslicer/Isochrone/Testing/Python; \
	else echo "slicer-core is not installed: the plugin's tests are skipped."; fi

slicer-pictures: build lesions build/stamp-slicer ## the plugin's pictures in docs/slicer, drawn by its tests
	ISOCHRONE_PICTURES="$(CURDIR)/docs/slicer" $(MAKE) --no-print-directory test-slicer

oracles: build/stamp-oracles ## reference programs for the tests (Debian, as root); tests skip what is missing

lint: build/stamp-venv ## formatting, clippy, ruff, file lengths
	cargo fmt --all --check
	cargo clippy --release --workspace --quiet -- -D warnings
	cargo clippy --release --workspace --all-targets --quiet -- -D warnings $(addprefix -A clippy::,$(TEST_FREEDOMS))
	$(VENV)/bin/ruff check --quiet .
	$(VENV)/bin/python testdata/file_lengths.py

fmt: ## format Rust and sort Python imports
	cargo fmt --all
	$(VENV)/bin/ruff check --quiet --fix .

bench: build lesions ## click to mask over gRPC, and the reader's other waits
	$(BIN) bench --data build/lesions $(ARGS)

bench-guidance: wheel ## guidance kernels against their peers, on the same arrays in one process
	$(VENV)/bin/python python/bench/guidance.py $(ARGS)

bench-classical: wheel lesions ## classical kernels against PyMaxflow and scikit-image, on the same arrays
	$(VENV)/bin/python python/bench/classical.py $(ARGS)

bench-engines: build lesions ## Dice of every engine after 1, 3, 5 and 10 clicks: the table of docs/engines.md
	$(VENV)/bin/python docs/benchmarks/engines.py --again --write $(ARGS)

pictures: build lesions ## every kind of prompt and every engine, drawn through gRPC into docs/figures
	$(VENV)/bin/python docs/figures/gallery.py build/lesions

crash-test: ## kill the server 1,000 times at random instants: nothing acknowledged may be lost (a quarter of an hour)
	ISOCHRONE_KILLS=1000 cargo test --release --workspace --test serve -- killed_at_random --nocapture

siege: build build/stamp-venv ## honest readers' clicks while a server is attacked from all sides: a table (three minutes)
	$(VENV)/bin/python testdata/siege.py $(ARGS)

evaluate: build build/stamp-venv ## a simulated reader over labelled cases: make evaluate DATA=folder OUT=folder ARGS="--clicks 10"
	$(BIN) evaluate --cases "$(DATA)" --out "$(OUT)" $(ARGS)
	$(VENV)/bin/python python/bench/evaluation_plots.py "$(OUT)"

evaluate-peers: build/stamp-venv ## the same clicks through other people's methods: make evaluate-peers DATA=folder OUT=folder
	$(VENV)/bin/python python/bench/interactive_peers.py --cases "$(DATA)" --clicks "$(OUT)/clicks.csv" --out "$(OUT)"

gpu-check: build lesions ## a GPU's masks and times against the CPU's; says so where there is no GPU
	$(BIN) gpu-check $(ARGS)

train: data-given build wheel build/stamp-train ## train network, sampler and error head: make train DATA=folder STEPS=4000 [RUN=name] [PROCESSES=2] [DEVICE=cuda]
	cd training && .venv/bin/python -m isochrone_training.volumes --data "$(abspath $(DATA))"
	cd training && .venv/bin/python -m isochrone_training.structures
	cd training && .venv/bin/python -m isochrone_training.synth
	cd training && .venv/bin/python -m isochrone_training.train --steps $(STEPS) --out runs/$(RUN) --processes $(PROCESSES) --device $(DEVICE)
	cd training && .venv/bin/python -m isochrone_training.export --checkpoint runs/$(RUN)/last.pt --out runs/$(RUN)/bundle
	rm -rf "training/runs/$(RUN)/states"
	cd training && .venv/bin/python -m isochrone_training.states --data "$(abspath $(DATA))" --bundle runs/$(RUN)/bundle \
		--minutes $(HEADS_MINUTES) --out runs/$(RUN)/states
	cd training && .venv/bin/python -m isochrone_training.uncertain --states runs/$(RUN)/states --start runs/$(RUN)/last.pt \
		--minutes $(HEADS_MINUTES) --out runs/$(RUN)/whole.pt
	cd training && .venv/bin/python -m isochrone_training.export --checkpoint runs/$(RUN)/whole.pt --out runs/$(RUN)/bundle
	-cd training && .venv/bin/python -m isochrone_training.calibration --data "$(abspath $(DATA))" --bundle runs/$(RUN)/bundle \
		--out runs/$(RUN)
	cd training && .venv/bin/python -m isochrone_training.export --checkpoint runs/$(RUN)/whole.pt --out runs/$(RUN)/bundle \
		--calibration runs/$(RUN)/calibration.json
	$(BIN) model check training/runs/$(RUN)/bundle

data-given:
	@test -d "$(DATA)" || { echo "Which cases? make train DATA=folder; training/README.md says what it holds."; exit 2; }

build: onnxruntime ## the server and command line: target/release/isochrone
	cargo build --release

wheel: build/stamp-wheel ## the Python wheel `isochrone`, installed into .venv

lesions: build/stamp-venv ## real CT and MR lesions for the demo and the tests
	@$(VENV)/bin/python testdata/fetch_lesions.py || test $$? -eq 3

onnxruntime: build/stamp-$(ONNXRUNTIME)

build/stamp-$(ONNXRUNTIME):
	@mkdir -p build && rm -rf build/onnxruntime
	@echo "Installing ONNX Runtime $(ORT_VERSION) into build/onnxruntime …"
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --target build/onnxruntime $(ONNXRUNTIME)==$(ORT_VERSION)
	@rm -f build/stamp-onnxruntime* && touch $@

build/stamp-venv: python/requirements-dev.txt
	@mkdir -p build
	@echo "Installing the Python packages of the demo and the tests into $(VENV) …"
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -r python/requirements-dev.txt
	@touch $@

build/stamp-wheel: build/stamp-venv $(shell find python server/crates/guidance server/crates/classical server/crates/robot server/crates/volume -name '*.rs' -o -name 'Cargo.toml' -o -name 'pyproject.toml' -o -name '*.pyi')
	@echo "Building the Python wheel …"
	@rm -f build/wheels/isochrone-*.whl
	cd python && ../$(VENV)/bin/maturin build --quiet --release --interpreter ../$(VENV)/bin/python --out ../build/wheels
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps build/wheels/isochrone-*.whl
	@touch $@

build/stamp-oracles: testdata/install_oracles.sh
	@mkdir -p build
	@sh testdata/install_oracles.sh
	@touch $@

build/stamp-slicer: plugin-3dslicer/requirements-test.txt plugin-3dslicer/install_test_tools.sh
	@mkdir -p build
	@echo "Installing Slicer's core and Qt for the plugin's tests (about 1 GB) …"
	@PYTHON=$(PYTHON) sh plugin-3dslicer/install_test_tools.sh build/slicer-venv
	@touch $@

build/stamp-train: training/requirements.txt build/stamp-wheel
	@echo "Installing PyTorch into training/.venv (about 6 GB, some minutes) …"
	$(PYTHON) -m venv training/.venv
	training/.venv/bin/pip install --quiet --disable-pip-version-check -r training/requirements.txt
	training/.venv/bin/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps build/wheels/isochrone-*.whl
	@touch $@

clean: ## forget everything that was built or fetched
	cargo clean
	rm -rf build $(VENV) training/.venv
