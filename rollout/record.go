package rollout

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/well"
)

// Recording says what is kept of a rollout while it goes on: a file, warnings, scores, and frames for pictures. The rollout itself need not fit into memory.
type Recording struct {
	Path  string                // of the file with all predicted frames
	Watch func(physics.Warning) // told when a field begins to go astray; nil does not watch
	// Pictures bounds the bytes of truth and prediction that are kept for pictures; longer rollouts are shown at every n-th step.
	Pictures int64
}

// Record is what is known after a rollout.
type Record struct {
	Steps, Known int // predicted, and of these with truth
	Members      int
	Warnings     []physics.Warning
	Scores       *score.Result // of the known steps, and of the first alone; nil for none
	Shown        Shown
}

// Shown are the steps for pictures.
type Shown struct {
	Every             int         // steps between two of them
	Steps             []int       // counted from 1
	Truth, Prediction field.Array // (shown steps, *grid, variable channels); the truth may have fewer
}

// Unstable says that a watched rollout went astray.
type Unstable struct{ Warnings []physics.Warning }

func (e *Unstable) Error() string {
	return fmt.Sprintf("rollout: %d warnings; the first is of %s at step %d (%s); the file names all", len(e.Warnings), e.Warnings[0].Field, e.Warnings[0].Step, e.Warnings[0].Kind)
}

// recorder is a recording that goes on.
type recorder struct {
	*Case
	Recording
	dataset *well.Dataset
	options Options
	record  Record
	file    *Writer
	watch   *physics.Watch
	stopped error
	first   [2]field.Array // truth and prediction of step 1
}

// Record rolls out from the case's start as Predict does and keeps what the recording says; d is the data set that the case was read from. A rollout that becomes
// non-finite, or whose ctx ends, has its file with the frames so far, and its error beside the record; the file's attributes say what happened at
// which step. Without a single frame there is no file.
func (c *Case) Record(ctx context.Context, d *well.Dataset, o Options, r Recording) (Record, error) {
	o = c.options(o)
	k := &recorder{Case: c, Recording: r, dataset: d, options: o, record: Record{Members: o.Members()}}
	defer func() {
		if k.file != nil {
			k.file.Abort()
		}
	}()
	if r.Watch != nil {
		var err error
		if k.watch, err = physics.NewWatch(*c.Domain(), c.Start.Names, Unpadded(c.Layout), c.Start.History.Index(0)); err != nil {
			return k.record, err
		}
	}
	k.record.Shown = c.shown(o.Steps, r.Pictures)
	if err := k.run(ctx); err != nil {
		return k.record, err
	}
	if k.file == nil {
		return k.record, k.stopped
	}
	marks := Marks{Warnings: k.record.Warnings}
	errors.As(k.stopped, &marks.Stopped)
	k.file.Mark(marks)
	return k.record, errors.Join(k.file.Close(), k.stopped)
}

// shown prepares the frames for pictures.
func (c *Case) shown(steps int, limit int64) Shown {
	grid := append(slices.Clone(c.Grid), c.Layout.Variable)
	every := 1
	if limit > 0 {
		most := max(2, limit/(2*4*int64(field.Volume(grid))))
		every = int((int64(steps) + most - 1) / most)
	}
	return Shown{Every: every, Truth: field.Array{Shape: append([]int{0}, grid...)}, Prediction: field.Array{Shape: append([]int{0}, grid...)}}
}

// run goes through the steps, scored as far as there is truth. What ends the rollout early is not its error.
func (k *recorder) run(ctx context.Context) error {
	if k.Known == 0 {
		for _, err := range k.steps(ctx) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	protocol := score.DefaultProtocol()
	protocol.Windows = []score.Window{score.WholeRollout}
	scores, err := score.Evaluate(context.WithoutCancel(ctx), protocol, func(yield func(score.Forecast, error) bool) {
		f := score.Forecast{DataSet: k.dataset.Name(), Name: k.Origin(), Fields: k.Start.Names, Channels: Unpadded(k.Layout), Last: k.Last()}
		whole := f
		whole.Stream, whole.Count, whole.MayEnd, whole.Hidden = k.steps(ctx), k.Known, true, k.Hidden()
		if !yield(whole, nil) || k.record.Known == 0 {
			return
		}
		one := func(a field.Array) field.Array { return field.Array{Shape: append([]int{1}, a.Shape...), Data: a.Data} }
		if hidden := k.Hidden(); len(hidden.Data) > 0 {
			f.Hidden = one(hidden.Index(0))
		}
		f.OneStep, f.Truth, f.Prediction = true, one(k.first[0]), one(k.first[1])
		yield(f, nil)
	})
	if err == nil && k.record.Known > 0 {
		k.record.Scores = scores
	}
	if k.record.Steps == 0 && k.stopped != nil {
		return nil // nothing was scored
	}
	return err
}

// steps predicts, keeps, and gives the steps that have a truth. It ends without an error where the rollout stops.
func (k *recorder) steps(ctx context.Context) iter.Seq2[score.Step, error] {
	return func(yield func(score.Step, error) bool) {
		next, stop := iter.Pull2(k.Truth(context.WithoutCancel(ctx)))
		defer stop()
		for frame, err := range k.Frames(ctx, k.options) {
			if err != nil {
				if k.stopped = err; !errors.As(err, new(*NonFiniteError)) && ctx.Err() == nil {
					yield(score.Step{}, err)
				}
				return
			}
			truth, err, known := next()
			if err == nil {
				err = k.keep(frame, truth)
			}
			if err != nil || known {
				if !yield(score.Step{Truth: truth, Prediction: frame.Mean.Index(0)}, err) || err != nil {
					return
				}
			}
		}
	}
}

// keep takes a step in: truth is the zero Array beyond the data.
func (k *recorder) keep(frame Frame, truth field.Array) error {
	prediction := frame.Mean.Index(0)
	if k.file == nil {
		var err error
		if k.file, err = k.Create(k.Path, k.dataset, k.options.Steps, len(frame.Spread.Data) > 0); err != nil {
			return err
		}
		k.first = [2]field.Array{truth, prediction}
	}
	if err := k.file.Add(frame); err != nil {
		return err
	}
	k.record.Steps++
	known := len(truth.Data) > 0
	if known {
		k.record.Known++
	}
	if k.watch != nil {
		for _, w := range k.watch.Look(k.record.Steps, prediction) {
			k.record.Warnings = append(k.record.Warnings, w)
			k.Watch(w)
		}
	}
	if shown := &k.record.Shown; k.Pictures > 0 && ((k.record.Steps-1)%shown.Every == 0) {
		shown.Steps = append(shown.Steps, k.record.Steps)
		for _, part := range []struct {
			to    *field.Array
			frame field.Array
			there bool
		}{{&shown.Truth, truth, known}, {&shown.Prediction, prediction, true}} {
			if part.there {
				part.to.Shape[0]++
				part.to.Data = append(part.to.Data, part.frame.Data...)
			}
		}
	}
	return nil
}
