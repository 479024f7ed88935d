package train

import (
	"context"
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
)

// validator scores a network on fixed windows without any random draw.
type validator struct {
	network *network.Network
	frame   frame.Options
	windows int // of each data set
	entries []sample.Entry
	layouts []*sample.Layout
}

func newValidator(s *sources, n *network.Network, vocabulary *sample.Vocabulary, c Config) (*validator, error) {
	v := &validator{network: n, frame: c.Model.Frame(), windows: c.Validation.Windows, entries: s.entries}
	for _, e := range s.entries {
		layout, err := sample.NewLayout(e.Source.Fields(), e.Transforms, vocabulary)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Source.Name(), err)
		}
		v.layouts = append(v.layouts, layout)
	}
	return v, nil
}

// scores predicts one frame after each window, for every data set.
func (v *validator) scores(ctx context.Context) ([]Score, error) {
	list := make([]Score, len(v.entries))
	for i, e := range v.entries {
		var ours, still []float64
		err := fixed(ctx, e, v.layouts[i], v.windows, func(b *sample.Batch) error {
			error, persistence, err := v.one(ctx, b)
			ours, still = append(ours, error), append(still, persistence)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Source.Name(), err)
		}
		list[i] = Score{DataSet: e.Source.Name(), VRMSE: metric.Median(ours), Persistence: metric.Median(still), Windows: len(ours)}
	}
	return list, nil
}

// one returns the VRMSE of one window, mean over its fields, of the network and of persistence.
func (v *validator) one(ctx context.Context, b *sample.Batch) (ours, persistence float64, err error) {
	data, err := network.DataOf(b, v.frame)
	if err != nil {
		return 0, 0, err
	}
	next, _, err := v.network.Next(ctx, data, b.Input, b.Constant, frame.Rolls{})
	if err != nil {
		return 0, 0, err
	}
	// The truth and persistence are 0 where predictions are: under a mask (spec 4).
	data.Hide(b.Input, b.Constant)
	data.Hide(b.Output, b.Constant)
	last, truth := b.Input.Index(0).Index(b.Input.Shape[1]-1), b.Output.Index(0).Index(0)
	if ours, err = meanError(next.Index(0), truth, b.Padding); err != nil {
		return 0, 0, err
	}
	persistence, err = meanError(last, truth, b.Padding)
	return ours, persistence, err
}

// meanError is the VRMSE of one frame (*grid, channels), mean over the channels that are not padding.
func meanError(prediction, truth field.Array, padding []bool) (float64, error) {
	errors, err := metric.VRMSE(prediction, truth)
	if err != nil {
		return 0, err
	}
	var sum float64
	n := 0
	for c, e := range errors {
		if !padding[c] {
			sum += e
			n++
		}
	}
	return sum / float64(n), nil
}
