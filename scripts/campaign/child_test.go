//go:build campaign

package campaign

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"errors"
	"github.com/gowalrus/walrus/internal/hdf5"
)

// childVariable makes a process of this test binary a child that reads mutated inputs: "KIND|FOLDER|FIRST|END", seeds
// from FIRST to before END.
const childVariable = "WALRUS_CAMPAIGN_CHILD"

// Outcomes of a case, as the child names them.
const (
	accepted = "accepted"
	refused  = "refused"
	faulted  = "refused after a fault in libhdf5"             // that the program caught
	givenUp  = "refused, and libhdf5 given up"                // since it had spoiled its memory
	panicked = "refused after a panic"                        // that the program caught: a finding
	spoiled  = "whole files refused after a fault in libhdf5" // a finding
)

// addressSpace stops a child that asks for far more memory than the bound; the bound itself is measured.
const addressSpace = 16 << 30

// child reads mutated inputs, one after the other, and says on standard output which one it is at and how it ended:
//
//	case SEED FILE
//	done OUTCOME PEAK_KB
func child(order string) int {
	words := strings.Split(order, "|")
	fail := func(err error) int { fmt.Fprintln(os.Stderr, "campaign:", err); return 1 }
	first, err1 := strconv.ParseUint(words[2], 10, 64)
	end, err2 := strconv.ParseUint(words[3], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return fail(err)
	}
	debug.SetGCPercent(20) // as the program's
	if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: addressSpace, Max: addressSpace}); err != nil {
		return fail(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fail(err)
	}
	i := slices.IndexFunc(kinds(), func(k kind) bool { return k.name == words[0] })
	samples, err := kinds()[i].prepare(words[1])
	if err != nil {
		return fail(err)
	}
	var contents [][]byte
	for _, s := range samples {
		contents = append(contents, s.content)
	}
	out := bufio.NewWriter(os.Stdout)
	for _, s := range samples { // what is refused unchanged tests nothing
		if err := s.readWhole(words[1]); err != nil {
			return fail(fmt.Errorf("%s, unchanged: %w", s.path, err))
		}
	}
	for seed := first; seed < end; seed++ {
		s, content := mutated(samples, contents, seed)
		path := filepath.Join(words[1], s.path)
		if err := replace(path, content); err != nil {
			return fail(err)
		}
		fmt.Fprintln(out, "case", seed, path)
		out.Flush()
		err := s.read(path)
		if errors.Is(err, hdf5.ErrBroken) && !errors.Is(err, hdf5.ErrDamaged) {
			break // it was given up unnoticed on the way to an earlier answer: the next child begins with this case
		}
		outcome := outcomeOf(err)
		if outcome == faulted { // and the next file is read as if nothing had been
			if err := s.readWhole(words[1]); errors.Is(err, hdf5.ErrBroken) {
				outcome = givenUp
			} else if err != nil {
				outcome = spoiled
			}
		}
		fmt.Fprintf(out, "done %s %d\n", strings.ReplaceAll(outcome, " ", "_"), peakMemory())
		if outcome == givenUp {
			break // as the program asks for; the next child goes on
		}
	}
	out.Flush()
	return 0
}

// replace gives a path new content in a new file: a damaged one may still be open, and libhdf5 knows files by their inodes.
func replace(path string, content []byte) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, content, 0o666)
}

// readWhole reads the unchanged file.
func (s sample) readWhole(folder string) error {
	content := s.content
	if s.pack != nil {
		content = s.pack(nil, content)
	}
	path := filepath.Join(folder, s.path)
	if err := replace(path, content); err != nil {
		return err
	}
	return s.read(path)
}

// mutated is the input of a seed.
func mutated(samples []sample, contents [][]byte, seed uint64) (sample, []byte) {
	rng := rand.New(rand.NewPCG(seed, 0x77616c727573))
	s := samples[rng.IntN(len(samples))]
	change := mutate
	if s.text && rng.IntN(8) > 0 {
		change = mutateText
	}
	content := change(rng, s.content, contents)
	if s.pack != nil {
		content = s.pack(rng, content)
	}
	return s, content
}

// outcomeOf names how an input was taken. An error that a panic became reads like one.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return accepted
	case errors.Is(err, hdf5.ErrDamaged):
		return faulted
	}
	for _, sign := range []string{"runtime error", "nil pointer", "goroutine ", "panic"} {
		if strings.Contains(err.Error(), sign) {
			return panicked
		}
	}
	return refused
}

// peakMemory is the largest resident set since the last call, in kilobytes.
func peakMemory() int {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	kb, _ := strconv.Atoi(words[0])
	if kb > 1<<20 { // near the bound: begin anew for the next case
		_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)
		debug.FreeOSMemory()
	}
	return kb
}

// timeLimit is how long one case may take of the processor, and idleLimit by the clock: the machine may have other work.
const (
	timeLimit = 20 * time.Second
	idleLimit = 10 * time.Minute
)
