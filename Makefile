# The set-up of a clone. `make` alone lists what there is.

PYTHON ?=
MODEL ?=
API_BASE ?=
CA_BUNDLE ?= /etc/ssl/certs/ca-certificates.crt
UPGRADE ?=

BIN = .venv/bin
SOURCES = agent prompts sandbox evals
BASE_IMAGE = $(BIN)/python -m sandbox.base_image --ca-bundle "$(CA_BUNDLE)"

.DEFAULT_GOAL := help
.NOTPARALLEL:
.ONESHELL:
.SHELLFLAGS := -ec
.PHONY: help demo test faults soak lint base-image bench bench-jobs lock clean tools

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1 - /p' Makefile
	echo 'Variables: PYTHON (to make .venv with), MODEL and API_BASE (demo), CA_BUNDLE (base-image), UPGRADE=1 (lock)'

demo: tools .venv/ready ## solve the bundled tasks: recorded replies, or MODEL=openai/gpt-5 and its API key
	@sandbox=auto
	$(BASE_IMAGE) || { sandbox=local; echo 'going on in the local sandbox' >&2; }
	$(BIN)/termstone run evals/tasks --model "$(or $(MODEL),scripted:evals/recorded/demo.json)" \
	    $(if $(API_BASE),--api-base "$(API_BASE)") --sandbox $$sandbox -n 4

test: tools lint ## lint, then every test that this machine can run; what it cannot is listed at the end
	@$(BASE_IMAGE) || echo 'going on without it' >&2
	$(BIN)/python -m pytest --no-fold-skipped -n 3 --dist loadfile -m "not long"

faults: tools .venv/ready-dev ## every fault of the catalogue, the long ones too; prints how many were survived
	@$(BASE_IMAGE) || echo 'going on without it' >&2
	$(BIN)/python -m pytest -n 2 --dist loadfile -m fault -r fE

lint: .venv/ready-dev ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

base-image: .venv/ready ## have debian:bookworm-slim in Docker; made from this machine's mirror where it cannot be pulled
	@$(BASE_IMAGE)

bench: tools .venv/ready ## measure the terminal
	@$(BIN)/python -m tests.bench

bench-jobs: tools .venv/ready ## measure a job beside its tasks' own commands, and many trials at once
	@$(BIN)/python -m tests.bench.jobs

soak: tools .venv/ready ## 200 trials with random faults, watched for leaks: some minutes
	@$(BIN)/python -m tests.soak

lock: .venv/made ## write the hashed locks anew; UPGRADE=1 also moves to the newest versions
	@folder=$$(mktemp -d)
	trap 'rm -rf "$$folder"' EXIT
	$(BIN)/python -m venv "$$folder"
	"$$folder/bin/python" -m pip install -q --disable-pip-version-check uv
	printf 'hatchling\neditables\n' >"$$folder/build.in"
	lock() { "$$folder/bin/uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-header --no-annotate $(if $(UPGRADE),--upgrade) pyproject.toml "$$folder/build.in" "$$@"; }
	lock -o requirements.lock
	lock --extra dev -c requirements.lock -o requirements-dev.lock

clean: ## remove what make and the tests made; jobs stay
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find $(SOURCES) tests -name __pycache__ -prune -exec rm -rf {} +

tools:
	@complain() { echo "$$1: apt install $$2 (or dnf install, pacman -S, apk add)" >&2; exit 1; }
	for tool in git tmux; do command -v $$tool >/dev/null || complain "$$tool is missing" $$tool; done
	case $$(tmux -V) in
	    *" 0."* | *" 1."* | *" 2."* | *" 3.0"* | *" 3.1"*) complain "$$(tmux -V) is too old, 3.2 or newer is needed" tmux ;;
	esac

# A venv works only where it was made: a moved or copied clone makes its own. So does one whose packages are half there.
ifneq ($(shell test -x $(BIN)/python && test ! -e .venv/half && cat .venv/made 2>/dev/null),$(CURDIR))
.PHONY: .venv/made
endif
.venv/made:
	@recent() { "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
	complain() { echo "$$*: install it, or name another with make PYTHON=/path/to/python3.12" >&2; exit 1; }
	if [ -e $@ ] || ! recent $(BIN)/python || ! ls .venv/lib/*/*/pip-*/RECORD >/dev/null 2>&1; then # none, or half of one
	    found=
	    for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11); do
	        if recent "$$python"; then found=$$python; break; fi
	    done
	    [ "$$found" ] || complain "Python 3.11 or newer is needed; $(or $(PYTHON),python3) is older or absent"
	    "$$found" -c 'import ensurepip, venv' 2>/dev/null || complain "$$found lacks its venv module (apt: python3-venv)"
	    echo "making .venv with $$("$$found" -V)"
	    "$$found" -m venv --clear .venv
	fi
	printf %s "$(CURDIR)" >$@

# A stamp is written last, so a set-up that was interrupted starts again.
.venv/ready: requirements.lock
.venv/ready-dev: requirements-dev.lock
.venv/ready .venv/ready-dev: .venv/made pyproject.toml
	@log=.venv/pip.log lock=$(filter %.lock,$^)
	echo "installing $$lock, a minute or so"
	pip() { $(BIN)/python -m pip --disable-pip-version-check -q install --no-compile "$$@" >>$$log 2>&1; }
	touch .venv/half
	: >$$log
	if ! { pip --retries 2 --require-hashes -r $$lock && pip --no-deps --no-build-isolation -e .; }; then
	    if grep -qE 'NewConnectionError|ConnectTimeout|ProxyError|SSLError|ReadTimeout|NameResolution' $$log; then
	        echo 'the package index is out of reach: check the network, or set PIP_INDEX_URL (and PIP_CERT for its certificate)' >&2
	    else
	        tail -n 15 $$log >&2
	    fi
	    exit 1
	fi
	rm .venv/half
	# Without it every start would compile again where PYTHONDONTWRITEBYTECODE is set. Tasks are data, not modules.
	$(BIN)/python -m compileall -qq -j 0 -x 'evals/tasks' .venv/lib $(SOURCES) || true
	touch .venv/ready $@ # the larger lock holds the smaller one
