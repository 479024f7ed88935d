package bench

import (
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/train"
)

// Plan predicts the memory of what Run would time, without running it. With an engine that plans its memory its own
// figure comes along; e may be nil for an engine that is not at hand, of the given precision.
func Plan(e *engine.Engine, s Settings, precision engine.Precision, fused bool) (train.Plan, error) {
	g, err := s.geometry()
	if err != nil {
		return train.Plan{}, err
	}
	feed := network.Feed{Net: s.net(g), Channels: len(fields)}
	feed.Net.Operands = precision.Operands()
	if s.Train {
		return train.PlanStep(e, feed, fused)
	}
	return train.PlanForward(e, feed, fused)
}
