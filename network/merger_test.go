package network

import (
	"context"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/sample"
)

// The numbers are those of PyTorch's trilinear interpolation without aligned corners.
func TestInterpolationRepeatsTheEnds(t *testing.T) {
	squares := field.Array{Shape: []int{1, 1, 1, 1, 6, 1}, Data: []float32{0, 1, 4, 9, 16, 25}}
	for _, want := range [][]float32{
		{0.25, 3.25, 10.75, 22.75}, // to 4 points
		{0, 0.625, 2.125, 4.625, 8.375, 13.375, 19.375, 25},
	} {
		d := Data{Grid: []int{1, 1, 6}}
		got := d.interpolate(squares, []int{1, 1, len(want)})
		for i, v := range want {
			if math.Abs(float64(got.Data[i]-v)) > 1e-5 {
				t.Fatalf("to %d points: %v, want %v", len(want), got.Data, want)
			}
		}
	}
}

func TestNeutronStarMergerIsPredictedOnItsOwnGrid(t *testing.T) {
	const mergerName, mergerPoints, mergerInside = "post_neutron_star_merger", 66, 64
	b := &sample.Batch{DataSet: mergerName, Input: field.NewArray(1, 2, 16, 16, mergerPoints, 1), Fields: []int{3}, Padding: []bool{false}, Mask: -1,
		Boundaries: []field.Sides{field.Both(field.Open), field.Both(field.Wall), field.Both(field.Periodic)}}
	for i := range b.Input.Data {
		b.Input.Data[i] = float32(math.Sin(0.37 * float64(i)))
	}
	d, err := DataOf(b, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := d.Geometry.Size()[2]; got != mergerInside {
		t.Fatalf("%d points inside the network, want %d", got, mergerInside)
	}
	c := model.Config{Hidden: 16, Inner: 4, Heads: 2, Blocks: 1, States: 4, Dimensions: []int{3}, Causal: true}
	n, err := New(openEngine(t), c, Fresh(3))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	next, _, err := n.Next(context.Background(), d, b.Input, field.Array{}, frame.Rolls{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{1, 16, 16, mergerPoints, 1}, next.Shape); diff != "" {
		t.Error(diff)
	}
	b.DataSet = "another"
	if _, err := DataOf(b, frame.Options{}); err == nil {
		t.Errorf("%d points were accepted for another data set", mergerPoints)
	}
	b.NetworkPoints = map[int]int{mergerPoints: 48}
	if d, err = DataOf(b, frame.Options{}); err != nil || d.Geometry.Size()[2] != 48 || d.Grid[2] != mergerPoints {
		t.Errorf("configured points: %v, want 48 inside (%v)", d.Geometry, err)
	}
	b.DataSet, b.NetworkPoints = mergerName, map[int]int{}
	if _, err := DataOf(b, frame.Options{}); err == nil {
		t.Errorf("%d points were accepted although the configuration says to leave them", mergerPoints)
	}
}
