package convert_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/convert"
)

func TestWhatIsThereStays(t *testing.T) {
	p := convert.Plan{In: "nano", Out: filepath.Join(t.TempDir(), "copy"), DType: checkpoint.Float16}
	first, err := convert.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := convert.Run(t.Context(), p); !errors.Is(err, convert.ErrExists) {
		t.Errorf("a second conversion to the same place: %v", err)
	}
	p.Force = true
	if again, err := convert.Run(t.Context(), p); err != nil || again != first {
		t.Errorf("with Force: %+v, %v; want %+v", again, err, first)
	}
	p.Merge, p.Out = true, filepath.Join(t.TempDir(), "merged")
	if _, err := convert.Run(t.Context(), p); !errors.Is(err, convert.ErrWhole) {
		t.Errorf("merging whole weights: %v", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(p.Out)); len(left) > 0 {
		t.Errorf("a refused conversion leaves %v", left)
	}
}

func TestANewFieldMayBeginAsAKnownOne(t *testing.T) {
	p := convert.Plan{In: "nano", Out: filepath.Join(t.TempDir(), "salty"), DType: checkpoint.Float32, Fields: []string{"salinity"}, Like: map[string]string{"salinity": "tracer"}}
	r, err := convert.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	config, err := checkpoint.ReadConfig(r.Config)
	if err != nil {
		t.Fatal(err)
	}
	weights, err := checkpoint.Open(r.Weights)
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	bias, found := weights.Tensor("debed.2.proj2.bias")
	if !found {
		t.Fatal("no bias")
	}
	values := make([]float32, bias.Len())
	if err := bias.Float32(values); err != nil {
		t.Fatal(err)
	}
	if got, want := values[config.Fields["salinity"]], values[config.Fields["tracer"]]; got != want || want == 0 {
		t.Errorf("salinity begins with the bias %g, want tracer's %g", got, want)
	}
	p.Like["salinity"] = "unheard-of"
	p.Out = filepath.Join(t.TempDir(), "refused")
	if _, err := convert.Run(t.Context(), p); err == nil || !strings.Contains(err.Error(), "unheard-of") {
		t.Errorf("like a field that the weights do not know: %v", err)
	}
}

func TestStoppedConversionGoesOn(t *testing.T) {
	whole := convert.Plan{In: "nano", Out: filepath.Join(t.TempDir(), "whole"), DType: checkpoint.Float16}
	want, err := convert.Run(t.Context(), whole)
	if err != nil {
		t.Fatal(err)
	}
	p := whole
	p.Out = filepath.Join(t.TempDir(), "stopped")
	ctx, stop := context.WithCancel(t.Context())
	begun := 0
	p.Begin, p.Written = func(tensors int) { begun = tensors }, func(int64) { stop() }
	r, err := convert.Run(ctx, p)
	if !errors.Is(err, context.Canceled) || begun != want.Tensors {
		t.Fatalf("stopped after the first of %d tensors: %v", begun, err)
	}
	if _, err := os.Stat(r.Weights); !os.IsNotExist(err) {
		t.Errorf("weights after it was stopped: %v", err)
	}
	p.Begin, p.Written = nil, nil
	if r, err = convert.Run(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	same(t, r.Weights, want.Weights)
	same(t, r.Config, want.Config)
}

// same fails where two files differ.
func same(t *testing.T, got, want string) {
	t.Helper()
	a, err := os.ReadFile(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Errorf("%s is not %s", got, want)
	}
}
