package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
)

// lower turns one operation into views, loops or opaque operations.
func (p *program) lower(x *instr) error {
	if x.op == compute.OpTypeAdd {
		if done, err := p.lowerSum(x); done || err != nil {
			return err
		}
	}
	in := make([]located, len(x.in))
	for i, v := range x.in {
		in[i] = p.where[v]
	}
	switch x.op {
	case compute.OpTypeParameter, compute.OpTypeCapturedValue:
		return nil
	case compute.OpTypeConstant:
		l := p.fresh(x.out[0])
		l.s.constant = x.attr.(*constant).bytes
	case compute.OpTypeSchedulingBarrier:
		p.where[x.out[0]] = in[0]
	case compute.OpTypeReshape, compute.OpTypeTranspose, compute.OpTypeBroadcastInDim, compute.OpTypeSlice, compute.OpTypeReverse:
		p.where[x.out[0]] = p.layout(x, in[0])
	case compute.OpTypeConcatenate:
		p.lowerConcatenate(x, in)
	case compute.OpTypePad:
		p.lowerPad(x, in)
	case compute.OpTypeReduceSum, compute.OpTypeReduceMax, compute.OpTypeReduceMin, compute.OpTypeReduceProduct,
		compute.OpTypeReduceBitwiseAnd, compute.OpTypeReduceBitwiseOr, compute.OpTypeReduceBitwiseXor,
		compute.OpTypeReduceLogicalAnd, compute.OpTypeReduceLogicalOr, compute.OpTypeReduceLogicalXor:
		p.lowerReduce(x, in[0])
	case compute.OpTypeDotGeneral:
		return p.lowerDot(x, in)
	case compute.OpTypeConvGeneral:
		return p.lowerConvolution(x, in)
	case compute.OpTypeFusedScaledDotProductAttention:
		p.lowerAttention(x, in)
	case compute.OpTypeFusedScaledDotProductAttentionVJP:
		p.lowerAttentionGradient(x, in)
	case compute.OpTypeCall, compute.OpTypeIf, compute.OpTypeWhile, compute.OpTypeSort:
		return p.lowerControl(x, in)
	default:
		if f, ok := opaqueLowerings[x.op]; ok {
			f(p, x, in)
			return nil
		}
		if x.op == compute.OpTypeConvertDType && p.onlyWeights(x) {
			p.where[x.out[0]] = in[0]
			return nil
		}
		p.lowerElementwise(x, in)
	}
	return nil
}

// onlyWeights tells whether x widens bfloat16 values that are only the right operand of products, which widen by
// themselves.
func (p *program) onlyWeights(x *instr) bool {
	if x.in[0].shape.DType != dtypes.BFloat16 || x.out[0].shape.DType != dtypes.Float32 {
		return false
	}
	return p.onlyRightOperand(x.out[0])
}

// onlyRightOperand tells whether v, seen through layout operations, is used as right operand of products alone.
func (p *program) onlyRightOperand(v *value) bool {
	for _, u := range p.users[v] {
		switch {
		case u == nil:
			return false
		case u.op == compute.OpTypeDotGeneral:
			if u.in[0] == v {
				return false
			}
		case u.op == compute.OpTypeReshape || u.op == compute.OpTypeTranspose || u.op == compute.OpTypeSlice:
			if !p.onlyRightOperand(u.out[0]) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// opaqueLowerings are operations without special treatment: dense operands, new dense results.
var opaqueLowerings = map[compute.OpType]func(p *program, x *instr, in []located){
	compute.OpTypeGather:             lowerGather,
	compute.OpTypeScatterSum:         lowerScatter,
	compute.OpTypeScatterMax:         lowerScatter,
	compute.OpTypeScatterMin:         lowerScatter,
	compute.OpTypeDynamicSlice:       lowerDynamicSlice,
	compute.OpTypeDynamicUpdateSlice: lowerDynamicUpdateSlice,
	compute.OpTypeArgMinMax:          lowerArgMinMax,
	compute.OpTypeRNGBitGenerator:    lowerRandomBits,
	compute.OpTypeBitcast:            lowerBitcast,
	compute.OpTypeAllReduce:          lowerAllReduce,
}

// layout returns the view that a layout operation makes of its operand.
func (p *program) layout(x *instr, l located) located {
	dims := x.out[0].shape.Dimensions
	switch x.op {
	case compute.OpTypeTranspose:
		l.v = l.v.transposed(x.attr.([]int))
	case compute.OpTypeBroadcastInDim:
		l.v = l.v.broadcast(dims, x.attr.([]int))
	case compute.OpTypeSlice:
		r := x.attr.(sliceRange)
		l.v = l.v.sliced(r.starts, r.limits, r.steps)
	case compute.OpTypeReverse:
		l.v = l.v.reversed(x.attr.([]int))
	default:
		v, ok := l.v.reshaped(dims)
		if !ok {
			l = p.copied(l)
			v, _ = l.v.reshaped(dims)
		}
		l.v = v
	}
	return l
}

func (p *program) lowerElementwise(x *instr, in []located) {
	out := p.fresh(x.out[0])
	p.elementwise(x.op, in, out)
}

// elementwise computes dense, whole out from operands that broadcast implicitly.
func (p *program) elementwise(op compute.OpType, in []located, out located) {
	wide := make([]located, len(in))
	for i, l := range in {
		wide[i] = located{l.s, l.v.broadcastTo(out.v.dims)}
	}
	fn := p.backend.tiles.find(op, in[len(in)-1].s.dtype, out.s.dtype)
	p.addLoop(&loopOp{kind: mapOp, op: op, fn: fn, in: wide, out: out.s, size: out.s.size})
}

func (p *program) lowerConcatenate(x *instr, in []located) {
	s := p.jointStorage(x)
	p.where[x.out[0]] = located{s, denseView(x.out[0].shape.Dimensions)}
	at := 0
	for i, v := range x.in {
		dest := p.part(x, at, v)
		at += v.shape.Dimensions[x.attr.(int)]
		if in[i].s != s && v.shape.Size() > 0 {
			p.store(in[i], located{s, dest})
		}
	}
}

// lowerPad fills the result and copies the operand into it.
func (p *program) lowerPad(x *instr, in []located) {
	out := p.fresh(x.out[0])
	p.store(located{in[1].s, in[1].v.broadcastTo(out.v.dims)}, out)
	source, dest := in[0], out
	starts, limits, steps := make([]int, len(out.v.dims)), make([]int, len(out.v.dims)), make([]int, len(out.v.dims))
	from, to := slices.Clone(starts), slices.Clone(source.v.dims)
	for axis, pad := range x.attr.([]compute.PadAxis) {
		step := pad.Interior + 1
		n := out.v.dims[axis]
		// Element i of the operand goes to start + i*step; those outside the result are dropped.
		for from[axis] < to[axis] && pad.Start+from[axis]*step < 0 {
			from[axis]++
		}
		for to[axis] > from[axis] && pad.Start+(to[axis]-1)*step >= n {
			to[axis]--
		}
		if from[axis] >= to[axis] {
			return
		}
		starts[axis], limits[axis], steps[axis] = pad.Start+from[axis]*step, pad.Start+(to[axis]-1)*step+1, step
	}
	source.v = source.v.sliced(from, to, nil)
	dest.v = dest.v.sliced(starts, limits, steps)
	if source.v.size() == 0 {
		return
	}
	fill := out.s.defs[0].root()
	p.store(source, dest)
	last := out.s.defs[len(out.s.defs)-1].root()
	p.depend(last, fill, true)
}

// foldable tells whether loops contain the reduction.
func foldable(op compute.OpType, t dtypes.DType) bool {
	return t == dtypes.Float32 && (op == compute.OpTypeReduceSum || op == compute.OpTypeReduceMax || op == compute.OpTypeReduceMin)
}

// lowerReduce peels reduced axes from the inside: runs of axes that are reduced or kept are folded one after the other.
func (p *program) lowerReduce(x *instr, l located) {
	out := x.out[0]
	reduced := make([]bool, len(l.v.dims))
	for _, axis := range x.attr.([]int) {
		reduced[axis] = true
	}
	if !foldable(x.op, l.s.dtype) || l.v.size() == 0 {
		p.lowerGenericReduce(x, l, reduced)
		return
	}
	// Order the axes as they are in memory, kept axes among themselves as well; the result is viewed in its own order.
	order := make([]int, 0, len(l.v.dims))
	for axis := range l.v.dims {
		order = append(order, axis)
	}
	if !l.isWhole() {
		slices.SortStableFunc(order, func(a, b int) int { return abs(l.v.strides[b]) - abs(l.v.strides[a]) })
	}
	l.v = l.v.transposed(order)
	var keptDims, keptAxes []int
	flags := make([]bool, len(order))
	for i, axis := range order {
		flags[i] = reduced[axis]
		if !reduced[axis] {
			keptDims, keptAxes = append(keptDims, l.v.dims[i]), append(keptAxes, axis)
		}
	}
	for {
		dims, kinds := mergeRuns(l.v.dims, flags)
		inner := 1
		last := len(dims) - 1
		if last >= 0 && !kinds[last] {
			inner = dims[last]
			last--
		}
		if last < 0 {
			break
		}
		l = p.fold(x.op, l, dims[last], inner)
		dims, kinds = slices.Delete(dims, last, last+1), slices.Delete(kinds, last, last+1)
		v, _ := l.v.reshaped(dims)
		l.v, flags = v, kinds
	}
	if l.v.size() == out.shape.Size() {
		v, _ := l.v.reshaped(keptDims)
		place := make([]int, len(keptAxes))
		sorted := slices.Sorted(slices.Values(keptAxes))
		for i, axis := range sorted {
			place[i] = slices.Index(keptAxes, axis)
		}
		l.v = v.transposed(place)
	}
	p.where[out] = l
}

func abs(x int) int { return max(x, -x) }

// mergeRuns joins neighbouring axes of the same kind; axes of extent 1 vanish.
func mergeRuns(dims []int, kinds []bool) ([]int, []bool) {
	var outDims []int
	var outKinds []bool
	for i, d := range dims {
		if d == 1 {
			continue
		}
		if n := len(outDims); n > 0 && outKinds[n-1] == kinds[i] {
			outDims[n-1] *= d
			continue
		}
		outDims, outKinds = append(outDims, d), append(outKinds, kinds[i])
	}
	return outDims, outKinds
}

// fewSlices is the largest extent that is folded by combining whole slices, if these are at least longSlice elements in
// runs of at least shortRun.
const (
	fewSlices = 32
	longSlice = 4096
	shortRun  = 16
)

// fold reduces l, read in its order as [outer, middle, inner], over the middle; the result is dense [outer, inner].
func (p *program) fold(op compute.OpType, l located, middle, inner int) located {
	outer := l.v.size() / (middle * inner)
	out := located{p.newStorage(l.s.dtype, outer*inner), denseView([]int{outer, inner})}
	switch {
	case inner == 1 && middle <= maxRow:
		p.addLoop(&loopOp{kind: rowFold, op: op, in: []located{l}, out: out.s, size: l.v.size()})
	case middle <= fewSlices && inner >= shortRun && outer*inner >= longSlice:
		v, ok := l.v.reshaped([]int{outer, middle, inner})
		if !ok {
			l = p.copied(l)
			v, _ = l.v.reshaped([]int{outer, middle, inner})
		}
		part := func(i int) located {
			w := v.sliced([]int{0, i, 0}, []int{outer, i + 1, inner}, nil)
			w, _ = w.reshaped([]int{outer, inner})
			return located{l.s, w}
		}
		sum := part(0)
		for i := 1; i < middle; i++ {
			next := out
			if i < middle-1 {
				next = located{p.newStorage(l.s.dtype, out.s.size), out.v}
			}
			p.elementwise(folds[op].op, []located{sum, part(i)}, next)
			sum = next
		}
	default:
		p.addLoop(&loopOp{kind: columnFold, op: op, in: []located{l}, out: out.s, size: l.v.size(), middle: middle, inner: inner})
	}
	return out
}
