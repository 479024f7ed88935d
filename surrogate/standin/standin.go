package standin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/surrogate"
)

// Increment takes the network's place: its normalised output is the same number everywhere, and may depend on how often it was asked.
type Increment struct {
	of    func(call int) float32 // calls counted from 1
	calls atomic.Int64
	order func(call int) int
}

// increments are the predictors of the released numbers.
var increments = map[string]func(call int) float32{
	"persistence":    func(int) float32 { return 0 },
	"unit_increment": func(int) float32 { return 1 },
	"alternating": func(call int) float32 {
		if call%2 == 1 {
			return 1
		}
		return -0.5
	},
}

// New is an increment by its name in the released numbers.
func New(name string) (*Increment, error) {
	of := increments[name]
	if of == nil {
		return nil, fmt.Errorf("standin: predictor %q is not known; expected one of %s", name, strings.Join(slices.Sorted(maps.Keys(increments)), ", "))
	}
	return &Increment{of: of}, nil
}

// Restart has calls counted from 1 again.
func (p *Increment) Restart() { p.calls.Store(0) }

// Renumber has a call counted under another number: the release drew the members of an ensemble one after the other.
func (p *Increment) Renumber(order func(call int) int) { p.order = order }

// Next predicts the frame after a window, as network.Network does.
func (p *Increment) Next(_ context.Context, d network.Data, x, constants field.Array, _ frame.Rolls) (field.Array, frame.Scales, error) {
	call := int(p.calls.Add(1))
	if p.order != nil {
		call = p.order(call)
	}
	joined, err := d.Join(x, constants)
	if err != nil {
		return field.Array{}, frame.Scales{}, err
	}
	scales, err := d.Normalisation(joined)
	if err != nil {
		return field.Array{}, frame.Scales{}, err
	}
	last := field.NewArray(append([]int{x.Shape[0]}, joined.Shape[2:]...)...)
	output := field.NewArray(last.Shape...)
	for b := range x.Shape[0] {
		copy(last.Index(b).Data, joined.Index(b).Index(x.Shape[1]-1).Data)
	}
	value := p.of(call)
	for i := range output.Data {
		output.Data[i] = value
	}
	next := d.CutConstants(scales.Advance(last, output))
	d.Hide(next, constants)
	return next, scales, nil
}

// Setting is a predictor as a model of the released vocabulary that was trained on nothing.
func Setting(p surrogate.Predictor) surrogate.Setting {
	return surrogate.Setting{
		Predictor: p, Vocabulary: sample.ReleasedVocabulary(), MinStride: 1, History: 1, Frame: frame.Options{Tokens: 4}, Jitter: true,
	}
}
