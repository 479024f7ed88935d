package train

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// sources are the open data sets of one split, with how each is sampled.
type sources struct {
	datasets []*well.Dataset
	entries  []sample.Entry
	sets     []SetConfig // with the history and batch that each has
}

// openSources opens one split of every data set of a mixture, whose normalization is known. minStride and maxStride bound
// the time stride. What the configuration restricts is the data that is learned from, no other split.
func openSources(c Config, split string, minStride, maxStride int) (*sources, error) {
	s := &sources{}
	for _, set := range c.Data.Sets {
		if err := s.add(c, set, split, minStride, maxStride); err != nil {
			return nil, errors.Join(fmt.Errorf("train: data set %s: %w", set.Path, err), s.Close())
		}
	}
	var all []sample.Fields
	for _, e := range s.entries {
		all = append(all, e.Source.Fields())
	}
	if err := sample.CheckPseudo(c.Data.Pseudo, all); err != nil {
		return nil, errors.Join(fmt.Errorf("train: data.pseudo: %w", err), s.Close())
	}
	return s, nil
}

func (s *sources) add(c Config, set SetConfig, split string, minStride, maxStride int) error {
	d := c.Data
	dataset, err := well.OpenDataset(set.Path, split, well.Options{Include: set.Include, Exclude: set.Exclude})
	if err != nil {
		return err
	}
	s.datasets = append(s.datasets, dataset)
	axes := len(dataset.Axes())
	set.History, set.Batch = set.history(d, axes), set.batch(d, axes, c.Devices)
	minStride, maxStride = or(set.Stride, minStride), or(set.Stride, maxStride)
	windows, err := dataset.Windows(set.History, 1, minStride, maxStride)
	if err != nil {
		return err
	}
	if split == trainSplit {
		// One generator a seed, whatever the place in the mixture: the same data set keeps the same part in another mixture.
		random := sample.Random(c.Seed^restrictStream, 0)
		if err = windows.Restrict(or(set.Trajectories, d.Trajectories), or(set.Samples, d.Samples), random); err != nil {
			return err
		}
	}
	transforms, err := set.ParsedTransforms()
	if err != nil {
		return err
	}
	fields, err := sample.WellFieldsScaled(dataset, d.Normalization, set.Statistics)
	if err != nil {
		return err
	}
	if note := fields.StatisticsNote(minStride, maxStride, transforms); note != "" {
		slog.Warn("train: "+note, "dataset", dataset.Name(), "split", split)
	}
	if absent := sample.WithoutField(fields, transforms); len(absent) > 0 {
		slog.Warn("train: transforms are set for fields that the data set lacks, and passed over", "dataset", dataset.Name(), "fields", absent)
	}
	fields.Pseudo = d.Pseudo
	fields.NetworkPoints, fields.Measurement.Epsilon = set.NetworkPoints, d.NormalizationEpsilon
	grid := dataset.Sizes()
	if len(set.Resample) > 0 {
		fields.Grid, grid = set.Resample, set.Resample
	}
	if fields.Pad, err = frame.ParsePad(set.Pad); err != nil {
		return err
	}
	fields.Tokens = set.Tokens
	if split == trainSplit {
		o := c.frameOf(set)
		o.AxisNames = dataset.Axes()
		noteTokens(dataset.Name(), o, grid)
		g, err := network.GeometryOf(dataset.Name(), set.NetworkPoints, grid, dataset.Files()[0].Boundaries, o)
		if err == nil && g.Continued() != "" { // one that does not fit is an error with its place later
			slog.Info("train: "+g.Continued(), "dataset", dataset.Name())
		}
	}
	s.entries = append(s.entries, sample.Entry{Source: sample.FromWell(dataset, windows, fields), Transforms: transforms,
		Batch: set.Batch, Devices: c.Devices})
	s.sets = append(s.sets, set)
	return nil
}

// trainSplit is the split that is learned from.
const trainSplit = "train"

// restrictStream separates the choice of trajectories and windows that are kept from other draws under one seed.
const restrictStream = 0x7265737472696374

// history is the number of input frames of a data set with so many axes.
func (s SetConfig) history(d DataConfig, axes int) int {
	return or(s.History, scaled(d.History, s.StepFactor, axes))
}

// batch is the number of samples in a batch of a data set with so many axes: what the devices can share, so that it is
// rounded up where the factor makes it less.
func (s SetConfig) batch(d DataConfig, axes, devices int) int {
	each := (scaled(d.Batch, s.BatchFactor, axes) + devices - 1) / devices
	return or(s.Batch, each*devices)
}

// scaled is a number of frames or samples times a data set's factor, rounded down to at least one. The factor that is left
// out is the one that the released model has for every data set: 1 in 2-D, and in 3-D a half, so that the tokens of a step
// are about as many.
func scaled(n int, factor float64, axes int) int {
	if factor == 0 {
		factor = 1
		if axes == 3 {
			factor = 0.5
		}
	}
	return max(1, int(float64(n)*factor))
}

// schedule is the schedule of a configuration, with shorter epochs where nothing is recycled: then an epoch ends when all
// data sets are used up, as in the release. Batches that do not make a whole step are left.
func (s *sources) schedule(c Config) (Schedule, error) {
	schedule := c.Schedule
	if c.Data.Recycle {
		return schedule, nil
	}
	batches := 0
	for _, e := range s.entries {
		batches += int(e.PassBatches())
	}
	steps, wanted := batches/c.Data.Accumulation, c.schedule().EpochSteps
	if steps == 0 {
		return schedule, fmt.Errorf("train: data.recycle=false: the data sets have %d batches together, and a step takes data.accumulation = %d; lower it or data.batch", batches, c.Data.Accumulation)
	}
	if steps < wanted {
		slog.Warn("train: epochs are shorter than the schedule says, since data.recycle=false and all data sets are used up", "steps", steps, "scheduled", wanted)
		schedule.EpochSteps = steps
		schedule.EpochBatches = min(schedule.EpochBatches, batches)
	}
	return schedule, nil
}

// or is the first value unless it is 0.
func or[T comparable](value, otherwise T) T { return cmp.Or(value, otherwise) }

// names lists the flat field names of all data sets, each once.
func (s *sources) names() ([]string, error) {
	seen := sample.NewEmptyVocabulary()
	var all []string
	for _, e := range s.entries {
		names, err := sample.ComponentNames(e.Source.Fields(), e.Transforms)
		if err != nil {
			return nil, fmt.Errorf("train: %s: %w", e.Source.Name(), err)
		}
		all = append(all, seen.Add(names...)...)
	}
	return all, nil
}

// one reads a window of an entry, unrotated.
func one(ctx context.Context, e sample.Entry, layout *sample.Layout, i int, visit func(*sample.Batch) error) error {
	window, err := e.Source.Read(ctx, i, sample.Random(0, 0))
	if err != nil {
		return err
	}
	batch, err := layout.Prepare(window)
	if err != nil {
		return err
	}
	if err = visit(batch); err != nil {
		return fmt.Errorf("%s: %w", window.Origin, err)
	}
	return nil
}

// Close closes the files.
func (s *sources) Close() error {
	var failed error
	for _, d := range s.datasets {
		failed = errors.Join(failed, d.Close())
	}
	return failed
}
