package train

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// Forecast is what a run will be, known before its first step. What needs data is there for the data sets that are found.
type Forecast struct {
	Out         string         `json:"out"`
	Exists      bool           `json:"exists"` // the folder holds a run already, so that a new one would be refused
	Network     NetworkSize    `json:"network"`
	Data        []SetForecast  `json:"data"`
	Steps       int            `json:"steps"`        // optimizer steps
	Epochs      int            `json:"epochs"`       // of the schedule
	Batches     int            `json:"batches"`      // a step
	Samples     int            `json:"samples"`      // of the whole run, on average; 0 without data
	Memory      Plan           `json:"memory"`       // the largest of all shapes, on one device
	MemoryTotal int64          `json:"memory_total"` // Plan.Total; without data less the inputs and intermediate values
	Checkpoint  CheckpointSize `json:"checkpoint"`
	Time        *TimeForecast  `json:"time,omitempty"` // nil where no step was timed
	Untimed     string         `json:"untimed,omitempty"`
}

// NetworkSize is the architecture that is trained.
type NetworkSize struct {
	From       string `json:"from,omitempty"` // finetune.from; empty for random weights
	Hidden     int    `json:"hidden"`
	Heads      int    `json:"heads"`
	Blocks     int    `json:"blocks"`
	Columns    int    `json:"columns"` // of fields, the three flags included
	Parameters int    `json:"parameters"`
	Trained    int    `json:"trained"` // those that the optimizer changes
	// EndsRate is what encoder and decoder learn with, in learning rates of the rest; 0 where it is the same.
	EndsRate float64 `json:"ends_rate,omitempty"`
	// Uncounted says why columns and parameters are fewer than the run's: with model.vocabulary data each field of an absent data set has columns of its own.
	Uncounted string `json:"uncounted,omitempty"`
}

// SetForecast is one data set of the mixture.
type SetForecast struct {
	Path         string         `json:"path"`
	Absent       string         `json:"absent,omitempty"` // why its training split can not be read; the rest is empty then
	Trajectories int            `json:"trajectories"`
	Windows      int            `json:"windows"` // that are drawn from
	Points       []int          `json:"points"`  // of the grid that the network sees, without appended axes
	History      int            `json:"history"`
	Batch        int            `json:"batch"`
	Passes       float64        `json:"passes"` // through its windows in the whole run, on average
	Shapes       []ShapeOfBatch `json:"shapes"` // of its batches, turned or not
}

// ShapeOfBatch is what a program is compiled for.
type ShapeOfBatch struct {
	Tokens  []int   `json:"tokens"`            // along each axis
	Frames  int     `json:"frames"`            // of all samples on one device
	Memory  int64   `json:"memory"`            // bytes on one device
	Seconds float64 `json:"seconds,omitempty"` // of a step of batches of this shape; 0 where none was timed

	key  string
	plan Plan
}

// CheckpointSize is what a run leaves on disk.
type CheckpointSize struct {
	Weights int64 `json:"weights"` // bytes of one checkpoint: of a run that trains a part, of that
	Moments int64 `json:"moments"`
	Kept    int   `json:"kept"` // at the end, at most; 0 for all that were written
}

// Bytes is the size of one checkpoint.
func (c CheckpointSize) Bytes() int64 { return c.Weights + c.Moments }

// NewForecast predicts a run that begins. It reads data and weights, times a few steps of each shape on weights in memory, and
// writes nothing. A data set that is not there is named in the forecast, and an error is only what would stop the run with all
// data in place.
func NewForecast(ctx context.Context, c Config, o Observer) (Forecast, error) {
	f := Forecast{Out: c.Out}
	if err := c.Check(); err != nil {
		return f, err
	}
	c.Schedule = c.schedule()
	c, err := c.inherit()
	if err != nil {
		return f, err
	}
	if c.Model.IsBaseline() {
		return f, fmt.Errorf("train: model.kind is %s; --dry-run foresees Walrus only", c.Model.Kind)
	}
	_, err = checkpoint.FindConfig(c.Out)
	f.Exists = err == nil
	mixture := c.Data.Sets
	c.Data.Sets = nil
	for _, set := range mixture {
		s := SetForecast{Path: set.Path}
		if _, err := well.FindFiles(set.Path, trainSplit, well.Options{Include: set.Include, Exclude: set.Exclude}); err != nil {
			s.Absent = err.Error()
		} else {
			c.Data.Sets = append(c.Data.Sets, set)
		}
		f.Data = append(f.Data, s)
	}
	r := &Run{config: c, observer: o, ranks: ranks.Alone(), layout: layout{ranks: 1, batches: c.Data.Accumulation}}
	err = f.survey(ctx, r, len(mixture))
	return f, errors.Join(err, r.Close())
}

// survey opens the data that is there and fills the forecast in; all is the number of data sets of the mixture.
func (f *Forecast) survey(ctx context.Context, r *Run, all int) (err error) {
	if r.data, err = openSources(r.config, trainSplit, r.config.Data.MinStride, r.config.Data.MaxStride); err != nil {
		return err
	}
	if len(r.data.sets) == all { // without recycling the length of an epoch is that of the data
		if r.config.Schedule, err = r.data.schedule(r.config); err != nil {
			return err
		}
	}
	r.config.Data.Sets = r.data.sets
	c := r.config
	f.Epochs, f.Steps, f.Batches = c.Schedule.Epochs, c.Schedule.Steps(), c.Data.Accumulation
	names, err := r.data.names()
	if err != nil {
		return err
	}
	if uncounted := c.uncounted(all); uncounted != "" && len(c.Data.Sets) == 0 {
		return fmt.Errorf("train: %s (%s): how large the network is can not be foreseen; put a data set in place, or set model.vocabulary to %s", uncounted, f.Data[0].Absent, releasedVocabulary)
	}
	position, err := positionGrid(ctx, r.data, names, c)
	if err != nil {
		return err
	}
	config, saved, err := c.describeNetwork(names, position)
	if err != nil {
		return err
	}
	if err = c.Finetune.checkNames(config); err != nil {
		return err
	}
	f.Network = NetworkSize{From: c.Finetune.From, Hidden: config.Hidden, Heads: config.Heads, Blocks: config.Blocks, Columns: config.States,
		Parameters: config.Count(), Trained: config.CountTrained(), EndsRate: c.Finetune.ownEndsRate(), Uncounted: c.uncounted(all)}
	f.Checkpoint = checkpointSize(config, c)
	f.Memory = stepPlan(config)
	if err = f.plan(ctx, r, config, saved, all); err != nil {
		return err
	}
	return f.measure(ctx, r, names, position)
}

// uncounted says which fields have no columns yet although the run would give them some; all is the number of data sets of the mixture.
func (c Config) uncounted(all int) string {
	absent := all - len(c.Data.Sets)
	if absent == 0 || c.Finetune.From != "" || c.Model.Vocabulary != dataVocabulary {
		return ""
	}
	return fmt.Sprintf("model.vocabulary is %s, and the fields of the %d absent of %d data sets are not known", dataVocabulary, absent, all)
}

// describeNetwork is the architecture that the run would make, without weights in memory.
func (c Config) describeNetwork(names []string, position [3]int) (model.Config, checkpoint.Config, error) {
	if c.Finetune.From == "" {
		return c.fresh(names)
	}
	config, saved, err := network.Describe(c.Finetune.From, c.loading(names, position))
	if err != nil {
		return config, saved, fmt.Errorf("train: finetune.from: %w", err)
	}
	return config, saved, nil
}

// checkpointSize counts what is saved, and how often what is saved stays.
func checkpointSize(m model.Config, c Config) CheckpointSize {
	var size CheckpointSize
	for _, w := range m.Weights() {
		if len(m.Frozen) == 0 || w.Trained() {
			size.Weights += bytesOf(w)
		}
		if w.Trained() {
			size.Moments += 2 * bytesOf(w)
		}
	}
	if c.Checkpoint.Keep == 0 {
		return size
	}
	size.Kept = c.Checkpoint.Keep + 1 // the last epoch's
	if c.Checkpoint.Best && c.Validation.Every > 0 {
		size.Kept++
	}
	if every := c.Checkpoint.Every; every > 0 {
		size.Kept += (c.Schedule.Epochs - 1) / every
	}
	return size
}

// stepPlan is the memory of a step that does not depend on data.
func stepPlan(m model.Config) Plan {
	p := Plan{What: "train_step"}
	for _, w := range m.Weights() {
		p.Weights += bytesOf(w)
		if w.Trained() {
			p.Gradients += bytesOf(w)
			p.Moments += 2 * bytesOf(w)
		}
	}
	return p
}

// plan describes the data that is there: what each set gives, and the memory of its shapes.
func (f *Forecast) plan(ctx context.Context, r *Run, config model.Config, saved checkpoint.Config, all int) error {
	c := r.config
	vocabulary, err := sample.NewVocabulary(saved.Fields)
	if err != nil {
		return err
	}
	precision, err := engine.ParsePrecision(c.Precision)
	if err != nil {
		return err
	}
	feedOf := func(d network.Data, samples, frames int, keep bool) (network.Feed, error) {
		feed := network.FeedFor(model.Net{Config: config, Samples: samples / c.Devices, Frames: frames, Recompute: c.Model.Recompute,
			Operands: precision.Operands(), Lean: precision.Lean(c.Engine)}, d)
		feed.Keep, feed.Parallel = keep, true
		return feed, nil
	}
	found := 0
	for i := range f.Data {
		s := &f.Data[i]
		if s.Absent != "" {
			continue
		}
		entry, dataset, set := r.data.entries[found], r.data.datasets[found], r.data.sets[found]
		found++
		feeds, err := mixtureFeeds(ctx, &sources{entries: []sample.Entry{entry}}, vocabulary, c, feedOf)
		if err != nil {
			return err
		}
		s.Trajectories, s.Windows, s.History, s.Batch = dataset.Trajectories(), entry.Source.Windows(), set.History, set.Batch
		s.Passes = float64(f.Steps*f.Batches) / float64(all) / float64(entry.PassBatches())
		f.Samples += int(float64(f.Steps*f.Batches) / float64(all) * float64(set.Batch))
		for _, feed := range feeds {
			p, err := PlanStep(nil, feed, engine.FusedAttention(c.Engine, precision))
			if err != nil {
				return err
			}
			size, tokens := feed.Net.Geometry.Size(), feed.Net.Geometry.Tokens()
			given := feed.Net.Geometry.Given
			if s.Points == nil {
				s.Points = slices.Clone(size[:given])
			}
			s.Shapes = append(s.Shapes, ShapeOfBatch{Tokens: slices.Clone(tokens[:given]), Frames: feed.Net.Samples * feed.Net.Frames, Memory: p.Total(), key: feed.Key(), plan: p})
		}
	}
	if found < all {
		f.Samples = 0
	}
	f.largest()
	return nil
}

// largest takes over the memory of the largest shape.
func (f *Forecast) largest() {
	for _, s := range f.Data {
		for _, shape := range s.Shapes {
			if shape.plan.Total() > f.Memory.Total() {
				f.Memory = shape.plan
			}
		}
	}
	f.MemoryTotal = f.Memory.Total()
}
