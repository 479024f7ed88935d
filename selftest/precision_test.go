package selftest

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
)

// autocastErrors are what PyTorch 2.15's autocast to bfloat16 on a CPU makes of the gradients of all weights: the norm of the
// error over that of the golden gradient.
var autocastErrors = map[string]float64{"fwd_b_2d_periodic_rolls": 1.81e-2, "fwd_e_3d_mixed": 1.30e-2}

// autocastOutputs are the same of the predictions (PyTorch 2.14, an AMD EPYC with AVX2).
var autocastOutputs = map[string]float64{
	"fwd_b_2d_periodic_rolls": 1.511e-2, "fwd_c_2d_wall_open": 1.507e-2, "fwd_d_2d_periodic_wall": 3.165e-2, "fwd_e_3d_mixed": 1.766e-2,
	"fwd_f1_2d_96x384_periodic_open": 1.884e-2, "fwd_f2_2d_256x128_wall_periodic": 2.092e-2, "fwd_f3_2d_1024x32_periodic": 1.921e-2,
	"fwd_f4_2d_512x32_wall_open": 1.644e-2, "fwd_g1_singleton_d": 2.015e-2, "fwd_g2_singleton_w": 1.431e-2,
}

func TestPredictionsOfRoundedProductsAreAsCloseAsAutocasts(t *testing.T) {
	if !thorough() {
		t.Skip("all golden predictions; WALRUS_LONG=1 compares them")
	}
	e, err := engine.OpenPrecision("cpu:round", engine.BFloat16)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r := &runner{folder: &folder{path: goldenFolder()}, engine: e}
	for stem, autocast := range autocastOutputs {
		if !exists(filepath.Join(goldenFolder(), stem+".json")) {
			continue
		}
		c, err := r.openForward(stem)
		if err != nil {
			t.Fatal(err)
		}
		y, err := c.net.Forward(context.Background(), c.data, c.input, c.rolls, false)
		c.net.Close()
		c.file.Close()
		if err != nil {
			t.Fatal(err)
		}
		checkRounding(t, stem+", prediction", autocast, func(yield func(got, want []float32)) { yield(y.Data, c.output.Data) })
	}
}

// checkRounding compares the norm of all differences over the norm of what is right with the error of PyTorch's autocast.
func checkRounding(t *testing.T, what string, autocast float64, pairs func(yield func(got, want []float32))) {
	t.Helper()
	var difference, size float64
	pairs(func(got, want []float32) {
		for i, v := range want {
			difference += math.Pow(float64(got[i]-v), 2)
			size += math.Pow(float64(v), 2)
		}
	})
	off := math.Sqrt(difference / size)
	t.Logf("%s: off by %.3g of the norm; PyTorch's autocast by %.3g", what, off, autocast)
	if !(off > 1e-4 && off <= 1.5*autocast) {
		t.Errorf("%s: in bfloat16 off by %.3g of the norm, allowed 1.5 x %.3g, and something is rounded", what, off, autocast)
	}
}

// weightGradients are the gradients of all weights of a forward case on an engine of a precision, which rounds on any machine.
func weightGradients(t *testing.T, stem string, p engine.Precision) map[string]field.Array {
	t.Helper()
	e, err := engine.OpenPrecision("cpu:round", p)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	r := &runner{folder: &folder{path: goldenFolder()}, engine: e}
	c, err := r.openForward(stem)
	if err != nil {
		t.Fatal(err)
	}
	defer c.file.Close()
	defer c.net.Close()
	_, weights, _, err := c.differentiate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return weights
}

// The golden gradients are those of float32, which another test compares with ours.
func TestGradientsOfRoundedProductsAreAsCloseAsAutocasts(t *testing.T) {
	if !thorough() {
		t.Skip("the gradients of the whole golden data; WALRUS_LONG=1 compares them")
	}
	for stem, autocast := range autocastErrors {
		if stem == "fwd_e_3d_mixed" && os.Getenv("WALRUS_LONG") == "" {
			continue // a minute, where pairs of bfloat16 are multiplied by their definition
		}
		if !exists(filepath.Join(goldenFolder(), stem+".json")) {
			t.Skipf("no %s beside the small golden data", stem)
		}
		exact, rounded := weightGradients(t, stem, engine.Float32), weightGradients(t, stem, engine.BFloat16)
		checkRounding(t, stem+", gradients", autocast, func(yield func(got, want []float32)) {
			for name, want := range exact {
				yield(rounded[name].Data, want.Data)
			}
		})
	}
}
