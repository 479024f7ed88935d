package bench

import (
	"fmt"

	"github.com/gowalrus/walrus/baseline"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
)

// ofBaseline is the baseline that is timed: of the four fields, its output the change of a frame.
func (s Settings) ofBaseline() (*network.Baseline, baseline.Config, error) {
	kind, err := baseline.ParseKind(s.Model)
	if err != nil {
		return nil, baseline.Config{}, fmt.Errorf("bench: %w", err)
	}
	b := &network.Baseline{Kind: s.Model, History: s.Frames, Variable: fields}
	in, out := b.Channels()
	c := baseline.Benchmark(kind, len(s.Size), in, out)
	if s.Parameters > 0 {
		if c, err = c.Fit(s.Parameters); err != nil {
			return nil, c, fmt.Errorf("bench: %w", err)
		}
	}
	if err := c.Validate(); err != nil {
		return nil, c, fmt.Errorf("bench: %w", err)
	}
	b.Alternative = c
	return b, c, nil
}

// create puts the network that is timed on an engine, and counts its parameters.
func (s Settings) create(e *engine.Engine) (*network.Network, int, error) {
	if s.Model != "" {
		b, c, err := s.ofBaseline()
		if err != nil {
			return nil, 0, err
		}
		n, err := network.NewBaseline(e, b, network.Fresh(0))
		return n, c.Count(), err
	}
	create := network.NewPredictor
	if s.Train {
		create = network.New
	}
	n, err := create(e, s.Config, network.Fresh(0))
	return n, s.Config.Count(), err
}
