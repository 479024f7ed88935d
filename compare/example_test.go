package compare_test

import (
	"fmt"

	"github.com/gowalrus/walrus/compare"
)

// Models as a command line names them: each gets a name that tells it from the others in the tables.
func ExampleNames() {
	names, paths, err := compare.Names([]string{"runs/a/best", "runs/b/best", "fno=runs/fno"})
	fmt.Println(names, paths, err)
	// Output:
	// [runs/a/best runs/b/best fno] [runs/a/best runs/b/best runs/fno] <nil>
}
