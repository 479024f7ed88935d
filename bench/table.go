package bench

import (
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/report"
)

// Table has measurements with several numbers of tokens, the first of which the others are seen beside.
func Table(results []Result) report.Table {
	first := results[0]
	table := report.Table{
		Title: fmt.Sprintf("%s of %.4g parameters on %s in %s, by tokens along each axis", strings.ReplaceAll(first.What, "_", " "), float64(first.Parameters), first.Engine, first.Precision),
		Columns: []report.Column{
			{Name: "tokens"}, {Name: "median s", Digits: 3}, {Name: "minimum s", Digits: 3}, {Name: fmt.Sprintf("times that with %d", first.Tokens), Digits: 3},
			{Name: "compilation s", Digits: 3}, {Name: "GFLOP/s", Digits: 3}, {Name: "planned GiB", Digits: 3},
		},
	}
	for _, r := range results {
		table.Rows = append(table.Rows, []report.Cell{report.Integer(r.Tokens), report.Number(r.Median), report.Number(r.Min), report.Number(r.Median / first.Median),
			report.Number(r.Compile), report.Number(r.Rate), report.Number(r.Planned)})
	}
	return table
}

// String says a measurement in sentences, for people.
func (r Result) String() string {
	out := &strings.Builder{}
	fmt.Fprintf(out, "%s on %s in %s: median %.3f s, minimum %.3f s of %d runs (first run %.2f s; compilation %.2f s)\n",
		strings.ReplaceAll(r.What, "_", " "), r.Engine, r.Precision, r.Median, r.Min, len(r.Times), r.CompileSecond, r.Compile)
	if r.Device > 0 {
		fmt.Fprintf(out, "a step keeps the device busy for %.4f s, the host takes %.4f s of the median\n", r.Device, r.Host)
	}
	if r.Devices > 1 {
		fmt.Fprintf(out, "%d samples on %d devices\n", r.Devices, r.Devices)
	}
	fmt.Fprintf(out, "%.4g parameters, %.0f GFLOP/s", float64(r.Parameters), r.Rate)
	if r.Peak > 0 {
		fmt.Fprintf(out, ", %.0f%% of the measured peak of %.0f", 100*r.Share, r.Peak)
	}
	fmt.Fprintf(out, "\npeak resident memory %.2f GiB", r.PeakRSS)
	if r.Planned > 0 {
		fmt.Fprintf(out, ", of which %.2f GiB planned beside the weights", r.Planned)
	}
	fmt.Fprintln(out)
	return out.String()
}
