# `make audit` and `make test` each work alone on a fresh machine: they create .venv if it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OUT := reports/out
# Without the plugin that imports all of hypothesis for a line of its header.
AUDIT := $(BIN)/pytest -p no:hypothesispytest --audit
REAL_SETS := covid covid-ieee8023 pneumonia-kermany glaucoma
REAL_TESTS := $(foreach name,$(REAL_SETS),--audit-dataset audits/real_study/$(name)-test.toml)

.PHONY: audit audit-shortcut study study-real causes-real audit-real test coverage compiled lint schema docs clean

audit: $(VENV)/.installed  ## audit the honest reference model on the phantoms: the main job
	@mkdir -p $(OUT) && rm -f $(OUT)/audit.json
	$(AUDIT) --audit-model model_zoo/models/phantom-honest.toml \
	  --audit-dataset model_zoo/datasets/phantom-cxr.toml \
	  --audit-dataset model_zoo/datasets/phantom-fundus.toml \
	  --audit-json $(OUT)/audit.json --audit-report $(OUT)/audit.html --junitxml=$(OUT)/junit.xml
	$(BIN)/audit-suite verify $(OUT)/audit.json --require open

audit-shortcut: $(VENV)/.installed  ## audit the model that reads a marker: it is blocked, exit code 1
	@mkdir -p $(OUT)/shortcut
	$(AUDIT) --audit-model model_zoo/models/phantom-shortcut.toml \
	  --audit-dataset model_zoo/datasets/phantom-cxr.toml \
	  --audit-json $(OUT)/shortcut/audit.json --audit-report $(OUT)/shortcut/audit.html

study: $(VENV)/.installed  ## repeat the paper's 5 x 5 study on phantoms: train, audit, print the matrix
	$(BIN)/audit-suite train model_zoo/recipes/phantom-masking-study.toml --out $(OUT)/study
	-$(AUDIT) --audit-suite masking-study --audit-folds mean \
	  --audit-model $(OUT)/study/models \
	  --audit-dataset model_zoo/datasets/study-clean-test.toml \
	  --audit-dataset model_zoo/datasets/study-shortcut-test.toml \
	  --audit-json $(OUT)/study/audit.json --audit-report $(OUT)/study/audit.html

study-real: $(VENV)/.installed  ## repeat the study on real images (AUDIT_REAL_DATA), frozen features and linear heads: about half an hour
	@test -n "$$AUDIT_REAL_DATA" || { echo "set AUDIT_REAL_DATA to the folder that holds cxr/ and fundus/" >&2; exit 2; }
	$(BIN)/audit-suite train audits/real_study/study.toml --out $(OUT)/real-study
	-$(AUDIT) --audit-suite masking-study --audit-folds mean --audit-model $(OUT)/real-study/models $(REAL_TESTS) \
	  --audit-json $(OUT)/real-study/audit.json --audit-report $(OUT)/real-study/audit.html
	-$(AUDIT) --audit-suite dilation --audit-suite controls --audit-suite metadata --audit-folds mean \
	  $(foreach name,$(REAL_SETS),--audit-model $(OUT)/real-study/models/$(name)-full.toml) $(REAL_TESTS) \
	  --audit-json $(OUT)/real-study/full.json --audit-report $(OUT)/real-study/full.html

causes-real: $(VENV)/.installed  ## name causes on real images (AUDIT_REAL_DATA), cross-validated over all patients: see audits/real_causes
	@test -n "$$AUDIT_REAL_DATA" || { echo "set AUDIT_REAL_DATA to the folder that holds cxr/ and fundus/" >&2; exit 2; }
	$(BIN)/python audits/real_causes/train.py --out $(OUT)/real-causes
	-$(AUDIT) --audit-suite region-sensitivity --audit-suite controls --audit-suite metadata \
	  --audit-model $(OUT)/real-causes/models \
	  $(foreach name,covid pneumonia glaucoma,--audit-dataset $(OUT)/real-causes/$(name).toml) \
	  --audit-json $(OUT)/real-causes/audit.json --audit-report $(OUT)/real-causes/audit.html

audit-real: $(VENV)/.installed  ## audit a pretrained network on real chest X-rays (AUDIT_REAL_DATA): blocked, it reads the background
	@test -n "$$AUDIT_REAL_DATA" || { echo "set AUDIT_REAL_DATA to the folder that holds cxr/, e.g. AUDIT_REAL_DATA=/data make audit-real" >&2; exit 2; }
	@mkdir -p $(OUT)/real-cxr
	$(BIN)/python audits/real_cxr/train_head.py --out $(OUT)/real-cxr
	$(AUDIT) --audit-model audits/real_cxr/covid-efficientnet.toml \
	  --audit-dataset audits/real_cxr/cxr-covid-test.toml \
	  --audit-json $(OUT)/real-cxr/audit.json --audit-report $(OUT)/real-cxr/audit.html \
	  --junitxml=$(OUT)/real-cxr/junit.xml

TESTS := -m pytest -n 2 --dist worksteal -q
SLEEPING := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE

# hypothesis' profile ci: the same examples each time, since a gate that fails by luck teaches people to run it again. Plain pytest
# and coverage draw new ones.
test: $(VENV)/.installed lint compiled  ## run lint, types, layers and every test
	$(SLEEPING) $(BIN)/python $(TESTS) --hypothesis-profile=ci

coverage: $(VENV)/.installed compiled  ## run every test with line coverage, which takes a quarter longer
	$(BIN)/coverage erase
	$(SLEEPING) $(BIN)/coverage run $(TESTS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

compiled: $(VENV)/.installed  ## or, with PYTHONDONTWRITEBYTECODE, each of many processes compiles the package
	$(BIN)/python -m compileall -q audit_suite plugins

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache  # its cache does not see modules that are new

schema: $(VENV)/.installed  ## regenerate the schema, the example report, and the exit codes in the README
	$(BIN)/audit-suite schema > reports/schema/audit-1.2.schema.json
	$(BIN)/python tests/report/example.py
	$(BIN)/python tests/house/exit_codes.py

docs: $(VENV)/.installed  ## build the documentation into docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html

# A new pip, because the one that comes with Python 3.11 takes half as long again; bytecode by all cores, where pip takes one.
$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	-$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile --editable '.[dev]'
	-$(BIN)/python -m compileall -q -j 0 -x /tests/ $(VENV)/lib
	@touch $@

clean:
	rm -rf $(VENV) $(OUT) .audit-evidence .audit-cache docs/_build docs/_generated
