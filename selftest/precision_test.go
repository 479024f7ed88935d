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
		var difference, size float64
		for name, want := range exact {
			for i, v := range want.Data {
				difference += math.Pow(float64(rounded[name].Data[i]-v), 2)
				size += math.Pow(float64(v), 2)
			}
		}
		off := math.Sqrt(difference / size)
		t.Logf("%s: off by %.3g of the norm; PyTorch's autocast by %.3g", stem, off, autocast)
		if !(off <= 1.5*autocast) {
			t.Errorf("%s: bfloat16 gradients are off by %.3g of their norm, allowed 1.5 x %.3g", stem, off, autocast)
		}
	}
}
