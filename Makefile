# Everything from a fresh clone: `make demo` and `make test` install what is missing, build and run.

GO ?= go

.PHONY: build build-xla demo test test-long vet lint setup fuzz release generate clean

build: setup
	$(GO) build -o bin/walrus ./cmd/walrus

# XLA runs the network on NVIDIA GPUs; the plugin itself is not part of the build (docs/gpu.md).
build-xla: setup
	$(GO) build -tags xla -o bin/walrus-xla ./cmd/walrus

demo: build
	bin/walrus demo --out walrus-demo

# Meant to take no more than five minutes from empty caches on two cores: `make lint`, which CI runs too, looks closer.
test: vet
	$(GO) test -vet=off -timeout 10m ./...

# The slow tests: larger runs of the same claims.
test-long: setup
	WALRUS_LONG=1 $(GO) test -timeout 60m ./...

vet: setup
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted" >&2; exit 1; }
	$(GO) vet ./...

lint: vet
	$(GO) tool staticcheck ./...
	$(GO) vet -tags xla ./engine/... ./cmd/walrus
	$(GO) tool staticcheck -tags xla ./engine/...

setup:
	@scripts/setup.sh

# Archives for linux on amd64 and arm64 with manual pages, completions and checksums, under dist/.
release: setup
	scripts/release.sh

# Every fuzz target for a while: make fuzz FUZZTIME=10m.
FUZZTIME ?= 30s
fuzz: setup
	@git grep -l '^func Fuzz' -- '*_test.go' | xargs -n1 dirname | sort -u | while read -r dir; do \
		for target in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
			echo "$$dir $$target"; $(GO) test ./$$dir -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) || exit 1; \
		done; \
	done

# Regenerates the assembly of the kernels.
generate:
	$(GO) generate ./...

clean:
	rm -rf bin dist walrus-demo
