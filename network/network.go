package network

import (
	"fmt"
	"sync"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
)

// Network is a configuration with its weights on an engine. It is safe for concurrent use as long as no one replaces
// weights.
type Network struct {
	Config model.Config
	// Baseline is the network where it is another one than Walrus; Config says nothing then.
	Baseline *Baseline
	Engine   *engine.Engine

	weights map[string]*engine.Value
	half    bool // dense weights are bfloat16

	mu       sync.Mutex
	programs map[string]*engine.Program // forward programs by shape
}

// Source gives the values of one weight: it fills to, which has the weight's size, in row-major order.
type Source func(w model.Weight, to []float32) error

// Fresh is the source of a freshly initialised model.
func Fresh(seed uint64) Source {
	return func(w model.Weight, to []float32) error {
		w.Initialise(to, seed)
		return nil
	}
}

// New puts the weights of a configuration on an engine, one at a time: never more than one is in memory twice.
func New(e *engine.Engine, config model.Config, source Source) (*Network, error) {
	return newNetwork(e, config, source, false)
}

// NewPredictor is New for a network that is never trained: on an engine with bf16 products its dense weights are stored in
// bfloat16, which they would be rounded to in every product anyway, in half the memory.
func NewPredictor(e *engine.Engine, config model.Config, source Source) (*Network, error) {
	return newNetwork(e, config, source, e.Precision() == engine.BFloat16)
}

func newNetwork(e *engine.Engine, config model.Config, source Source, half bool) (*Network, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	n := &Network{Config: config, Engine: e, half: half, weights: map[string]*engine.Value{}, programs: map[string]*engine.Program{}}
	return n, n.fill(source)
}

// fill puts all weights on the engine.
func (n *Network) fill(source Source) error {
	for _, w := range n.Weights() {
		fill := n.Engine.Fill
		if n.half && w.Dense() {
			fill = n.Engine.FillHalf
		}
		v, err := fill(w.Shape, func(to []float32) error { return source(w, to) })
		if err != nil {
			return fmt.Errorf("network: %s: %w", w.Name, err)
		}
		n.weights[w.Name] = v
	}
	return nil
}

// Weights lists every tensor of the network.
func (n *Network) Weights() []model.Weight {
	if n.Baseline != nil {
		return n.Baseline.Weights()
	}
	return n.Config.Weights()
}

// Weight returns the value of a weight; nil if the configuration has none of that name.
func (n *Network) Weight(name string) *engine.Value { return n.weights[name] }

// SetWeight replaces a weight, whose old value the caller has used up. It must have the old one's shape.
func (n *Network) SetWeight(name string, v *engine.Value) { n.weights[name] = v }

// Host copies a weight to the host.
func (n *Network) Host(name string) (field.Array, error) {
	v := n.weights[name]
	if v == nil {
		return field.Array{}, fmt.Errorf("network: no weight %s", name)
	}
	return v.Array()
}

// program returns the compiled program of a key, compiling it at the first call.
func (n *Network) program(key string, compile func() (*engine.Program, error)) (*engine.Program, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.programs[key]; p != nil {
		return p, nil
	}
	p, err := compile()
	if err != nil {
		return nil, err
	}
	n.programs[key] = p
	return p, nil
}

// PeakBytes is the most memory that a compiled forward program takes beside its inputs; 0 if the engine can not tell.
func (n *Network) PeakBytes() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	var peak int64
	for _, p := range n.programs {
		peak = max(peak, p.PeakBytes())
	}
	return peak
}

// Close frees the weights and programs, not the engine.
func (n *Network) Close() {
	for _, p := range n.programs {
		p.Close()
	}
	for _, v := range n.weights {
		v.Free()
	}
	n.programs, n.weights = nil, nil
}
