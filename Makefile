# Names for tools/project.py, which also runs where there is no make: python tools/project.py demo
PYTHON ?= python3
ARGS ?=

.PHONY: install demo test test-all bench bench-tables bench-doctor docs results headline check systems

install demo test test-all bench bench-tables bench-doctor docs results headline check:
	@$(PYTHON) tools/project.py $@ $(ARGS)

systems:
	@$(PYTHON) tools/systems.py --write
