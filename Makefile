# The front door.  CMakeLists.txt knows how things are built, scripts/ and tests/ what is done with them.

PREFIX ?= /usr/local

.PHONY: all demo lab test lint format bench fuzz prove soak coverage mutants install clean help

all:
	@scripts/deps --check build
	@scripts/build release

demo:
	@scripts/deps build demo || { scripts/rooted --check >/dev/null; exit 1; }
	@scripts/build release
	@build/lastack demo --out build

lab:
	@scripts/deps --check build
	@scripts/build release
	@build/lastack lab book build/lab

test:
	@scripts/deps build test || { scripts/rooted --check >/dev/null; exit 1; }
	@scripts/test

lint:
	@scripts/deps build lint
	@tests/lint/run

format:
	@scripts/deps lint
	@scripts/sources '*.c' '*.h' | xargs clang-format -i --style=file

bench:
	@scripts/deps build bench
	@scripts/build release all bench
	@scripts/bench

fuzz:
	@scripts/deps build fuzz
	@scripts/fuzz $(T)

prove:
	@scripts/deps prove
	@scripts/prove

soak: all
	@scripts/soak

coverage:
	@scripts/deps coverage
	@scripts/coverage

mutants:
	@scripts/deps build test
	@scripts/mutants

install: all
	@cmake --install build --prefix "$(PREFIX)"
	@DESTDIR="$(DESTDIR)" scripts/loader "$(PREFIX)"

clean:
	rm -rf build

help:
	@echo "make            build/lastack, build/liblastack.a, build/liblastack.so"
	@echo "make demo       watch it: a web server and a client beside the kernel, and a close explained"
	@echo "make lab        every experiment with its pictures as one page: build/lab/index.html"
	@echo "make test       every test: gcc as shipped, clang with ASan and UBSan, live ones beside the kernel"
	@echo "make lint       the laws of the code, its layers, its format, and static analysis"
	@echo "make format     bring the sources into .clang-format's shape"
	@echo "make bench      measure it"
	@echo "make fuzz       any input at every parser, table, the sockets and the whole stack; make fuzz T=600 for longer"
	@echo "make prove      every way in which a model connection can open and close, with TIME-WAIT and without"
	@echo "make soak       random worlds, each from a seed, until one fails or Ctrl-C"
	@echo "make coverage   which lines and branches of core/tcp the tests take"
	@echo "make mutants    break the core on purpose, and see which tests notice"
	@echo "make install    into PREFIX ($(PREFIX)), below DESTDIR if set"
	@echo "make clean      remove build/"
	@echo
	@echo "demo, test, lint and bench install the Debian packages they need when run as root, and"
	@echo "otherwise say what to install.  JOBS=N limits the build, as in: make test JOBS=1"
