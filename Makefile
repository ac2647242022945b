# make demo   install what is missing, start the services, run a simulated season
# make test   install what is missing, then lint and all tests
# make down   stop the services

.PHONY: demo test lint unit install install-test up down status clean-tools

BIN := .venv/bin
# Each has an installation of its own.
E2E_PROCESSES ?= 1

demo: install
	@$(BIN)/sen4cap demo

install:
	@deployments/bootstrap.sh

install-test:
	@deployments/bootstrap.sh --with-tests

test: install-test lint
	$(BIN)/pytest -n logical --maxprocesses 4 --dist loadscope --no-loadscope-reorder --durations=15 -m "not e2e"
	$(BIN)/pytest -n $(E2E_PROCESSES) --dist loadscope --no-loadscope-reorder --durations=5 tests/e2e

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The tests that need no service.
unit:
	$(BIN)/pytest -m "not service and not e2e"

up: install
	@$(BIN)/sen4cap up

down:
	@test ! -x $(BIN)/sen4cap || $(BIN)/sen4cap down

status:
	@$(BIN)/sen4cap status

clean-tools:
	rm -rf .venv .tools
