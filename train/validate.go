package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
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
	v := &validator{network: n, frame: frame.Options{Tokens: c.Model.Tokens}, windows: c.Validation.Windows, entries: s.entries}
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
		list[i] = Score{DataSet: e.Source.Name(), VRMSE: median(ours), Persistence: median(still), Windows: len(ours)}
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
	last, truth := b.Input.Index(0).Index(b.Input.Shape[1]-1), b.Output.Index(0).Index(0)
	return meanError(next.Index(0), truth, b.Padding), meanError(last, truth, b.Padding), nil
}

// meanError is the VRMSE of one frame (*grid, channels), mean over the channels that are not padding.
func meanError(prediction, truth field.Array, padding []bool) float64 {
	var sum float64
	n := 0
	for c, e := range vrmse(prediction, truth) {
		if !padding[c] {
			sum += e
			n++
		}
	}
	return sum / float64(n)
}

// vrmse is the root of the mean squared error over the variance of the truth, one number a channel
// (spec/well-format.md, section 5).
func vrmse(prediction, truth field.Array) []float64 {
	const epsilon = 1e-7
	channels := truth.Axis(-1)
	squares, sums, errors := make([]float64, channels), make([]float64, channels), make([]float64, channels)
	for i, v := range truth.Data {
		c, t, d := i%channels, float64(v), float64(prediction.Data[i])-float64(v)
		sums[c] += t
		squares[c] += t * t
		errors[c] += d * d
	}
	n := float64(len(truth.Data) / channels)
	for c := range errors {
		variance := max(0, squares[c]-sums[c]*sums[c]/n) / (n - 1)
		errors[c] = math.Sqrt(errors[c] / n / (variance + epsilon))
	}
	return errors
}

// median is the middle of a list, the mean of the two middle ones for an even count.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
}
