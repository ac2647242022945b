# make demo   install what is missing, start the services, run a simulated season
# make test   install what is missing, then lint and all tests
# make down   stop the services

.PHONY: demo test test-parts test-system lint unit install install-test up down status clean-tools

BIN := .venv/bin
ONE_ROOM_AT_A_TIME := --dist loadscope --no-loadscope-reorder

demo: install
	@$(BIN)/sen4cap demo

install:
	@deployments/bootstrap.sh

install-test:
	@deployments/bootstrap.sh --with-tests

# The real system waits much and the tests of its parts do not: side by side they take two thirds of the time.
test: install-test
	@$(MAKE) --no-print-directory -j2 lint test-parts test-system

test-parts:
	$(BIN)/pytest -n logical --maxprocesses 4 $(ONE_ROOM_AT_A_TIME) --durations=15 -m "not e2e"

test-system:
	$(BIN)/pytest -n 1 $(ONE_ROOM_AT_A_TIME) --durations=5 tests/e2e

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
