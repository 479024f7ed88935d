package metric

import (
	"fmt"
	"math"
	"slices"

	"github.com/gowalrus/walrus/field"
)

// Epsilon keeps relative errors finite where the truth is zero or constant: of VMSE, VRMSE and the spectral error always, of the others where
// nothing else is chosen.
const Epsilon = 1e-7

// ValidationEpsilon is what the released trainer passes to the metrics that take one (validation_epsilon).
const ValidationEpsilon = 1e-5

// Func compares a predicted frame with the true one, both (*N, C), and returns one number a channel. Frames of different
// shapes, or without points, are an error. A frame that is not finite gives numbers that are not finite.
type Func func(prediction, truth field.Array) ([]float64, error)

// MSE is the mean squared error, <(x-y)^2>.
func MSE(prediction, truth field.Array) ([]float64, error) {
	return perPoint(prediction, truth, func(sum, x, y float64) float64 { return sum + (x-y)*(x-y) }, mean)
}

// MAE is the mean absolute error, <|x-y|>.
func MAE(prediction, truth field.Array) ([]float64, error) {
	return perPoint(prediction, truth, func(sum, x, y float64) float64 { return sum + math.Abs(x-y) }, mean)
}

// LInfinity is the largest absolute error.
func LInfinity(prediction, truth field.Array) ([]float64, error) {
	largest := func(most, x, y float64) float64 { return math.Max(most, math.Abs(x-y)) } // of NaN, math.Max is NaN
	return perPoint(prediction, truth, largest, func(most, _ float64) float64 { return most })
}

// RMSE is the root of MSE.
func RMSE(prediction, truth field.Array) ([]float64, error) { return root(MSE(prediction, truth)) }

// NMSE is MSE relative to the truth's mean square: MSE / (<y^2> + epsilon).
func NMSE(epsilon float64) Func {
	return func(prediction, truth field.Array) ([]float64, error) {
		size, err := perPoint(truth, truth, func(sum, _, y float64) float64 { return sum + y*y }, mean)
		if err != nil {
			return nil, err
		}
		return relative(MSE, prediction, truth, size, epsilon)
	}
}

// NRMSE is the root of NMSE.
func NRMSE(epsilon float64) Func {
	return func(prediction, truth field.Array) ([]float64, error) { return root(NMSE(epsilon)(prediction, truth)) }
}

// NMAE is MAE relative to the truth's mean size: MAE / (<|y|> + epsilon).
func NMAE(epsilon float64) Func {
	return func(prediction, truth field.Array) ([]float64, error) {
		size, err := perPoint(truth, truth, func(sum, _, y float64) float64 { return sum + math.Abs(y) }, mean)
		if err != nil {
			return nil, err
		}
		return relative(MAE, prediction, truth, size, epsilon)
	}
}

// VMSE is MSE relative to the truth's variance: MSE / (std(y)^2 + 1e-7), with the unbiased std. A prediction that is the
// truth's mean everywhere scores 1 (to 1/N).
func VMSE(prediction, truth field.Array) ([]float64, error) {
	moments, err := momentsOf(truth)
	if err != nil {
		return nil, err
	}
	return relative(MSE, prediction, truth, moments.variance, Epsilon)
}

// VRMSE is the root of VMSE: the score that the paper's tables report.
func VRMSE(prediction, truth field.Array) ([]float64, error) { return root(VMSE(prediction, truth)) }

// PearsonR is the correlation <(x-mx)(y-my)> / (std_x std_y + epsilon), with the unbiased std but the plain mean, as the
// reference has it: perfect agreement gives (N-1)/N.
func PearsonR(epsilon float64) Func {
	return func(prediction, truth field.Array) ([]float64, error) {
		if err := sameShape(prediction, truth); err != nil {
			return nil, err
		}
		x, err := momentsOf(prediction)
		if err != nil {
			return nil, err
		}
		y, err := momentsOf(truth)
		if err != nil {
			return nil, err
		}
		channels := truth.Axis(-1)
		r := make([]float64, channels)
		for i := range truth.Data {
			c := i % channels
			r[c] += (float64(prediction.Data[i]) - x.mean[c]) * (float64(truth.Data[i]) - y.mean[c])
		}
		n := float64(len(truth.Data) / channels)
		for c := range r {
			r[c] = r[c] / n / (math.Sqrt(x.variance[c])*math.Sqrt(y.variance[c]) + epsilon)
		}
		return r, nil
	}
}

// perPoint folds all points of each channel, x the prediction and y the truth, and finishes with the number of points.
func perPoint(prediction, truth field.Array, fold func(sum, x, y float64) float64, finish func(sum, n float64) float64) ([]float64, error) {
	if err := sameShape(prediction, truth); err != nil {
		return nil, err
	}
	channels := truth.Axis(-1)
	sums := make([]float64, channels)
	for i, y := range truth.Data {
		c := i % channels
		sums[c] = fold(sums[c], float64(prediction.Data[i]), float64(y))
	}
	for c := range sums {
		sums[c] = finish(sums[c], float64(len(truth.Data)/channels))
	}
	return sums, nil
}

func mean(sum, n float64) float64 { return sum / n }

func root(values []float64, err error) ([]float64, error) {
	for i, v := range values {
		values[i] = math.Sqrt(v)
	}
	return values, err
}

// relative is an error over a size of the truth, channel by channel.
func relative(f Func, prediction, truth field.Array, size []float64, epsilon float64) ([]float64, error) {
	errors, err := f(prediction, truth)
	for c := range errors {
		errors[c] /= size[c] + epsilon
	}
	return errors, err
}

// moments are the mean and the unbiased variance of each channel.
type moments struct{ mean, variance []float64 }

// momentsOf passes twice over the frame: the difference of large sums would lose a small variance around a large mean.
func momentsOf(a field.Array) (moments, error) {
	if err := sameShape(a, a); err != nil {
		return moments{}, err
	}
	channels := a.Axis(-1)
	points := float64(len(a.Data) / channels)
	if points < 2 {
		return moments{}, fmt.Errorf("metric: frame of shape %v has one point; its variance needs at least two", a.Shape)
	}
	m := moments{make([]float64, channels), make([]float64, channels)}
	for i, v := range a.Data {
		m.mean[i%channels] += float64(v)
	}
	for c := range m.mean {
		m.mean[c] /= points
	}
	for i, v := range a.Data {
		d := float64(v) - m.mean[i%channels]
		m.variance[i%channels] += d * d
	}
	for c := range m.variance {
		m.variance[c] /= points - 1
	}
	return m, nil
}

// sameShape checks two frames against each other.
func sameShape(prediction, truth field.Array) error {
	if !slices.Equal(prediction.Shape, truth.Shape) {
		return fmt.Errorf("metric: prediction of shape %v and truth of shape %v; expected the same", prediction.Shape, truth.Shape)
	}
	for _, a := range []field.Array{prediction, truth} {
		if len(a.Shape) == 0 || len(a.Data) == 0 || len(a.Data) != field.Volume(a.Shape) {
			return fmt.Errorf("metric: frame of shape %v with %d values; expected (points..., channels)", a.Shape, len(a.Data))
		}
	}
	return nil
}
