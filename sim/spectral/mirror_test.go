package spectral

import (
	"context"
	"math"
	"testing"

	"github.com/gowalrus/walrus/field"
)

// flowValues are velocity, tracer and vorticity (by central differences) at the points of a plane flow.
func flowValues(f *fluid) field.Array {
	nx, ny := f.fourier.shape[0], f.fourier.shape[1]
	dx, dy := f.lengths[0]/float64(nx), f.lengths[1]/float64(ny)
	out := field.NewArray(nx, ny, 4)
	for i := range nx {
		for j := range ny {
			at := func(k, i, j int) float64 { return f.velocity[k][(i+nx)%nx*ny+(j+ny)%ny] }
			curl := (at(1, i+1, j)-at(1, i-1, j))/(2*dx) - (at(0, i, j+1)-at(0, i, j-1))/(2*dy)
			for c, v := range []float64{at(0, i, j), at(1, i, j), f.scalars[0][i*ny+j], curl} {
				out.Data[(i*ny+j)*4+c] = float32(v)
			}
		}
	}
	return out
}

// simulatedFrom runs a shear flow from velocity and tracer at its points.
func simulatedFrom(t *testing.T, initial field.Array, lengths []float64) field.Array {
	t.Helper()
	f := newFluid(initial.Shape[:2], lengths, 1e-3, []float64{1e-3}, 0, 1)
	u := make([]complex128, 3*f.fourier.Size())
	for c, values := range [][]float64{f.velocity[0], f.velocity[1], f.scalars[0]} {
		for p := range values {
			values[p] = float64(initial.Data[4*p+c])
		}
		f.fourier.Forward(f.component(u, c), values)
	}
	f.project(u)
	if err := NewStepper(f, len(u), 1).Advance(context.Background(), u, 0.3); err != nil {
		t.Fatal(err)
	}
	f.toPoints(u)
	return flowValues(f)
}

// A mirror image of a shear flow develops as the mirror image of the flow: reflect(simulate(x)) = simulate(reflect(x)), where velocity
// is a vector, the tracer a scalar and the vorticity a pseudo-scalar. As a scalar it would not.
func TestAShearFlowsMirrorImageDevelopsAsItsMirrorImage(t *testing.T) {
	f := newFluid([]int{16, 24}, []float64{1, 2}, 1e-3, []float64{1e-3}, 0, 1)
	u := make([]complex128, 3*f.fourier.Size())
	f.shearLayers(u, newRandom(3))
	f.toPoints(u)
	initial := flowValues(f)
	end := simulatedFrom(t, initial, f.lengths)
	laws := []field.Law{{Rank: field.Vector}, {Rank: field.Scalar}, {Rank: field.Scalar, Pseudo: true}}
	for _, r := range field.Rotations(2, true) {
		mirrored, err := r.ApplyLaws(initial, laws)
		if err != nil {
			t.Fatal(err)
		}
		want, err := r.ApplyLaws(end, laws)
		if err != nil {
			t.Fatal(err)
		}
		got := simulatedFrom(t, mirrored, []float64{f.lengths[r.Axis[0]], f.lengths[r.Axis[1]]})
		var worst, asScalar, largest [4]float64
		for i, v := range got.Data {
			c := i % 4
			largest[c] = max(largest[c], math.Abs(float64(v)))
			worst[c] = max(worst[c], math.Abs(float64(v-want.Data[i])))
			asScalar[c] = max(asScalar[c], math.Abs(float64(v-want.Data[i]*r.Sign(laws[2]))))
		}
		for c, name := range []string{"velocity_x", "velocity_y", "tracer", "vorticity"} {
			if worst[c] > 1e-4*largest[c] {
				t.Errorf("%v: %s differs by %.3g of %.3g", r, name, worst[c], largest[c])
			}
		}
		if !r.Proper() && asScalar[3] < largest[3] {
			t.Errorf("%v: a vorticity that turned as a scalar would differ by %.3g of %.3g only", r, asScalar[3], largest[3])
		}
	}
}
