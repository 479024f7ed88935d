package kernel

import (
	"fmt"
	"runtime"
	"slices"
)

// Set is the table of kernels of one level. It is immutable and safe for concurrent use.
type Set struct {
	level Level

	full tiling
	half *tiling // for pairs of bfloat16; nil where they are no faster
	slow tiling  // for pairs on any machine, see Rounding

	unary        [unaryOps]func(dst, x []float32)
	binary       [binaryOps]func(dst, a, b []float32)
	binaryScalar [binaryOps]func(dst, a []float32, b float32)
	scalarBinary [binaryOps]func(dst []float32, a float32, b []float32)
	rowBinary    [binaryOps][2]func(dst, a, b []float32, length int) // see BinaryRows; nil where rows are done one by one
	reduce       [reductions]func(x []float32) float32
	reduceRows   [reductions]func(dst, x []float32, length int) // nil likewise
	dot          func(a, b []float32) float32
	second       func(dst, src []float32) // see EverySecond
	toSecond     func(dst, src []float32) // see ToEverySecond
	fromBF16     func(dst []float32, src []BF16)
	toBF16       func(dst []BF16, src []float32)
	pairRows     func(dst []uint32, low, high []float32) // see pairRowsPlain
	transpose    func(dst []float32, dstStride int, src []float32, srcStride, rows, cols int)
	compare      func(op Comparison, dst []bool, a, b []float32)
	choose       func(dst []float32, cond []bool, a, b []float32)
	packStrip    [2]packStrip // for rows of one and of two vectors
	softmaxBlock func(block, top, sum, factor []float32)
	gradBlock    func(p, dp, shift, delta []float32, scale float32)
	scaleLanes   func(block, factor []float32)
	correlate    func(dst, x, w *float32, stride, channels, outer, inner int) // see Correlate
	peak         func(rounds int) float64
}

// For returns the kernels of a level, or an error when this machine cannot run it.
func For(level Level) (*Set, error) {
	if slices.Contains(levels, level) && level > Detect() {
		return nil, fmt.Errorf("kernel: level %v needs instructions this machine lacks; it has %v", level, Detect())
	}
	return Trust(level)
}

// Trust returns the kernels of a level without asking the processor: for machines whose hypervisor hides instructions
// that are there. A level whose instructions are missing ends the program at the first kernel. The level must be at most
// one above what Detect finds.
func Trust(level Level) (*Set, error) {
	at := slices.Index(levels, level)
	if at < 0 {
		return nil, fmt.Errorf("kernel: level %v is of another architecture; on %s there are %v", level, runtime.GOARCH, levels)
	}
	if at > slices.Index(levels, Detect())+1 {
		return nil, fmt.Errorf("kernel: level %v is too far above %v, which this machine has", level, Detect())
	}
	s := plainSet()
	upgrade(s, level)
	s.level = level
	return s, nil
}

// Best returns the kernels of the highest level of this machine.
func Best() *Set {
	s, err := For(Detect())
	if err != nil { // can not happen: the level is the detected one
		return plainSet()
	}
	return s
}

// Rounding returns the kernels of s with products that round wherever they may (Gemm.Round), also where that is slower: to see on
// one machine what another one computes.
func (s *Set) Rounding() *Set {
	if s.half != nil {
		return s
	}
	r := *s
	r.half = &r.slow
	return &r
}

// Level tells which instructions the kernels of s use.
func (s *Set) Level() Level { return s.level }

// plainSet returns the portable kernels.
func plainSet() *Set {
	s := &Set{full: plainTiling(4, 16, plainTile), slow: plainTiling(4, 16, plainHalfTile)}
	s.slow.pairs = true
	for op := range s.unary {
		f := unaryPlain[op]
		s.unary[op] = func(dst, x []float32) { mapPlain(dst, x, f) }
	}
	for op := range s.binary {
		f := binaryPlain[op]
		s.binary[op] = func(dst, a, b []float32) { zipPlain(dst, a, b, f) }
		s.binaryScalar[op] = func(dst, a []float32, b float32) { zipScalarPlain(dst, a, b, f) }
		s.scalarBinary[op] = func(dst []float32, a float32, b []float32) { scalarZipPlain(dst, a, b, f) }
	}
	s.reduce = reducePlain
	s.dot = dotPlain
	s.second = everySecondPlain
	s.toSecond = toEverySecondPlain
	s.fromBF16 = fromBF16Plain
	s.toBF16 = toBF16Plain
	s.pairRows = pairRowsPlain
	s.transpose = transposePlain
	s.compare = comparePlain
	s.choose = choosePlain
	s.packStrip = [2]packStrip{packStripPlain, packStripPlain}
	s.softmaxBlock = softmaxBlockPlain
	s.gradBlock = gradBlockPlain
	s.scaleLanes = scaleLanesPlain
	s.correlate = correlatePlain
	s.peak = peakPlain
	return s
}
