package train

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/resident"
)

// MetricsFile is the file in a run's folder that says how several processes spent their time: one JSON object a line, for every row of
// the log.
const MetricsFile = "metrics.jsonl"

// Metrics are times of the steps since the last line, in seconds: means over the ranks, and of the rank that waited longest.
type Metrics struct {
	Step      int     `json:"step"`  // the last of the steps
	Steps     int     `json:"steps"` // that the times are of
	Ranks     int     `json:"ranks"`
	Groups    int     `json:"groups"` // that have batches of their own
	Shard     int     `json:"shard"`
	Samples   int     `json:"samples"`
	Loss      float64 `json:"loss"`         // mean over the steps
	Computed  float64 `json:"compute_s"`    // gradients
	Waited    float64 `json:"wait_s"`       // for the slowest rank
	Longest   float64 `json:"wait_max_s"`   // of the rank that waited longest
	Exchanged float64 `json:"exchange_s"`   // sums of gradients, updates, new weights
	Total     float64 `json:"seconds"`      // of the steps
	Share     float64 `json:"wait_share"`   // of the time of the ranks
	Moments   int64   `json:"moment_bytes"` // of the optimizer on a device of rank 0
	Resident  int64   `json:"peak_bytes"`   // the most that a rank has had in memory
}

// meter measures the steps of a team.
type meter struct {
	run  *Run
	file *os.File // of the rank that writes; else nil
	sums Metrics
}

// openMeter takes up the metrics of a run that stands at a step.
func (r *Run) openMeter() error {
	if r.team == nil {
		return nil
	}
	m := &meter{run: r}
	if r.ranks.First() {
		var err error
		if m.file, err = openMetrics(filepath.Join(r.config.Out, MetricsFile), r.state.Step); err != nil {
			return err
		}
		r.logs = append(r.logs, m.file)
	}
	r.loop.Made = m.made
	return nil
}

// openMetrics opens the file to go on after a step. A last line that a crash cut short goes.
func openMetrics(path string, step int) (*os.File, error) {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("train: %w", err)
	}
	var kept bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(old))
	for lines.Scan() {
		var m Metrics
		if json.Unmarshal(lines.Bytes(), &m) == nil && m.Step <= step {
			kept.Write(append(lines.Bytes(), '\n'))
		}
	}
	temporary := path + ".new"
	file, err := os.Create(temporary)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	if _, err = file.Write(kept.Bytes()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return nil, fmt.Errorf("train: %s: %w", path, errors.Join(err, file.Close()))
	}
	return file, nil
}

// made adds up a step, and writes a line when the log has a row. What can not be written is left out: the next step tells of a rank
// that is lost, and the log of a full disk.
func (m *meter) made(step int, o Outcome) {
	m.sums.Steps++
	m.sums.Samples += o.Samples
	m.sums.Loss += o.Loss
	m.sums.Computed += o.Times.Computed.Seconds()
	m.sums.Waited += o.Times.Waited.Seconds()
	m.sums.Exchanged += o.Times.Exchanged.Seconds()
	if step%max(1, m.run.loop.LogEvery) != 0 && step != m.run.loop.Schedule.Steps() {
		return
	}
	line := m.sums
	line.Resident = resident.Peak()
	m.sums = Metrics{}
	text, err := json.Marshal(line)
	if err != nil {
		return
	}
	all, err := m.run.ranks.Gather(text, 0)
	if err != nil || m.file == nil {
		return
	}
	line.Step, line.Ranks, line.Groups, line.Shard = step, len(all), m.run.layout.groups(), m.run.layout.shard
	line.Loss /= float64(line.Steps)
	line.Computed, line.Waited, line.Exchanged = 0, 0, 0
	for _, text := range all {
		var r Metrics
		if json.Unmarshal(text, &r) != nil {
			return
		}
		n := float64(len(all))
		line.Computed += r.Computed / n
		line.Waited += r.Waited / n
		line.Exchanged += r.Exchanged / n
		line.Longest, line.Resident = max(line.Longest, r.Waited), max(line.Resident, r.Resident)
	}
	line.Total = line.Computed + line.Waited + line.Exchanged
	line.Share = line.Waited / max(line.Total, time.Nanosecond.Seconds())
	line.Moments = m.run.stepper.momentBytes()
	if text, err = json.Marshal(line); err == nil {
		_, _ = m.file.Write(append(text, '\n'))
	}
}

// momentBytes is the memory of the optimizer's moments on a device of this process: that of the arrays there are.
func (s *Stepper) momentBytes() (sum int64) {
	for _, m := range s.moments {
		for _, v := range []*engine.Value{m.First, m.Second} {
			if v != nil { // of a weight that this rank has no part of
				sum += 4 * int64(field.Volume(v.Shape()))
			}
		}
	}
	return sum
}
