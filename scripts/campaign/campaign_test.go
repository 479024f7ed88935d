//go:build campaign

package campaign

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// The size of a campaign; `make campaign` sets them.
var (
	cases = flag.Int("cases", 1000, "mutated inputs of each kind")
	kills = flag.Int("kills", 10, "kills of each command, at random moments")
	opens = flag.Int("opens", 1000, "rollouts and opened files of each kind in the search for leaks")
	seed  = flag.Uint64("seed", 1, "the first seed: case i has seed + i")
	home  = flag.String("folder", "", "folder for progress and kept files, with which a campaign goes on where it stopped (default: one that is removed)")
)

func TestMain(m *testing.M) {
	if order := os.Getenv(childVariable); order != "" {
		os.Exit(child(order))
	}
	flag.Parse()
	remove := func() {}
	if *home == "" {
		temporary, err := os.MkdirTemp("", "walrus-campaign-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		*home, remove = temporary, func() { os.RemoveAll(temporary) }
	}
	absolute, err := filepath.Abs(*home)
	if err == nil {
		*home = absolute
		err = os.MkdirAll(filepath.Join(absolute, "kept"), 0o777)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if code == 0 {
		remove()
	}
	os.Exit(code)
}

// tally is how far a part of the campaign has come, and what it has seen: a file of the campaign's folder.
type tally struct {
	Done     int            `json:"done"`     // cases
	Outcomes map[string]int `json:"outcomes"` // how many ended how
	Findings []string       `json:"findings,omitempty"`
	PeakMB   int            `json:"peak_mb,omitempty"` // of a child's memory
	Slowest  float64        `json:"slowest_seconds,omitempty"`
	Seconds  float64        `json:"seconds"`
}

// readTally takes up what an earlier campaign with the same seed has done.
func readTally(t *testing.T, name string) *tally {
	t.Helper()
	state := &tally{Outcomes: map[string]int{}}
	text, err := os.ReadFile(tallyPath(name))
	if os.IsNotExist(err) {
		return state
	}
	if err == nil {
		err = json.Unmarshal(text, state)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func tallyPath(name string) string {
	return filepath.Join(*home, fmt.Sprintf("%s-seed-%d.json", strings.ReplaceAll(name, " ", "-"), *seed))
}

func (s *tally) write(t *testing.T, name string) {
	t.Helper()
	text, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = atomicfile.Write(tallyPath(name), func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// find notes a fault of the program.
func (s *tally) find(t *testing.T, format string, args ...any) {
	t.Helper()
	finding := fmt.Sprintf(format, args...)
	s.Findings = append(s.Findings, finding)
	t.Error(finding)
}

// proceed brings a part of the campaign to so many cases, or to mostFaults findings. once makes the next case or several, and counts them.
func proceed(t *testing.T, name string, total int, once func(*tally)) *tally {
	t.Helper()
	state := readTally(t, name)
	progress := pace{name: name}
	for state.Done < total && len(state.Findings) < mostFaults {
		began := time.Now()
		once(state)
		state.Seconds += time.Since(began).Seconds()
		state.write(t, name)
		progress.show(state.Done, total, state)
	}
	return state
}

// disturb makes all cases of what is done to a command, each beside what the command gives undisturbed.
func (c command) disturb(t *testing.T, what string, once func(state *tally, reference map[string]string, took time.Duration)) {
	t.Helper()
	name := what + " of " + c.name
	var reference map[string]string
	var took time.Duration
	state := proceed(t, name, *kills, func(state *tally) {
		if reference == nil {
			reference, took = c.reference(t)
		}
		once(state, reference, took)
		state.Done++
	})
	t.Logf("%s: %d, %v, %d findings, %.0f s", name, state.Done, state.Outcomes, len(state.Findings), state.Seconds)
}

// pace prints where a part of the campaign stands, now and then.
type pace struct {
	name string
	last time.Time
}

func (p *pace) show(done, total int, s *tally) {
	if done < total && time.Since(p.last) < 10*time.Second {
		return
	}
	p.last = time.Now()
	fmt.Fprintf(os.Stderr, "%s: %d of %d, %v, %d findings\n", p.name, done, total, s.Outcomes, len(s.Findings))
}
