package train

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/report"
)

// WriteText writes the forecast for people: the network, a row for each data set, memory, steps and time.
func (f Forecast) WriteText(out io.Writer, colour bool) error {
	f.writeNetwork(out)
	if err := f.writeMixture(out, colour); err != nil {
		return err
	}
	fmt.Fprintln(out, "memory of a step on one device, of the largest shape, in GiB")
	f.Memory.WriteText(out)
	f.writeLength(out)
	return nil
}

func (f Forecast) writeNetwork(out io.Writer) {
	n := f.Network
	from := "random weights"
	if n.From != "" {
		from = "weights of " + n.From
	}
	least := ""
	if n.Uncounted != "" {
		least = "at least "
	}
	fmt.Fprintf(out, "network: hidden %d, %d heads, %d blocks, %s%d field columns; from %s\n", n.Hidden, n.Heads, n.Blocks, least, n.Columns, from)
	fmt.Fprintf(out, "  %s%d parameters: %d trained, %d frozen\n", least, n.Parameters, n.Trained, n.Parameters-n.Trained)
	if n.EndsRate != 0 {
		fmt.Fprintf(out, "  encoder and decoder learn with %g times the rate (finetune.ends_rate)\n", n.EndsRate)
	}
	if n.Uncounted != "" {
		fmt.Fprintf(out, "  %s: their columns and what they weigh come on top\n", n.Uncounted)
	}
}

// writeMixture writes a row for each data set that is there, and a line for each that is not.
func (f Forecast) writeMixture(out io.Writer, colour bool) error {
	table := report.Table{Columns: report.Columns("data set", "trajectories", "windows", "points", "tokens", "history", "batch", "passes", "s a step")}
	var absent []string
	for _, s := range f.Data {
		if s.Absent != "" {
			absent = append(absent, fmt.Sprintf("  absent: %s (%s)", s.Path, s.Absent))
			continue
		}
		var tokens, seconds []string
		for _, shape := range s.Shapes {
			tokens = append(tokens, field.GridText(shape.Tokens))
			if shape.Seconds > 0 {
				seconds = append(seconds, fmt.Sprintf("%.3g", shape.Seconds))
			}
		}
		table.Add(report.Text(s.Path), report.Integer(s.Trajectories), report.Integer(s.Windows), report.Text(field.GridText(s.Points)),
			report.Text(strings.Join(tokens, ", ")), report.Integer(s.History), report.Integer(s.Batch), report.Number(s.Passes),
			report.Text(strings.Join(seconds, ", ")))
	}
	fmt.Fprintf(out, "data: %d of %d sets are there, each equally likely\n", len(f.Data)-len(absent), len(f.Data))
	if len(table.Rows) > 0 {
		if err := table.WriteText(out, colour); err != nil {
			return err
		}
	}
	for _, line := range absent {
		fmt.Fprintln(out, line)
	}
	return nil
}

// writeLength writes steps, checkpoints and time.
func (f Forecast) writeLength(out io.Writer) {
	fmt.Fprintf(out, "steps: %d in %d epochs, each of %d batches", f.Steps, f.Epochs, f.Batches)
	if f.Samples > 0 {
		fmt.Fprintf(out, "; about %d samples", f.Samples)
	}
	const mb = 1e6
	c := f.Checkpoint
	fmt.Fprintf(out, "\ncheckpoints: %.1f MB each (weights %.1f, moments %.1f)", float64(c.Bytes())/mb, float64(c.Weights)/mb, float64(c.Moments)/mb)
	if c.Kept > 0 {
		fmt.Fprintf(out, "; at most %d are kept, %.1f MB", c.Kept, float64(c.Kept)*float64(c.Bytes())/mb)
	}
	fmt.Fprintln(out)
	if t := f.Time; t != nil {
		fmt.Fprintf(out, "time: %.3g s a step (%.3g to %.3g by shape), %.3g s beside it to read, %.3g s once to compile: %s, and validation and saving on top\n",
			t.Step, t.Least, t.Most, t.Read, t.Compile, time.Duration(t.Total*float64(time.Second)).Round(time.Second))
	} else {
		fmt.Fprintf(out, "time: no step was timed: %s\n", f.Untimed)
	}
	if f.Exists {
		fmt.Fprintf(out, "note: %s holds a run already; a new one needs another folder\n", f.Out)
	}
}

// WriteText writes the plan, a row for each use of memory, in GiB.
func (p Plan) WriteText(out io.Writer) {
	row := func(name string, bytes int64) {
		if bytes > 0 {
			fmt.Fprintf(out, "  %-46s %8.3f\n", name, gib(bytes))
		}
	}
	row("weights", p.Weights)
	row("gradients", p.Gradients)
	row("moments", p.Moments)
	row("inputs", p.Inputs)
	if p.Planned > 0 {
		row("intermediate values, planned by the engine", p.Planned)
	} else {
		row("intermediate values, estimated", p.Activations)
	}
	row("total", p.Total())
}
