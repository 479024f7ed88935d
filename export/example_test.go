package export_test

import (
	"fmt"

	"github.com/gowalrus/walrus/export"
)

// Units for NetCDF, whose readers expect them and which files of The Well lack.
func ExampleParseUnits() {
	units, err := export.ParseUnits([]string{"density=kg m-3", "time=s"})
	fmt.Println(units["density"], units["time"], err)
	_, err = export.ParseUnits([]string{"density"})
	fmt.Println(err)
	// Output:
	// kg m-3 s <nil>
	// export: unit "density"; expected NAME=UNIT, such as density=kg m-3
}
