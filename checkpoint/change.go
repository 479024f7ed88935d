package checkpoint

import (
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/fault"
)

// change is what a part does to a weight of the base.
type change interface {
	check(weight Tensor) error
	apply(dst []float32, weight Tensor) error
}

// altered is the source of a weight with what a part does to it.
type altered struct {
	old     Tensor
	changes []change
}

func (c altered) read(dst []float32) error {
	if err := c.old.Float32(dst); err != nil {
		return err
	}
	for _, change := range c.changes {
		if err := change.apply(dst, c.old); err != nil {
			return err
		}
	}
	return nil
}

// rankProduct adds scale x up x down to rows.
type rankProduct struct {
	down, up Tensor
	row      int
	scale    float64
}

func (l rankProduct) check(w Tensor) error {
	if len(l.down.Shape) != 2 || len(l.up.Shape) != 2 || len(w.Shape) < 2 || l.up.Shape[1] != l.down.Shape[0] || l.down.Shape[1] != w.Len()/max(1, w.Shape[0]) ||
		l.row < 0 || l.row > w.Shape[0]-l.up.Shape[0] || math.IsNaN(l.scale) || math.IsInf(l.scale, 0) {
		return fmt.Errorf("%v x %v times %v can not be added to rows of %v from %d on", l.up.Shape, l.down.Shape, l.scale, w.Shape, l.row)
	}
	return nil
}

// apply adds up in float64 and rounds once. The rows are shared among the processors.
func (l rankProduct) apply(dst []float32, _ Tensor) error {
	down, err := l.down.Array()
	if err != nil {
		return err
	}
	up, err := l.up.Array()
	if err != nil {
		return err
	}
	rows, rank, in := l.up.Shape[0], l.down.Shape[0], l.down.Shape[1]
	workers := max(1, min(runtime.GOMAXPROCS(0), rows))
	var group fault.Group
	for worker := range workers {
		group.Go(func() {
			sum := make([]float64, in)
			for r := worker; r < rows; r += workers {
				clear(sum)
				for k, b := range up.Data[r*rank:][:rank] {
					factor := l.scale * float64(b)
					for i, a := range down.Data[k*in:][:in] {
						sum[i] += factor * float64(a)
					}
				}
				row := dst[(l.row+r)*in:][:in]
				for i, s := range sum {
					row[i] = float32(float64(row[i]) + s)
				}
			}
		})
	}
	group.Wait()
	return nil
}

// columnsIn puts columns in their places.
type columnsIn struct {
	values  Tensor
	axis    int
	columns []int
}

func (a columnsIn) check(w Tensor) error {
	if a.axis < 0 || a.axis >= len(w.Shape) || len(a.values.Shape) != len(w.Shape) {
		return fmt.Errorf("columns %v on axis %d do not fit shape %v", a.values.Shape, a.axis, w.Shape)
	}
	want := slices.Clone(w.Shape)
	want[a.axis] = len(a.columns)
	if !slices.Equal(a.values.Shape, want) {
		return fmt.Errorf("columns of shape %v; expected %v", a.values.Shape, want)
	}
	for _, c := range a.columns {
		if c < 0 || c >= w.Shape[a.axis] {
			return fmt.Errorf("column %d of %d", c, w.Shape[a.axis])
		}
	}
	return nil
}

func (a columnsIn) apply(dst []float32, w Tensor) error {
	values, err := a.values.Array()
	if err != nil {
		return err
	}
	copyColumns(dst, w.Shape, a.axis, a.columns, values.Data)
	return nil
}

// copyColumns copies values into some columns of an axis of dst, which has a shape.
func copyColumns(dst []float32, shape []int, axis int, columns []int, values []float32) {
	size := field.Volume(shape[axis+1:]) // values of one column in one row
	if row := shape[axis] * size; row > 0 {
		for ; len(dst) > 0; dst = dst[row:] {
			for _, c := range columns {
				copy(dst[c*size:][:size], values)
				values = values[size:]
			}
		}
	}
}
