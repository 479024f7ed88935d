package well_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/well"
)

// A file in The Well's format, written frame by frame and read back as a window with a stride.
func Example() {
	folder, err := os.MkdirTemp("", "well")
	check(err)
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "rising.hdf5")
	points, times := []float32{0, 1, 2, 3}, []float32{0, 0.5, 1, 1.5, 2}
	density := field.Field{Name: "density", Rank: field.Scalar}
	h := well.Header{
		DatasetName: "rising", GridType: well.Cartesian, Time: times, Trajectories: 1,
		Axes:   []well.Axis{{Name: "x", Coordinates: points}, {Name: "y", Coordinates: points}},
		Fields: []well.FieldInfo{{Field: density, TimeVarying: true, SampleVarying: true}},
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)})
	w, err := well.Create(path, h)
	check(err)
	defer w.Abort() // nothing stays of a file that was not closed
	values := make([]float32, 16)
	for frame := range times {
		for i := range values {
			values[i] = float32(1 + frame)
		}
		check(w.WriteFrame(0, frame, density.Name, values))
	}
	check(w.Close())

	d, err := well.OpenDataset(path, "", well.Options{})
	check(err)
	defer d.Close()
	window, err := d.Read(context.Background(), well.WindowSpec{Start: 0, Stride: 2, Steps: 3})
	check(err)
	fmt.Println(d.Name(), d.Axes(), d.Sizes(), window.Boundaries)
	fmt.Println(window.Frames.Shape, window.Times, window.Frames.Data[0], window.Frames.Data[32])
	// Output:
	// rising [x y] [4 4] [PERIODIC WALL]
	// [3 4 4 1] [0 1 2] 1 5
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
