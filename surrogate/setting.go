package surrogate

import (
	"fmt"
	"log/slog"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// Setting is a model with what holds for one data set: everything between the files and the network. Model.For makes it.
type Setting struct {
	Predictor  Predictor
	Vocabulary *sample.Vocabulary
	Blocks     int  // of the network, for the token rolls
	Jitter     bool // random patch jitter and token rolls

	Transforms    map[string]sample.Transform // of fields; those of fields that the data lacks are passed over
	Normalization sample.Normalization        // the zero value is samplewise
	Statistics    string                      // path of the statistics that it needs; empty for stats.yaml beside the data
	Epsilon       float64                     // the least that samplewise normalisation divides by; 0 for the released 1e-5

	History, OutputSteps int // frames that the network sees, and frames to predict at once
	MinStride, MaxStride int // frames of the data between two steps
	BatchSize            int

	Grid          []int         // interpolate the data to this grid first; nil for its own
	NetworkPoints map[int]int   // extents that the network computes on another number of points
	Frame         frame.Options // tokens along each axis, padding
}

// warn logs in what the statistics of a data set were made for another use than that of a model that predicts, at its
// smallest stride.
func (s Setting) warn(d *well.Dataset) error {
	fields, err := sample.WellFieldsScaled(d, s.Normalization, s.Statistics)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name(), err)
	}
	if note := fields.StatisticsNote(s.MinStride, s.MinStride, s.Transforms); note != "" {
		slog.Warn(note, "dataset", d.Name())
	}
	return nil
}

// Layout says how the fields of the data become channels. A field that the vocabulary lacks is an error; transforms of
// fields that the data lacks are passed over, since a released configuration has them for every data set of a kind.
func (s Setting) Layout(d *well.Dataset) (*sample.Layout, error) {
	fields, err := sample.WellFieldsScaled(d, s.Normalization, s.Statistics)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	fields.Grid, fields.NetworkPoints, fields.Measurement.Epsilon = s.Grid, s.NetworkPoints, s.Epsilon
	layout, err := sample.NewLayout(fields, s.Transforms, s.Vocabulary)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Name(), err)
	}
	return layout, nil
}

// Geometry is how the network sees a data set with the given boundaries on a grid, that of the setting or the data's own if
// that is nil.
func (s Setting) Geometry(d *well.Dataset, boundaries []field.Sides, grid []int) (*frame.Geometry, error) {
	if grid == nil {
		grid = s.Grid
	}
	if grid == nil {
		grid = d.Sizes()
	}
	o := s.Frame
	o.AxisNames = d.Axes()
	return network.GeometryOf(d.Name(), s.NetworkPoints, grid, boundaries, o)
}

// Data describes a batch of the layout to the network.
func (s Setting) Data(b *sample.Batch) (network.Data, error) { return network.DataOf(b, s.Frame) }
