package baseline

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// net is a baseline while its graph is built.
type net struct {
	Config
	training bool
	drift    *Node
}

// Forward is the network: x is [samples, x, y, z, In], y [samples, x, y, z, Out]. An axis that the data lack has one point. In
// training a batch norm uses the batch's own moments. drift is a number that is always 0 and whose gradient with respect to each
// running average is how far that is from what this batch has: added to a loss it makes the averages follow, where they are
// updated by a share of their gradient. It is nil for a network without running averages, and for one that is not training.
func (c Config) Forward(s *model.Scope, x *Node, training bool) (y, drift *Node) {
	n := &net{Config: c, training: training}
	shape := x.Shape().Dimensions
	inner := append([]int{}, shape[:1+n.Dimensions]...)
	x = Reshape(x, append(inner, shape[len(shape)-1])...) // without the axis of one point
	switch n.Kind {
	case FNO:
		y = n.fno(s, x)
	case UNet:
		y = n.unet(s, x)
	default:
		y = n.cnextUNet(s, x)
	}
	return Reshape(y, append(append([]int{}, shape[:4]...), n.Out)...), n.drift
}

// follow makes a running average drift towards what was observed.
func (n *net) follow(average, observed *Node) {
	distance := MulScalar(ReduceAllSum(Square(Sub(average, StopGradient(observed)))), 0.5)
	distance = Sub(distance, StopGradient(distance))
	if n.drift == nil {
		n.drift = distance
	} else {
		n.drift = Add(n.drift, distance)
	}
}
