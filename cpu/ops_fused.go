package cpu

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"
)

// The fused operations other than attention are recorded as the elementwise operations and reductions they consist of;
// fusion puts those into one pass again.

// expression builds a formula step by step and keeps its first error.
type expression struct {
	f   *function
	err error
}

func (e *expression) do(v compute.Value, err error) compute.Value {
	if e.err == nil {
		e.err = err
	}
	return v
}

func (e *expression) unary(op compute.OpType, x compute.Value) compute.Value {
	if e.err != nil {
		return nil
	}
	return e.do(e.f.unary(op, x))
}

func (e *expression) binary(op compute.OpType, a, b compute.Value) compute.Value {
	if e.err != nil {
		return nil
	}
	return e.do(e.f.binary(op, a, b))
}

// with combines x with a number.
func (e *expression) with(op compute.OpType, x compute.Value, number float64) compute.Value {
	if e.err != nil {
		return nil
	}
	c, err := e.f.scalar(x.(*value).shape.DType, number)
	if err != nil {
		e.err = err
		return nil
	}
	return e.binary(op, x, c)
}

// reduceKeep reduces over axes that stay with extent 1.
func (e *expression) reduceKeep(op compute.OpType, x compute.Value, axes []int) compute.Value {
	if e.err != nil {
		return nil
	}
	dims := slices.Clone(x.(*value).shape.Dimensions)
	for _, axis := range axes {
		dims[axis] = 1
	}
	y := e.do(e.f.reduce(op, x, axes))
	if e.err != nil {
		return nil
	}
	return e.do(e.f.Reshape(y, dims...))
}

// addTrailing adds bias, whose axes are the last ones of x.
func (f *function) addTrailing(x, bias compute.Value) (compute.Value, error) {
	in, err := f.operands(x, bias)
	if err != nil {
		return nil, err
	}
	wide, err := f.spread(in[1], in[0].shape, in[0].shape.Rank()-in[1].shape.Rank())
	if err != nil {
		return nil, err
	}
	return f.Add(in[0], wide)
}

// spread broadcasts v to shape with its axes starting at axis first.
func (f *function) spread(v *value, shape shapes.Shape, first int) (compute.Value, error) {
	if first < 0 {
		return nil, fmt.Errorf("cpu: shape %s has more axes than %s", v.shape, shape)
	}
	axes := make([]int, v.shape.Rank())
	for i := range axes {
		axes[i] = first + i
	}
	return f.BroadcastInDim(v, shape, axes)
}

// FusedSoftmax normalises exp(x) along one axis.
func (f *function) FusedSoftmax(x compute.Value, axis int) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	if axis < 0 || axis >= in[0].shape.Rank() {
		return nil, fmt.Errorf("cpu: FusedSoftmax along axis %d of shape %s", axis, in[0].shape)
	}
	e := expression{f: f}
	top := e.reduceKeep(compute.OpTypeReduceMax, x, []int{axis})
	powers := e.unary(compute.OpTypeExp, e.binary(compute.OpTypeSub, x, top))
	sum := e.reduceKeep(compute.OpTypeReduceSum, powers, []int{axis})
	return e.binary(compute.OpTypeDiv, powers, sum), e.err
}

// FusedGelu is x Φ(x), exactly or by its tanh approximation.
func (f *function) FusedGelu(x compute.Value, exact bool) (compute.Value, error) {
	if _, err := f.operands(x); err != nil {
		return nil, err
	}
	e := expression{f: f}
	var part compute.Value
	if exact {
		part = e.unary(compute.OpTypeErf, e.with(compute.OpTypeMul, x, math.Sqrt(0.5)))
	} else {
		cube := e.binary(compute.OpTypeMul, e.binary(compute.OpTypeMul, x, x), x)
		inner := e.binary(compute.OpTypeAdd, x, e.with(compute.OpTypeMul, cube, 0.044715))
		part = e.unary(compute.OpTypeTanh, e.with(compute.OpTypeMul, inner, math.Sqrt(2/math.Pi)))
	}
	half := e.with(compute.OpTypeMul, e.with(compute.OpTypeAdd, part, 1), 0.5)
	return e.binary(compute.OpTypeMul, x, half), e.err
}

// FusedLayerNorm subtracts the mean over axes and divides by the root of the biased variance plus epsilon.
func (f *function) FusedLayerNorm(x compute.Value, axes []int, epsilon float64, gamma, beta compute.Value) (compute.Value, error) {
	in, err := f.operands(x)
	if err != nil {
		return nil, err
	}
	count := 1
	for _, axis := range axes {
		if axis < 0 || axis >= in[0].shape.Rank() {
			return nil, fmt.Errorf("cpu: FusedLayerNorm over axes %v of shape %s", axes, in[0].shape)
		}
		count *= in[0].shape.Dimensions[axis]
	}
	e := expression{f: f}
	mean := e.with(compute.OpTypeMul, e.reduceKeep(compute.OpTypeReduceSum, x, axes), 1/float64(count))
	centred := e.binary(compute.OpTypeSub, x, mean)
	square := e.binary(compute.OpTypeMul, centred, centred)
	variance := e.with(compute.OpTypeMul, e.reduceKeep(compute.OpTypeReduceSum, square, axes), 1/float64(count))
	y := e.binary(compute.OpTypeMul, centred, e.unary(compute.OpTypeRsqrt, e.with(compute.OpTypeAdd, variance, epsilon)))
	for i, affine := range []compute.Value{gamma, beta} {
		if affine == nil || e.err != nil {
			continue
		}
		v, err := f.operands(affine)
		if err != nil {
			return nil, err
		}
		onto := slices.Sorted(slices.Values(axes))
		if v[0].shape.Rank() == in[0].shape.Rank() {
			onto = onto[:0]
			for axis := range in[0].shape.Rank() {
				onto = append(onto, axis)
			}
		}
		wide := e.do(f.BroadcastInDim(v[0], in[0].shape, onto))
		y = e.binary([]compute.OpType{compute.OpTypeMul, compute.OpTypeAdd}[i], y, wide)
	}
	return y, e.err
}

// activation applies the activation of a fused dense layer.
func (f *function) activation(x compute.Value, a compute.ActivationType) (compute.Value, error) {
	e := expression{f: f}
	switch a {
	case compute.ActivationNone:
		return x, nil
	case compute.ActivationGelu:
		return f.FusedGelu(x, true)
	case compute.ActivationRelu:
		return e.with(compute.OpTypeMax, x, 0), e.err
	case compute.ActivationSilu:
		return e.binary(compute.OpTypeMul, x, e.unary(compute.OpTypeLogistic, x)), e.err
	case compute.ActivationTanh:
		return e.unary(compute.OpTypeTanh, x), e.err
	case compute.ActivationHardSwish:
		gate := e.with(compute.OpTypeMul, e.with(compute.OpTypeAdd, x, 3), 1./6)
		gate = e.with(compute.OpTypeMin, e.with(compute.OpTypeMax, gate, 0), 1)
		return e.binary(compute.OpTypeMul, x, gate), e.err
	}
	return nil, errors.Wrapf(compute.ErrNotImplemented, "cpu: activation %s", a)
}

// attentionShape is the attribute of fused attention.
type attentionShape struct {
	layout compute.AttentionAxesLayout
	scale  float64
	causal bool
	bias   bool // a bias is the fourth operand
	round  bool // see dotAxes
}

func (f *function) attention(query, key, val compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) ([]*value, attentionShape, error) {
	unsupported := func(what string) ([]*value, attentionShape, error) {
		return nil, attentionShape{}, errors.Wrapf(compute.ErrNotImplemented, "cpu: fused attention with %s", what)
	}
	in, err := f.operands(query, key, val)
	if err != nil {
		return nil, attentionShape{}, err
	}
	q, k, v := in[0].shape, in[1].shape, in[2].shape
	if q.Rank() != 4 || k.Rank() != 4 || !k.Equal(v) || q.DType != k.DType ||
		q.Dimensions[0] != k.Dimensions[0] || q.Dimensions[3] != k.Dimensions[3] {
		return nil, attentionShape{}, fmt.Errorf("cpu: fused attention of shapes %s, %s, %s", q, k, v)
	}
	a := attentionShape{layout: layout, scale: 1 / math.Sqrt(float64(q.Dimensions[3]))}
	if q.Dimensions[layout.HeadsAxis()] != k.Dimensions[layout.HeadsAxis()] {
		return unsupported("grouped heads")
	}
	switch q.DType {
	case dtypes.Float32:
	case dtypes.BFloat16:
		a.round = true
		if in, err = f.convertAll(dtypes.Float32, in...); err != nil {
			return nil, attentionShape{}, err
		}
	default:
		return unsupported("data type " + q.DType.String())
	}
	if options == nil {
		return in, a, nil
	}
	if options.Scale != 0 {
		a.scale = options.Scale
	}
	a.causal = options.Causal
	if options.Mask != nil || options.QuerySeqLen != nil || options.KeyValueSeqLen != nil {
		return unsupported("mask or sequence lengths")
	}
	if options.Bias != nil {
		bias, err := f.operands(options.Bias)
		if err != nil {
			return nil, attentionShape{}, err
		}
		if bias[0].shape.DType != dtypes.Float32 {
			return unsupported("bias of data type " + bias[0].shape.DType.String())
		}
		scores := shapes.Make(dtypes.Float32, q.Dimensions[0], q.Dimensions[layout.HeadsAxis()], q.Dimensions[layout.SeqAxis()], k.Dimensions[layout.SeqAxis()])
		wide, err := f.spread(bias[0], scores, 4-bias[0].shape.Rank())
		if err != nil {
			return nil, attentionShape{}, err
		}
		a.bias = true
		in = append(in, wide.(*value))
	}
	return in, a, nil
}

// FusedScaledDotProductAttention is softmax(scale q k^T + bias) v, with an optional causal mask, for float32 and bfloat16, whose
// rounding is that of DotGeneral. The state for the gradient is the logarithm of the sum of exponentials of every row of scores, [batch, heads, queries].
func (f *function) FusedScaledDotProductAttention(query, key, val compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (compute.Value, []compute.Value, error) {
	in, a, err := f.attention(query, key, val, layout, options)
	if err != nil {
		return nil, nil, err
	}
	q := in[0].shape
	state := shapes.Make(dtypes.Float32, q.Dimensions[0], q.Dimensions[layout.HeadsAxis()], q.Dimensions[layout.SeqAxis()])
	out := f.emitMany(compute.OpTypeFusedScaledDotProductAttention, []shapes.Shape{q, state}, a, in...)
	y, err := f.ConvertDType(out[0], query.(*value).shape.DType)
	return y, asValues(out[1:]), err
}

// FusedScaledDotProductAttentionVJP is the gradient of FusedScaledDotProductAttention for query, key and value.
func (f *function) FusedScaledDotProductAttentionVJP(query, key, val compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig, output compute.Value, states []compute.Value, dOutput compute.Value,
) (compute.Value, compute.Value, compute.Value, error) {
	in, a, err := f.attention(query, key, val, layout, options)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(states) != 1 {
		return nil, nil, nil, fmt.Errorf("cpu: fused attention gradient with %d states; expected 1", len(states))
	}
	more, err := f.operands(output, states[0], dOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	if more, err = f.convertAll(dtypes.Float32, more...); err != nil {
		return nil, nil, nil, err
	}
	out := f.emitMany(compute.OpTypeFusedScaledDotProductAttentionVJP,
		[]shapes.Shape{in[0].shape, in[1].shape, in[2].shape}, a, append(in, more...)...)
	if out, err = f.convertAll(query.(*value).shape.DType, out...); err != nil {
		return nil, nil, nil, err
	}
	return out[0], out[1], out[2], nil
}
