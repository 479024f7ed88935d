package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// manifestName is the file that says what the data set's files are, so that a later run can tell its own from others'.
const manifestName = "simulation.json"

// manifest is what must agree for files to be of the same plan. The number of trajectories may grow.
type manifest struct {
	Scenario     string             `json:"scenario"`
	Grid         []int              `json:"grid"`
	Frames       int                `json:"frames"`
	Seed         uint64             `json:"seed"`
	Parameters   map[string]float64 `json:"parameters"` // those that were fixed
	Trajectories map[string]int     `json:"trajectories"`
}

// manifest describes the plan.
func (p Plan) manifest() manifest {
	m := manifest{Scenario: p.Scenario.Name, Grid: p.Grid, Frames: p.Frames, Seed: p.Seed,
		Parameters: map[string]float64{}, Trajectories: map[string]int{}}
	for name, v := range p.Parameters {
		m.Parameters[name] = v
	}
	for i, n := range splitCounts(p.Trajectories, p.Splits) {
		m.Trajectories[splitNames[i]] = n
	}
	return m
}

// reconcile compares the plan with what the folder holds and notes the plan there. An error says that the folder holds
// something else.
func (m manifest) reconcile(folder string) error {
	path := filepath.Join(folder, manifestName)
	old, err := readManifest(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if files, _ := filepath.Glob(filepath.Join(folder, "data", "*", "*.h*5")); len(files) > 0 {
			return fmt.Errorf("sim: %s holds data files (%s) but no %s that says how they were made; choose another output folder", folder, filepath.Base(files[0]), manifestName)
		}
	case err != nil:
		return err
	default:
		if err := m.continues(old); err != nil {
			return fmt.Errorf("sim: %s: %w; choose another output folder or remove this one", path, err)
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("sim: %s: %w", path, err)
	}
	f, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("sim: %w", err)
	}
	defer f.Discard()
	if _, err := f.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("sim: %s: %w", path, err)
	}
	return f.Commit()
}

// readManifest reads the notes of an earlier run.
func readManifest(path string) (manifest, error) {
	var m manifest
	text, err := os.ReadFile(path)
	if err != nil {
		return m, fmt.Errorf("sim: %w", err)
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("sim: %s: %w", path, err)
	}
	return m, nil
}

// continues reports how the old run differs, other than by having fewer trajectories.
func (m manifest) continues(old manifest) error {
	for split, n := range old.Trajectories {
		if n > m.Trajectories[split] {
			return fmt.Errorf("the folder was made for %d trajectories of split %s, the plan has %d", n, split, m.Trajectories[split])
		}
	}
	old.Trajectories = m.Trajectories
	was, err := json.Marshal(old)
	if err != nil {
		return err
	}
	is, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if !bytes.Equal(was, is) {
		return fmt.Errorf("the folder was made by another plan: %s, now %s", was, is)
	}
	return nil
}
