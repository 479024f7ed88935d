package baseline

import (
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/model"
)

// batchEpsilon is added to variances before the root (PyTorch's default).
const batchEpsilon = 1e-5

// batchNorm brings every channel to mean 0 and variance 1 over the points of all samples, then scales and shifts (Ioffe and
// Szegedy, arXiv 1502.03167). Predictions use running averages of the moments, which follow those of the batches in training;
// the variance that they follow is the unbiased one. x is [samples, points..., channels].
func (n *net) batchNorm(s *model.Scope, x *Node) *Node {
	channels := x.Shape().Dimensions[x.Rank()-1]
	flat := Reshape(x, -1, channels)
	mean, variance := s.Weight("running_mean"), s.Weight("running_var")
	if n.training {
		count := float64(flat.Shape().Dimensions[0])
		observed := ReduceMean(flat, 0)
		spread := ReduceMean(Square(Sub(flat, Reshape(observed, 1, channels))), 0)
		n.follow(mean, observed)
		n.follow(variance, MulScalar(spread, count/max(1, count-1)))
		mean, variance = observed, spread
	}
	scale := Div(s.Weight("weight"), Sqrt(AddScalar(variance, batchEpsilon)))
	shift := Sub(s.Weight("bias"), Mul(mean, scale))
	return Add(Mul(x, alongLast(scale, x.Rank())), alongLast(shift, x.Rank()))
}

// batchNorm lists the weights of a norm.
func (l *list) batchNorm(name string, channels int) {
	l.add(model.FreshOnes(name+".weight", channels))
	l.add(model.FreshZeros(name+".bias", channels))
	for _, w := range []model.Weight{model.FreshZeros(name+".running_mean", channels), model.FreshOnes(name+".running_var", channels)} {
		w.Average = true
		l.add(w)
	}
}
