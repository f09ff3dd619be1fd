# A short front for meson: what is missing is installed (by root) or named, then built in build/.
.PHONY: all run test test-long lint fuzz docs bench install clean
BUILD = build

all: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	tools/deps.sh build
	meson setup $(BUILD)

run: export BUILD := $(BUILD)
run:
	tools/deps.sh build
	$(MAKE) all
	tools/run.sh

test:
	tools/deps.sh build test
	tools/test.sh

test-long:
	tools/deps.sh build test
	WEIR_LONG=1 FUZZ_SECONDS=$${FUZZ_SECONDS:-3600} tools/test.sh

lint: all
	tools/deps.sh lint
	tools/lint.sh

fuzz:
	tools/deps.sh build test
	ONLY=fuzz-build,fuzz tools/test.sh

docs: all
	$(BUILD)/src/cli/weir fields --format markdown > docs/fields.md

bench: all
	tools/deps.sh bench test
	bench/run.py
	bench/collect.py

install: all
	meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-clang build-asan build-fuzz
