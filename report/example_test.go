package report_test

import (
	"fmt"
	"os"

	"github.com/gowalrus/walrus/report"
)

// A table of results for a terminal; WriteCSV and WriteJSON write the same one.
func ExampleTable() {
	table := report.Table{Title: "one step ahead", Columns: report.Columns("field", "VRMSE")}
	table.Add(report.Text("density"), report.Number(0.0123))
	table.Add(report.Text("pressure"), report.Missing())
	if err := table.WriteText(os.Stdout, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// one step ahead
	// field       VRMSE
	// ────────  ───────
	// density   0.01230
	// pressure        –
}
