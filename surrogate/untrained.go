package surrogate

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/gowalrus/walrus/baseline"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
)

// untrained predicts without weights: persistence, linear.
type untrained struct{ next baseline.Untrained }

// Next is Predictor's.
func (u untrained) Next(_ context.Context, d network.Data, x, constants field.Array, _ frame.Rolls) (field.Array, frame.Scales, error) {
	joined, err := d.Join(x, constants)
	if err != nil {
		return field.Array{}, frame.Scales{}, err
	}
	scales, err := d.Normalisation(joined)
	if err != nil {
		return field.Array{}, scales, err
	}
	next := u.next(x)
	d.Hide(next, constants)
	return next, scales, nil
}

// openUntrained is Open for the name of a prediction that needs no training, unless something of that name is on disk: a model
// for whatever fields the data has, with the history and the strides of the published model.
func openUntrained(path string, o Options) (*Model, bool, error) {
	next, found := baseline.FindUntrained(path)
	if _, err := os.Stat(path); !found || !errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	c, err := checkpoint.ReleasedConfig()
	if err != nil {
		return nil, true, err
	}
	c.Name, c.JitterPatches, c.DataSets = path, false, nil
	c.Training.MinStride, c.Training.MaxStride = 1, 1
	c.Training.Normalization = sample.Samplewise.Class()
	m, err := New(nil, c, o)
	if err != nil {
		return nil, true, err
	}
	m.predictor, m.vocabulary = untrained{next}, nil
	return m, true, nil
}
