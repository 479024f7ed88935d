//go:build xla

package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
)

// twice is a program with an input whose memory the second output takes over.
func twice(in []*Node) []*Node { return []*Node{ReduceAllSum(in[0]), Add(in[0], in[0])} }

var twiceInputs = []Input{{Name: "x", Shape: []int{2, 3}, Into: 2}}

func TestProgramsForCUDAAreWrittenWithoutOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "programs")
	e, err := OpenWriter(dir, Options{Precision: BFloat16})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	p, err := e.Compile("twice", twiceInputs, twice)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "twice.mlir"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "%x__into_1: tensor<2x3xf32> {tf.aliasing_output = 1 : i32}"; !strings.Contains(string(text), want) {
		t.Errorf("%q is not in\n%s", want, text)
	}
	if _, err := p.Run(context.Background(), nil, nil); err == nil {
		t.Error("a program that was only written could be run")
	}
	p.Close()
	if _, err := e.Compile("wrong", twiceInputs, func(in []*Node) []*Node { return []*Node{Reshape(in[0], 7)} }); err == nil {
		t.Error("a mistake in a graph was accepted")
	}
}

func TestAFailureSaysWhatIsMissingOfCUDA(t *testing.T) {
	before, _ := missingOfCUDA.Load().(string)
	defer missingOfCUDA.Store(before)
	failure := errors.New("no kernel")
	missingOfCUDA.Store("libcudnn is missing")
	if err := explain(failure); !errors.Is(err, failure) || !strings.Contains(err.Error(), "libcudnn is missing") {
		t.Errorf("error %v", err)
	}
	missingOfCUDA.Store("")
	if err := explain(failure); err != failure {
		t.Errorf("with nothing missing: error %v", err)
	}
}
