package train

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// sources are the open data sets of one split, with how each is sampled.
type sources struct {
	datasets []*well.Dataset
	entries  []sample.Entry
}

// openSources opens one split of every data set of a mixture, whose normalization is known. minStride and maxStride bound the time stride.
func openSources(d DataConfig, split string, minStride, maxStride int) (*sources, error) {
	s := &sources{}
	for _, set := range d.Sets {
		if err := s.add(d, set, split, minStride, maxStride); err != nil {
			return nil, errors.Join(fmt.Errorf("train: data set %s: %w", set.Path, err), s.Close())
		}
	}
	return s, nil
}

func (s *sources) add(d DataConfig, set SetConfig, split string, minStride, maxStride int) error {
	dataset, err := well.OpenDataset(set.Path, split, well.Options{Include: set.Include, Exclude: set.Exclude})
	if err != nil {
		return err
	}
	s.datasets = append(s.datasets, dataset)
	minStride, maxStride = or(set.Stride, minStride), or(set.Stride, maxStride)
	windows, err := dataset.Windows(or(set.History, d.History), 1, minStride, maxStride)
	if err != nil {
		return err
	}
	transforms, err := set.ParsedTransforms()
	if err != nil {
		return err
	}
	fields, err := sample.WellFieldsScaled(dataset, d.Normalization, "")
	if err != nil {
		return err
	}
	if note := fields.StatisticsNote(minStride, maxStride, transforms); note != "" {
		slog.Warn("train: "+note, "dataset", dataset.Name(), "split", split)
	}
	if absent := sample.WithoutField(fields, transforms); len(absent) > 0 {
		slog.Warn("train: transforms are set for fields that the data set lacks, and passed over", "dataset", dataset.Name(), "fields", absent)
	}
	fields.Grid = set.Resample
	s.entries = append(s.entries, sample.Entry{Source: sample.FromWell(dataset, windows, fields), Transforms: transforms, Batch: or(set.Batch, d.Batch)})
	return nil
}

// or is the first value unless it is 0.
func or(value, otherwise int) int {
	if value != 0 {
		return value
	}
	return otherwise
}

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

// fixed reads count windows of an entry, evenly spread over its trajectories, unrotated and with the lowest stride: the
// same at every call.
func fixed(ctx context.Context, e sample.Entry, layout *sample.Layout, count int, visit func(*sample.Batch) error) error {
	total := e.Source.Windows()
	count = min(count, total)
	for i := range count {
		// The middle of part i of the windows; the lowest stride, since the source is opened with no other.
		window, err := e.Source.Read(ctx, (2*i+1)*total/(2*count), sample.Random(0, 0))
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
