package surrogate_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// What held for a data set when the weights were trained: a Setting is all that lies between its files and the network. The weights are the
// golden ones, of a very small network, and the data is written here.
func ExampleModel_For() {
	folder, err := os.MkdirTemp("", "surrogate")
	check(err)
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "data", "test")
	check(os.MkdirAll(path, 0o777))
	writeDensity(filepath.Join(path, "rising.hdf5"))

	e, err := engine.Open(engine.Default)
	check(err)
	defer e.Close()
	model, err := surrogate.Open(e, "../selftest/testdata/golden/weights.safetensors", surrogate.Options{Stride: 2}) // as trained, but for the stride
	check(err)
	defer model.Close()
	data, err := model.OpenData(folder, "test", well.Options{})
	check(err)
	defer data.Close()

	setting, err := model.For(data)
	check(err)
	fmt.Printf("history %d, stride %d to %d, jitter %v\n", setting.History, setting.MinStride, setting.MaxStride, setting.Jitter)
	layout, err := setting.Layout(data)
	check(err)
	fmt.Println(layout.Quantities())
	// Output:
	// history 6, stride 2 to 2, jitter true
	// [{density scalar}]
}

// writeDensity writes a file of The Well: a density that rises everywhere, on 32 x 32 points.
func writeDensity(path string) {
	points, times := make([]float32, 32), make([]float32, 8)
	for i := range points {
		points[i] = float32(i)
	}
	for i := range times {
		times[i] = float32(i)
	}
	density := field.Field{Name: "density", Rank: field.Scalar}
	h := well.Header{
		DatasetName: "rising", GridType: well.Cartesian, Time: times, Trajectories: 1,
		Axes:   []well.Axis{{Name: "x", Coordinates: points}, {Name: "y", Coordinates: points}},
		Fields: []well.FieldInfo{{Field: density, TimeVarying: true, SampleVarying: true}},
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)})
	w, err := well.Create(path, h)
	check(err)
	defer w.Abort()
	values := make([]float32, 32*32)
	for frame := range times {
		for i := range values {
			values[i] = float32(1 + frame)
		}
		check(w.WriteFrame(0, frame, density.Name, values))
	}
	check(w.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
