package kernel

import (
	"errors"
	"fmt"
	"math"
	"unsafe"
)

// Matrix is an operand of a product: element (i, j) of batch entry (x, y, ..) is Data[i*RowStride + j*ColStride +
// x*BatchStrides[0] + y*BatchStrides[1] + ..]. A transposed matrix is one with its strides exchanged. Strides are at
// least 0; 0 repeats, which is allowed for sources only.
type Matrix struct {
	Data         []float32
	BF16         []BF16 // instead of Data, for Gemm.B only: weights in half the memory, widened while they are packed
	RowStride    int
	ColStride    int
	BatchStrides []int // one per axis of Gemm.Batch, or nil: the same matrix for the whole batch

	// Gather, if not nil, stands for Data in Gemm.A or Gemm.B: it fills dst with the elements (row, col..col+len(dst)-1)
	// of a batch entry, counted in row-major order of Gemm.Batch. Convolutions read their patches through it, so that
	// the matrix of patches never exists. It is called by several goroutines at once.
	Gather func(dst []float32, batch, row, col int)
}

// RowMajor is a view of data as a matrix whose rows follow each other at the given stride.
func RowMajor(data []float32, stride int) Matrix {
	return Matrix{Data: data, RowStride: stride, ColStride: 1}
}

// ColMajor is a view of data as a matrix whose columns follow each other at the given stride: the transpose of RowMajor.
func ColMajor(data []float32, stride int) Matrix {
	return Matrix{Data: data, RowStride: 1, ColStride: stride}
}

// Activation is the nonlinearity at the end of a product.
type Activation uint8

// The activations.
const (
	NoActivation Activation = iota
	ReluActivation
	SiluActivation
	GeluActivation     // with the error function
	GeluTanhActivation // tanh approximation
)

// Gemm is a product of matrices, C = finish(residual + activation(A·B + bias)), over a batch: A is [M, K], B [K, N],
// C [M, N].
//
// Every element is the sum over blocks of K of sums in order of K; the blocks depend on K alone, so results are the same
// bits for any number of workers, any batching and any position in C.
type Gemm struct {
	Batch   []int // extents of the batch axes; nil for one product
	M, N, K int
	A, B, C Matrix

	// Round allows A and B to be rounded to bfloat16 (sums stay float32), which is done where this machine multiplies such
	// numbers faster and the product is not small.
	Round bool

	Accumulate bool       // C += A·B; bias and activation then see the sum
	Bias       []float32  // N values added to every row, or nil
	Activation Activation // applied after the bias
	Residual   Matrix     // [M, N], added after the activation; no Data for none. It may be C's own memory

	// Finish, if not nil, is called last, once for every run of finished elements C[row, col..col+len(values)-1], which
	// it may change in place. It is called by several goroutines at once.
	Finish func(batch, row, col int, values []float32)

	// Consume, if not nil, takes finished rows instead of C, which then has no Data: element (row+i, col+j) is
	// values[i*stride+j]. Rows of the same group of ConsumeRows rows come one call after the other, in a fixed order;
	// different groups and batch entries come from several goroutines at once (ConsumeRows 0: all rows are one group).
	// A transposed convolution adds its overlapping patches through it.
	Consume     func(batch, row, col, rows int, values []float32, stride int)
	ConsumeRows int
}

// extent is one plus the largest offset of a matrix of the given extents, or an error.
func (m *Matrix) extent(name string, rows, cols int, batch []int) (int, error) {
	if m.RowStride < 0 || m.ColStride < 0 {
		return 0, fmt.Errorf("kernel: gemm: %s has strides %d, %d; expected none below 0", name, m.RowStride, m.ColStride)
	}
	if m.BatchStrides != nil && len(m.BatchStrides) != len(batch) {
		return 0, fmt.Errorf("kernel: gemm: %s has %d batch strides for %d batch axes", name, len(m.BatchStrides), len(batch))
	}
	if rows == 0 || cols == 0 {
		return 0, nil
	}
	end := float64(rows-1)*float64(m.RowStride) + float64(cols-1)*float64(m.ColStride) + 1
	for i, stride := range m.BatchStrides {
		if stride < 0 {
			return 0, fmt.Errorf("kernel: gemm: %s has batch stride %d; expected none below 0", name, stride)
		}
		if batch[i] == 0 {
			return 0, nil
		}
		end += float64(batch[i]-1) * float64(stride)
	}
	if end > math.MaxInt32*4096 {
		return 0, fmt.Errorf("kernel: gemm: %s spans %g elements", name, end)
	}
	return int(end), nil
}

// check verifies that the operands hold every element that is read or written.
func (g *Gemm) check() error {
	if g.M < 0 || g.N < 0 || g.K < 0 {
		return fmt.Errorf("kernel: gemm: extents %d x %d x %d; expected none below 0", g.M, g.N, g.K)
	}
	for i, n := range g.Batch {
		if n < 0 {
			return fmt.Errorf("kernel: gemm: batch axis %d has extent %d", i, n)
		}
	}
	operands := []struct {
		name       string
		m          *Matrix
		rows, cols int
		have       int
		skip       bool
	}{
		{"A", &g.A, g.M, g.K, len(g.A.Data), g.A.Gather != nil},
		{"B", &g.B, g.K, g.N, max(len(g.B.Data), len(g.B.BF16)), g.B.Gather != nil},
		{"C", &g.C, g.M, g.N, len(g.C.Data), g.Consume != nil},
		{"residual", &g.Residual, g.M, g.N, len(g.Residual.Data), g.Residual.Data == nil},
	}
	for _, o := range operands {
		if o.skip {
			continue
		}
		need, err := o.m.extent(o.name, o.rows, o.cols, g.Batch)
		if err != nil {
			return err
		}
		if o.have < need {
			return fmt.Errorf("kernel: gemm: %s is %d x %d and reaches element %d, but has %d", o.name, o.rows, o.cols, need-1, o.have)
		}
	}
	switch {
	case g.A.BF16 != nil || g.C.BF16 != nil || g.Residual.BF16 != nil:
		return errors.New("kernel: gemm: only B may be bfloat16")
	case g.B.BF16 != nil && g.B.Data != nil:
		return errors.New("kernel: gemm: B has both float32 and bfloat16 data")
	case g.Bias != nil && len(g.Bias) < g.N:
		return fmt.Errorf("kernel: gemm: bias has %d values for %d columns", len(g.Bias), g.N)
	case g.Consume != nil && g.Accumulate:
		return errors.New("kernel: gemm: Accumulate needs C, not Consume")
	case g.Activation > GeluTanhActivation:
		return fmt.Errorf("kernel: gemm: unknown activation %d", g.Activation)
	}
	return nil
}

// batchSize is the number of products.
func (g *Gemm) batchSize() int {
	n := 1
	for _, extent := range g.Batch {
		n *= extent
	}
	return n
}

// offset is the position of a batch entry in the data of m; entry counts in row-major order of shape.
func (m *Matrix) offset(entry int, shape []int) int {
	if m.BatchStrides == nil {
		return 0
	}
	off := 0
	for i := len(shape) - 1; i >= 0; i-- {
		off += entry % shape[i] * m.BatchStrides[i]
		entry /= shape[i]
	}
	return off
}

// at is the address of an element; it may be one past the end when nothing will be read there.
func at(data []float32, offset int) *float32 {
	return offset32(unsafe.SliceData(data), offset)
}

// offset32 is the address n elements after p.
func offset32(p *float32, n int) *float32 { return (*float32)(unsafe.Add(unsafe.Pointer(p), 4*n)) }

// finishRow applies bias, activation, residual and Finish to finished elements of one row.
func (s *Set) finishRow(g *Gemm, batch, row, col int, values []float32) {
	if g.Bias != nil {
		s.Binary(Add, values, values, g.Bias[col:col+len(values)])
	}
	switch g.Activation {
	case ReluActivation:
		s.BinaryScalar(Max, values, values, 0)
	case SiluActivation:
		s.Unary(Silu, values, values)
	case GeluActivation:
		s.Unary(Gelu, values, values)
	case GeluTanhActivation:
		s.Unary(GeluTanh, values, values)
	}
	if g.Residual.Data != nil {
		from := g.Residual.offset(batch, g.Batch) + row*g.Residual.RowStride + col*g.Residual.ColStride
		if g.Residual.ColStride == 1 {
			s.Binary(Add, values, values, g.Residual.Data[from:from+len(values)])
		} else {
			for j := range values {
				values[j] += g.Residual.Data[from+j*g.Residual.ColStride]
			}
		}
	}
	if g.Finish != nil {
		g.Finish(batch, row, col, values)
	}
}

// hasFinish tells whether finishRow does anything.
func (g *Gemm) hasFinish() bool {
	return g.Bias != nil || g.Activation != NoActivation || g.Residual.Data != nil || g.Finish != nil
}
