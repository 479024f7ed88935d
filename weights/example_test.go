package weights_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/gowalrus/walrus/weights"
)

// The models that are part of the program: their files are those of a saved run.
func ExampleOpen() {
	fmt.Println(weights.Names())
	file, err := weights.Open("nano/config.yaml")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	fmt.Println(strings.Contains(string(text), "hidden_dim: "), err)
	// Output:
	// [nano]
	// true <nil>
}
