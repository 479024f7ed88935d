package train

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// Loss is what a training minimises: a mean over the normalised increments' errors.
type Loss string

const (
	// AbsoluteLoss is the mean absolute error, the release's (spec 4). It is what an empty Loss means.
	AbsoluteLoss Loss = "mae"
	// SquaredLoss is the mean squared error. Most of a wave is still most of the time, and there the absolute error is content with
	// predicting no change for long; the squared one is not, and VRMSE is made of it.
	SquaredLoss Loss = "mse"
)

// check reports a loss that there is not.
func (l Loss) check() error {
	switch l {
	case "", AbsoluteLoss, SquaredLoss:
		return nil
	}
	return fmt.Errorf("train: loss is %q; expected %s or %s", string(l), AbsoluteLoss, SquaredLoss)
}

// of is the loss of single errors.
func (l Loss) of(errors *Node) *Node {
	if l == SquaredLoss {
		return Square(errors)
	}
	return Abs(errors)
}
