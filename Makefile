# Installs OCRNet for MMDetection into a virtual environment, tests it, shows it: `make help`.

PYTHON ?= python3
TORCH ?= 2.13.0
STACK ?= onedl

# The one place that pins what is tested.
ifeq ($(STACK),onedl)
VENV = .venv
MMENGINE = onedl-mmengine==0.10.12
MMCV = onedl-mmcv==2.3.6
MMDET = onedl-mmdetection==3.5.1
else ifeq ($(STACK),openmmlab)
VENV = .venv-openmmlab
MMENGINE = mmengine==0.10.7
MMCV = mmcv==2.1.0
MMDET = mmdet==3.3.0
else
$(error STACK=$(STACK) is unknown: take STACK=onedl or STACK=openmmlab)
endif
# setuptools: onedl-mmcv's build needs >= 77; mmengine 0.10.7 and mmcv 2.1.0's build need
# pkg_resources, gone since 82. OpenCV: OneDL's mmdet needs imaug, which needs < 4.13. torch: no
# later step may replace it.
CONSTRAINTS = torch==$(TORCH) setuptools>=77,<81 opencv-python<4.13 opencv-python-headless<4.13

# With the environment on the PATH torch finds its ninja, without which it compiles on one core.
PIP = PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL = $(PIP) install --quiet --no-warn-conflicts --constraint $(VENV)/constraints.txt
MMCV_NAME = $(firstword $(subst ==, ,$(MMCV)))

# Every step leaves a stamp in the environment. The first one is named by all the settings: with
# other settings it is missing, the environment is made anew, and the ops fit the torch beside them.
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print(*sys.version_info[:2])' 2> /dev/null)
SETTINGS = $(PYTHON_VERSION) $(CONSTRAINTS) $(MMENGINE) $(MMCV) $(MMDET)
STAMPS = $(VENV)/.stamps
TORCH_STAMP := $(STAMPS)/torch-$(shell echo '$(SETTINGS)' | cksum | cut -d ' ' -f 1)
MMCV_STAMP = $(STAMPS)/mmcv
PROJECT_STAMP = $(STAMPS)/project

.PHONY: help install test lint demo check clean distclean
.DELETE_ON_ERROR:

help:
	@echo 'make demo       install, pretrain OCRNet on generated pictures without labels, fine-tune it on a'
	@echo '                few with labels, with and without that, and compare: 10 minutes'
	@echo 'make test       install, then run the whole test suite'
	@echo 'make lint       install, then the formatter, the linter and the type checker'
	@echo 'make install    make $(VENV) with torch, mmengine, mmcv, mmdet and this project'
	@echo 'make check      install, then say what is installed and whether it can train'
	@echo 'make clean      remove what the demo and Python left behind'
	@echo 'make distclean  remove the virtual environments too'
	@echo
	@echo 'Settings: PYTHON=$(PYTHON) TORCH=$(TORCH) STACK=$(STACK) (onedl or openmmlab).'
	@echo 'Other settings than last time: $(VENV) is made anew.'

install: $(PROJECT_STAMP)

# A process a core with a thread each; the tests of a file share what they trained.
test: install
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest tests --numprocesses auto --dist loadfile

lint: install
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

demo: install
	$(VENV)/bin/python tools/demo.py

check: install
	@$(VENV)/bin/python tools/check_environment.py

$(TORCH_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo 'PYTHON=$(PYTHON) is no Python >= 3.10: install one and name it, PYTHON=python3.x'; \
		exit 1; }
	@echo '[1/3] torch $(TORCH) into a new $(VENV) (download: 0.2 to 3 GB)'
	@$(PYTHON) -m venv --clear $(VENV)
	@printf '%s\n' $(foreach pin,$(CONSTRAINTS),'$(pin)') > $(VENV)/constraints.txt
	@$(PIP) install --constraint $(VENV)/constraints.txt torch
	@mkdir -p $(STAMPS) && touch $@

# Compiling takes minutes, so the wheel is kept for the next environment, under a name that no other
# torch, Python, CUDA or mmcv has. What is kept there or pip finds is taken if its ops load: another
# may have been compiled for another torch.
# --no-build-isolation: an isolated build sees no torch and leaves the ops out without a word.
# --no-cache-dir: so may what pip has in its cache.
WHEELS = $${XDG_CACHE_HOME:-$$HOME/.cache}/ocrnet_mmdet/wheels
WHEEL_KEY = $(VENV)/bin/python -c 'import sysconfig, torch; print("$(MMCV)", \
	"torch" + torch.__version__, sysconfig.get_config_var("SOABI"), \
	"cuda" if torch.cuda.is_available() else "cpu", sep="-")'
OPS_LOAD = $(VENV)/bin/python -c 'import mmcv.ops'

$(MMCV_STAMP): $(TORCH_STAMP)
	@echo '[2/3] $(MMENGINE), $(MMCV)'
	@$(INSTALL) setuptools wheel ninja $(MMENGINE)
	$(ONLY_HEADLESS_CV2)
	@kept="$(WHEELS)/$$($(WHEEL_KEY))" || exit 1; \
	{ $(INSTALL) --no-deps "$$kept"/*.whl && $(OPS_LOAD); } 2> /dev/null || \
	{ $(INSTALL) --no-deps --only-binary $(MMCV_NAME) --force-reinstall $(MMCV) && \
		$(OPS_LOAD); } 2> /dev/null || { \
		$(CAN_COMPILE) && \
		echo "Compiling the C++ ops of mmcv on $$(nproc) cores: about 17 minutes of CPU time," && \
		echo 'that is 9 to 10 minutes on 2 free cores, once for all environments.' && \
		echo 'pip is silent meanwhile.' && \
		rm -rf $(VENV)/wheel && \
		MMCV_WITH_OPS=1 CFLAGS=-g0 MAX_JOBS=$$(nproc) $(PIP) wheel --quiet --no-deps \
			--constraint $(VENV)/constraints.txt --no-binary $(MMCV_NAME) --no-build-isolation \
			--no-cache-dir --wheel-dir $(VENV)/wheel $(MMCV) && \
		$(INSTALL) --no-deps --force-reinstall $(VENV)/wheel/*.whl && $(OPS_LOAD) && \
		{ { mkdir -p "$$kept" && mv -f $(VENV)/wheel/*.whl "$$kept"; } || \
			echo "The compiled wheel is not kept for other environments."; }; }
	@touch $@

define CAN_COMPILE
{ g++ --version > /dev/null && test -e "$$($(VENV)/bin/python -c \
	'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" || { \
	echo 'To compile the ops of mmcv this machine lacks g++ or the headers of Python (Python.h):'; \
	echo '  apt-get install g++ python3-dev     (then the same make again: it goes on from here)'; \
	exit 1; }; }
endef

# The mm* packages want opencv-python, which needs libGL, and imaug wants the headless one as well,
# which overwrites it. The headless one alone has all that mmdet uses and runs on a bare server.
define ONLY_HEADLESS_CV2
@$(PIP) uninstall --quiet --quiet --yes opencv-python opencv-python-headless
@$(INSTALL) opencv-python-headless
endef

$(PROJECT_STAMP): $(MMCV_STAMP) setup.py
	@echo '[3/3] $(MMDET), ocrnet_mmdet'
	@$(INSTALL) $(MMDET)
	@$(INSTALL) --no-build-isolation --editable '.[imagenet,test,lint]'
	$(ONLY_HEADLESS_CV2)
	@$(VENV)/bin/python tools/check_environment.py
	@touch $@

clean:
	rm -rf build dist *.egg-info .pytest_cache work_dirs/demo data/demo
	find configs demo experiments ocrnet_mmdet tests tools -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-openmmlab
