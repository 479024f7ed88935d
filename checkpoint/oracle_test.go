package checkpoint

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// number is a float32 in JSON, which has no infinity.
type number float32

func (n *number) UnmarshalJSON(text []byte) error {
	s := string(text)
	if s[0] == '"' {
		s = s[1 : len(s)-1]
	}
	v, err := strconv.ParseFloat(s, 64)
	*n = number(v)
	return err
}

func TestFilesThatPyTorchWroteReadAsPyTorchReadsThem(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "torch.json"))
	if err != nil {
		t.Fatal(err)
	}
	var oracle struct {
		Files map[string]map[string]struct {
			Shape  []int
			Values []number
		}
	}
	if err := json.Unmarshal(text, &oracle); err != nil {
		t.Fatal(err)
	}
	for file, tensors := range oracle.Files {
		t.Run(file, func(t *testing.T) {
			c := open(t, filepath.Join("testdata", file))
			if len(c.Tensors()) != len(tensors) {
				t.Errorf("%d tensors, PyTorch has %d", len(c.Tensors()), len(tensors))
			}
			for name, want := range tensors {
				found, ok := c.Tensor(name)
				if !ok {
					t.Errorf("%s is missing", name)
					continue
				}
				if !slices.Equal(found.Shape, want.Shape) {
					t.Errorf("%s has shape %v, PyTorch has %v", name, found.Shape, want.Shape)
					continue
				}
				for i, got := range values(t, found) {
					if math.Float32bits(got) != math.Float32bits(float32(want.Values[i])) {
						t.Errorf("%s [%d] is %g, PyTorch has %g", name, i, got, want.Values[i])
					}
				}
			}
		})
	}
}
