# Everything from a fresh clone: `make demo` and `make test` install what is missing, build and run.

GO ?= go

.PHONY: build build-xla build-mpi demo bench test test-long test-emulated test-mpi format vet lint setup fuzz race campaign release generate clean

build: setup
	$(GO) build -o bin/walrus ./cmd/walrus

# XLA runs the network on NVIDIA GPUs; the plugin itself is not part of the build (docs/gpu.md).
build-xla: setup
	$(GO) build -tags xla -o bin/walrus-xla ./cmd/walrus

# Several processes, on one machine or many, under mpirun or srun (docs/cluster.md). MPI_TAGS="mpi xla" has GPUs too.
MPI_TAGS ?= mpi
build-mpi: setup
	@scripts/setup.sh mpi
	$(GO) build -tags "$(MPI_TAGS)" -o bin/walrus-mpi ./cmd/walrus

demo: build
	bin/walrus demo --out walrus-demo

# Meant to take no more than five minutes from empty caches on two cores: `make lint`, which CI runs too, looks closer. Vet is there alone, since it reads
# all dependencies for their facts, a minute of work; the linker leaves out what only debuggers read (-w), a second for each of fifty programs.
# The slowest packages come first, so that no processor waits for them at the end.
test: setup format
	$(GO) test -vet=off -ldflags=-w -timeout 10m ./train ./selftest ./...

# The slow tests: larger runs of the same claims.
test-long: setup
	WALRUS_LONG=1 $(GO) test -timeout 60m ./...

# The kernels of every level on any amd64 machine with AVX2: the instructions that the processor lacks are emulated (cpu/kernel/internal/emulate).
test-emulated: setup
	$(GO) test -vet=off -tags emulate -timeout 30m ./cpu/kernel/...

# Several real processes on this machine: 1 to 4 ranks under mpirun, and where Debian's slurm-wlm and munge are there, under a Slurm of its own.
test-mpi: build-mpi
	$(GO) test -vet=off -tags mpi -c -o bin/ranks.test ./ranks
	@for n in 1 2 4; do mpirun --allow-run-as-root --oversubscribe -n $$n bin/ranks.test -test.run 'TestRealRanks|OfMPI' || exit 1; done
	$(GO) test -vet=off -tags mpi -timeout 20m -run TestMPI ./cmd/walrus

format:
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$unformatted" ] || { echo "gofmt: $$unformatted" >&2; exit 1; }

vet: setup format
	$(GO) vet ./...

lint: vet
	$(GO) tool staticcheck ./...
	$(GO) vet -tags xla ./engine/... ./cmd/walrus
	$(GO) tool staticcheck -tags xla ./engine/...
	$(GO) vet -tags campaign ./scripts/campaign
	$(GO) tool staticcheck -tags campaign ./scripts/campaign
	$(GO) vet -tags emulate ./cpu/kernel/...
	$(GO) tool staticcheck -tags emulate ./cpu/kernel/...
	@! pkg-config --exists mpi-c 2>/dev/null || { $(GO) vet -tags mpi ./ranks ./cmd/walrus && $(GO) tool staticcheck -tags mpi ./ranks; }

setup:
	@scripts/setup.sh

# The suite under the race detector, package by package, since it takes ten times the time and memory. Without checkptr, which comes with
# it: kernels, GoMLX's too, step a pointer past the last element that they read.
race: setup
	@for p in $$($(GO) list ./...); do $(GO) test -race -gcflags=all=-d=checkptr=0 -vet=off -timeout 2h $$p || exit 1; done

# Tries to break the program at scale, for hours (docs/reliability.md); goes on where it stopped.
# CASES mutated inputs of each kind, KILLS interruptions of each command, OPENS rollouts and files in the search for leaks.
CASES ?= 100000
KILLS ?= 200
OPENS ?= 1000
SEED ?= 1
CAMPAIGN ?= .
campaign: setup
	$(GO) test -tags campaign -count=1 -run Locked ./internal/hdf5
	$(GO) test -tags campaign -count=1 -timeout 0 -v -run '$(CAMPAIGN)' ./scripts/campaign -args -cases $(CASES) -kills $(KILLS) -opens $(OPENS) -seed $(SEED) -folder $(CURDIR)/walrus-campaign

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

# Benchmarks beside those of the last tag, by benchstat; the table of this kind of machine is under bench/results (scripts/bench.sh).
bench: setup
	GO=$(GO) scripts/bench.sh

clean:
	rm -rf bin dist walrus-demo walrus-campaign
