package rollout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// ProvenanceFile is the file beside a prediction that says how it came about: what a report needs to find the truth again.
const ProvenanceFile = "rollout.json"

// provenanceFormat names the layout of the file; a change that older programs would misread gets another number.
const provenanceFormat = "walrus rollout 1"

// Provenance says how a prediction came about.
type Provenance struct {
	Format     string                      `json:"format"`
	Weights    string                      `json:"weights"`
	Data       string                      `json:"data"` // absolute, so that it is found from anywhere
	Split      string                      `json:"split,omitempty"`
	Trajectory int                         `json:"trajectory"` // counted from 0 over all files
	Start      int                         `json:"start"`      // first frame of the history
	History    int                         `json:"history"`    // frames
	Stride     int                         `json:"stride"`     // frames of the data between two steps
	Steps      int                         `json:"steps"`      // predicted
	Seed       uint64                      `json:"seed"`
	Members    int                         `json:"members"` // of the ensemble
	Transforms map[string]sample.Transform `json:"transforms,omitempty"`
	Warnings   []physics.Warning           `json:"warnings,omitempty"` // of the watch
	Stopped    string                      `json:"stopped,omitempty"`  // why the rollout ended early
	Command    []string                    `json:"command,omitempty"`  // what was typed
	Program    string                      `json:"program,omitempty"`  // name and version
}

// First is the frame of the data that the first step predicts.
func (r Provenance) First() int { return r.Start + r.History*r.Stride }

// Provenance says how a recorded prediction came about, as far as the case and the data set that it was read from know.
func (c *Case) Provenance(d *well.Dataset, r Record) Provenance {
	p := Provenance{
		Trajectory: c.Window.Spec.Trajectory, Start: c.Window.Spec.Start, History: c.Start.History.Shape[1], Stride: c.Window.Spec.Stride,
		Steps: r.Steps, Members: r.Members, Transforms: c.Setting.Transforms, Warnings: r.Warnings,
	}
	for _, f := range d.Files()[:c.Window.Spec.File] {
		p.Trajectory += f.Trajectories
	}
	return p
}

// Write writes the file.
func (r Provenance) Write(path string) error {
	r.Format = provenanceFormat
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	file, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	defer file.Discard()
	if _, err := file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	return file.Commit()
}

// largestProvenance bounds what is read: a record has a few hundred bytes.
const largestProvenance = 1 << 20

// ReadProvenance reads the file. One of another format, or that is not whole, is an error.
func ReadProvenance(path string) (Provenance, error) {
	var r Provenance
	file, err := os.Open(path)
	if err != nil {
		return r, fmt.Errorf("rollout: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, largestProvenance+1))
	if err != nil {
		return r, fmt.Errorf("rollout: %w", err)
	}
	if len(text) > largestProvenance {
		return r, fmt.Errorf("rollout: %s: more than %d bytes; expected a small file", path, largestProvenance)
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&r); err != nil {
		return r, fmt.Errorf("rollout: %s: not a whole record of a rollout: %w", path, err)
	}
	if r.Format != provenanceFormat {
		return r, fmt.Errorf("rollout: %s: format %q; this program reads %q", path, r.Format, provenanceFormat)
	}
	if r.Trajectory < 0 || r.Start < 0 || r.History < 1 || r.Stride < 1 || r.Steps < 1 {
		return r, fmt.Errorf("rollout: %s: trajectory %d from frame %d, history %d, stride %d, %d steps; expected none to be negative, and at least 1 for the last three",
			path, r.Trajectory, r.Start, r.History, r.Stride, r.Steps)
	}
	return r, nil
}
