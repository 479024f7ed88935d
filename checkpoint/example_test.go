package checkpoint_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/gowalrus/walrus/checkpoint"
)

// Weights from any program: what is written is a safetensors file, and Open reads that, .pt files and the folder of a run alike. A tensor's values
// are read when they are asked for.
func Example() {
	folder, err := os.MkdirTemp("", "checkpoint")
	check(err)
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "mine.safetensors")
	gain, err := checkpoint.NewTensor("norm.weight", []int{2, 2}, []float32{1, 2, 3, 4})
	check(err)
	check(checkpoint.Write(path, []checkpoint.Tensor{gain}, map[string]string{"made by": "an example"}))

	weights, err := checkpoint.Open(path)
	check(err)
	defer weights.Close()
	read, found := weights.Tensor("norm.weight")
	values, err := read.Array()
	check(err)
	fmt.Println(found, values.Shape, values.Data, weights.Metadata["made by"])
	var mismatch *checkpoint.MismatchError
	if err := checkpoint.Match(map[string][]int{"norm.weight": {4}}, weights); errors.As(err, &mismatch) {
		fmt.Println("does not fit:", mismatch.Misshapen)
	}
	// Output:
	// true [2 2] [1 2 3 4] an example
	// does not fit: [{norm.weight [2 2] [4]}]
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
