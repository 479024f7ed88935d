package train

import (
	"cmp"
	"fmt"
	"strings"

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

// losses are the classes of the released configuration, without their module.
var losses = map[Loss]string{AbsoluteLoss: "MAE", SquaredLoss: "MSE"}

// parseLoss reads a loss, or its class in a released configuration; empty for the release's.
func parseLoss(name string) (Loss, error) {
	class := name[strings.LastIndex(name, ".")+1:]
	for loss, known := range losses {
		if name == string(loss) || class == known {
			return loss, nil
		}
	}
	if name == "" {
		return AbsoluteLoss, nil
	}
	return "", fmt.Errorf("loss is %q; expected %s or %s", name, AbsoluteLoss, SquaredLoss)
}

// class is the name of a loss in a released configuration.
func (l Loss) class() string { return "the_well.benchmark.metrics." + losses[cmp.Or(l, AbsoluteLoss)] }

// check reports a loss that there is not.
func (l Loss) check() error {
	if _, known := losses[cmp.Or(l, AbsoluteLoss)]; !known {
		return fmt.Errorf("train: loss is %q; expected %s or %s", string(l), AbsoluteLoss, SquaredLoss)
	}
	return nil
}

// of is the loss of single errors.
func (l Loss) of(errors *Node) *Node {
	if l == SquaredLoss {
		return Square(errors)
	}
	return Abs(errors)
}
