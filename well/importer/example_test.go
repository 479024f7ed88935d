package importer_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/importer"
)

// An array of another program, time before x and y, becomes a file of The Well.
func ExampleImport() {
	folder, err := os.MkdirTemp("", "importer")
	check(err)
	defer os.RemoveAll(folder)
	description, array, out := filepath.Join(folder, "flow.yaml"), filepath.Join(folder, "pressure.npy"), filepath.Join(folder, "flow.hdf5")
	check(os.WriteFile(array, npy(), 0o666))
	check(os.WriteFile(description, []byte(`
name: my_flow
axes:
  - {name: x, boundary: periodic, first: 0, last: 3}
  - {name: y, boundary: wall/open, first: 0, last: 1}
time: {step: 0.1}
layout: [time, x, y]
fields:
  - {name: pressure, variables: [pressure]}
`), 0o666))
	c, err := importer.ReadConfig(description)
	check(err)
	_, err = importer.Import(context.Background(), c, []string{array}, out, importer.Options{})
	check(err)
	d, err := well.OpenDataset(out, "", well.Options{})
	check(err)
	defer d.Close()
	fmt.Println(d.Name(), d.Axes(), d.Sizes(), d.VariableChannels(), d.Files()[0].Steps, "frames")
	// Output:
	// my_flow [x y] [4 2] [pressure] 3 frames
}

// npy is a NumPy file of 3 frames of 4 x 2 points.
func npy() []byte {
	header := "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 2), }"
	header += fmt.Sprintf("%*s\n", 127-10-len(header), "")
	file := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), 0)
	file = append(file, header...)
	for i := range 24 {
		file = append(file, byte(i))
	}
	return file
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
