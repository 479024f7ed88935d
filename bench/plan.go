package bench

import (
	"fmt"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/train"
)

// Plan predicts the memory of what Run would time, without running it. With an engine that plans its memory its own
// figure comes along; e may be nil for an engine that is not at hand, of the given configuration and precision.
func Plan(e *engine.Engine, s Settings, config string, precision engine.Precision) (train.Plan, error) {
	feed, err := s.feed(config, precision)
	if err != nil {
		return train.Plan{}, err
	}
	fused := engine.FusedAttention(config, precision)
	if s.Train {
		return train.PlanStep(e, feed, fused)
	}
	return train.PlanForward(e, feed, fused)
}

// Write compiles what Run would time for an engine that writes programs (engine.OpenWriter).
func Write(e *engine.Engine, s Settings) error {
	feed, err := s.feed(e.String(), e.Precision())
	if err != nil {
		return err
	}
	if s.Train {
		feed.Parallel = true
		return train.WriteStep(e, feed, train.ReleasedOptimizer())
	}
	program, err := feed.Compile(e)
	if err != nil {
		return err
	}
	program.Close()
	return nil
}

// feed is the graph that is timed, on one device.
func (s Settings) feed(config string, precision engine.Precision) (network.Feed, error) {
	if s.Model != "" {
		return network.Feed{}, fmt.Errorf("bench: memory is predicted, and programs are written, for Walrus; --model is %s", s.Model)
	}
	g, err := s.geometry()
	if err != nil {
		return network.Feed{}, err
	}
	feed := network.Feed{Net: s.net(g), Channels: len(fields), Half: !s.Train && precision == engine.BFloat16}
	feed.Net.Operands, feed.Net.Lean = precision.Operands(), precision.Lean(config)
	return feed, nil
}
