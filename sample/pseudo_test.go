package sample

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
)

// Batches turn by the laws of their fields: a plane's vorticity with its normal, the magnetic field as a pseudo-vector, what the
// user says as said.
func TestBatchesTurnPseudoFields(t *testing.T) {
	fields := Fields{
		Variable: []field.Field{{Name: "tracer"}, {Name: "vorticity"}, {Name: "spin"}, {Name: "magnetic_field", Rank: field.Vector}},
		Axes:     []string{"x", "y"}, Pseudo: map[string]bool{"spin": true},
	}
	batch := func(fields Fields, transforms map[string]Transform, r field.Rotation, inSpace bool) []float32 {
		vocabulary := NewEmptyVocabulary()
		names, err := ComponentNames(fields, transforms)
		if err != nil {
			t.Fatal(err)
		}
		vocabulary.Add(names...)
		l, err := NewLayout(fields, transforms, vocabulary)
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.Prepare(&Window{Input: field.Array{Shape: []int{1, 1, 1, 5}, Data: []float32{1, 2, 3, 4, 5}}, Boundaries: make([]field.Sides, 2)})
		if err != nil {
			t.Fatal(err)
		}
		if err = l.rotate(b, r, inSpace); err != nil {
			t.Fatal(err)
		}
		return b.Input.Data
	}
	mirror := field.Rotation{Axis: []int{0, 1, 2}, Flip: []bool{true, false, false}} // x to -x
	over := field.Rotation{Axis: []int{0, 1, 2}, Flip: []bool{true, false, true}}    // half a turn around y
	other := fields
	other.Pseudo = map[string]bool{"vorticity": false, "magnetic_field": false}
	for _, c := range []struct {
		name       string
		fields     Fields
		transforms map[string]Transform
		turn       field.Rotation
		inSpace    bool
		want       []float32 // tracer, vorticity, spin, magnetic field
	}{
		{"mirror image", fields, nil, mirror, false, []float32{1, -2, -3, 4, -5, 0}},
		{"as told otherwise", other, nil, mirror, false, []float32{1, 2, 3, -4, 5, 0}},
		{"plane turned over in space", fields, nil, over, true, []float32{1, -2, -3, -4, 5, 0}},
		{"even transform", fields, map[string]Transform{"vorticity": "square"}, mirror, false, []float32{1, 4, -3, 4, -5, 0}},
		{"odd transform", fields, map[string]Transform{"vorticity": "neg"}, mirror, false, []float32{1, 2, -3, 4, -5, 0}},
	} {
		got := batch(c.fields, c.transforms, c.turn, c.inSpace)
		for i := range got {
			got[i] += 0 // no negative zeros
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestPseudoFieldsThatNoDataSetHasAreErrors(t *testing.T) {
	all := []Fields{{Variable: []field.Field{{Name: "spin"}}}, {Constant: []field.Field{{Name: "mask"}}}}
	if err := CheckPseudo(map[string]bool{"spin": true, "mask": false}, all); err != nil {
		t.Error(err)
	}
	if err := CheckPseudo(map[string]bool{"spn": true}, all); err == nil || !strings.Contains(err.Error(), "spn") || !strings.Contains(err.Error(), "spin, mask") {
		t.Errorf("error %v", err)
	}
	for name, want := range map[string]bool{"magnetic_field": true, "vorticity": true, "velocity": false, "B": false} {
		if IsPseudo(name) != want {
			t.Errorf("%s: pseudo %v, want %v", name, !want, want)
		}
	}
}
