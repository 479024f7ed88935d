package engine

import (
	"strings"
	"testing"
)

func TestPrecisionsHaveNames(t *testing.T) {
	for _, want := range []Precision{Float32, TF32, BFloat16} {
		if got, err := ParsePrecision(want.String()); err != nil || got != want {
			t.Errorf("%s is read as %v, %v", want, got, err)
		}
	}
	if got, err := ParsePrecision(""); err != nil || got != Float32 {
		t.Errorf("no precision is read as %v, %v", got, err)
	}
	p := BFloat16
	if err := p.Set("float16"); err == nil || p != BFloat16 {
		t.Errorf("float16 was accepted as %v, %v", p, err)
	}
}

func TestTF32NeedsAGPU(t *testing.T) {
	for _, config := range []string{"", "cpu", "go"} {
		if e, err := OpenPrecision(config, TF32); err == nil || !strings.Contains(err.Error(), "xla:cuda") {
			t.Errorf("engine %q opened as %v, %v", config, e, err)
		}
	}
}
