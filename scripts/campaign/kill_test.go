//go:build campaign

package campaign

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Kill -9 at random moments: what is on disk is whole, and going on ends in the same bytes as never stopping.
func TestKilledCommandsGoOnAsIfTheyHadNeverStopped(t *testing.T) {
	interruptAll(t, "kills", []syscall.Signal{syscall.SIGKILL})
}

// SIGINT and SIGTERM: the same, and the program ends by itself, soon, and leaves nothing half written.
func TestSignalledCommandsStopAndGoOn(t *testing.T) {
	interruptAll(t, "signals", []syscall.Signal{syscall.SIGINT, syscall.SIGTERM})
}

// soon is how long a command may take to stop when it is asked to.
const soon = 20 * time.Second

func interruptAll(t *testing.T, what string, signals []syscall.Signal) {
	in := newInputs(t)
	for _, c := range commands(in) {
		t.Run(c.name, func(t *testing.T) {
			c.disturb(t, what, func(state *tally, reference map[string]string, took time.Duration) {
				rng := rand.New(rand.NewPCG(*seed+uint64(state.Done), 9))
				c.interruptOnce(t, state, reference, took, rng, signals[state.Done%len(signals)])
			})
		})
	}
}

// interruptOnce interrupts a command until it has been too quick, three times at most, and lets it end.
func (c command) interruptOnce(t *testing.T, state *tally, reference map[string]string, took time.Duration, rng *rand.Rand, signal syscall.Signal) {
	t.Helper()
	folder, err := os.MkdirTemp("", "walrus-campaign-run-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	before := len(state.Findings)
	find := func(format string, args ...any) {
		kept := filepath.Join(*home, "kept", strings.ReplaceAll(t.Name(), "/", "-")+"-"+filepath.Base(folder))
		if len(state.Findings) == before {
			_ = os.CopyFS(kept, os.DirFS(folder)) // what can be kept of it
		}
		state.find(t, "number %d, in %s: "+format, append([]any{state.Done, kept}, args...)...)
	}
	args := c.first
	for range 1 + rng.IntN(3) {
		code, text, ended, late := c.interrupt(t, folder, args, took*6/5, rng, signal)
		if ended && (code == 0 || c.complete(folder, reference)) {
			state.Outcomes["ended before"]++
			break
		}
		state.Outcomes["interrupted"]++
		if ended || crashed(text) {
			find("exit code %d: %s", code, text)
			return
		}
		if late > soon {
			find("it took %v to stop", late)
		}
		if err := c.whole(folder, reference); err != nil {
			find("after the interruption: %v", err)
			return
		}
		if signal != syscall.SIGKILL {
			if litter := unfinishedIn(folder); len(litter) > 0 {
				find("%v left %v", signal, litter)
			}
		}
		args = c.goOn(folder)
	}
	if code, text := run(t, folder, c.env, args); code != 0 && !c.complete(folder, reference) {
		find("going on: exit code %d: %s", code, text)
		return
	}
	got, err := digests(folder)
	if err != nil {
		find("%v", err)
		return
	}
	if different := compare(reference, got); len(different) > 0 {
		find("other bytes than of an uninterrupted run: %v", different)
	}
}

// complete says that all files were there already: some commands refuse to write them again.
func (c command) complete(folder string, reference map[string]string) bool {
	got, err := digests(folder)
	return err == nil && len(compare(reference, got)) == 0
}

// unfinishedIn lists temporary files; a download keeps what it has.
func unfinishedIn(folder string) []string {
	files, err := digests(folder)
	if err != nil {
		return []string{err.Error()}
	}
	var names []string
	for name := range files {
		if unfinished(name) && !strings.Contains(name, ".part") && !strings.HasSuffix(name, ".lock") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
