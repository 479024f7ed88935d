package collect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/report"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// prediction is the rollout that a page shows, frame by frame.
type prediction struct {
	name     string
	record   rollout.Provenance
	recorded bool // there is a record
	data     *well.Dataset
	channels []string // names of the components that were predicted, without the spread
	kept     []int    // their places in the file
	fields   []field.Field
	hidden   []bool    // points under a constant mask; nil for none
	moving   int       // where in the file a mask that moves is; -1 for none
	times    []float64 // of the steps that were read
	truth    *truth    // nil where it is not to be had
	without  string    // why there is no truth
	window   *well.Window
	steps    int
	physics  *physics.Record
	errors   []float64 // VRMSE of every step, mean over channels
	worst    error     // of the physics: a note, and no reason to give up
}

// addRollout adds a film of a prediction beside the truth, its error over time and its physics.
func addRollout(ctx context.Context, doc *report.Document, path string, o Options) error {
	p, err := openPrediction(ctx, path, o)
	if err != nil {
		return err
	}
	defer p.close()
	film, err := report.NewFilm(ctx, p.film(ctx, o))
	if err != nil {
		return err
	}
	section := report.Section{Name: "Rollout: " + p.name, Text: p.text(), Films: []*report.Film{film}}
	if p.truth != nil {
		curve := report.RolloutScores{Name: p.name, Score: p.errors}
		spec, err := report.RolloutLines("Error against rollout step", curve)
		if err != nil {
			return err
		}
		if section.Figures, err = lineFigures(" VRMSE, mean over fields, of this trajectory.", spec); err != nil {
			return err
		}
	}
	if p.physics != nil {
		records := []physics.Record{*p.physics}
		figures, err := physicsFigures("Physics", records)
		if err != nil {
			return err
		}
		section.Figures = append(section.Figures, figures...)
		section.Text += leftOut(records)
	}
	doc.Sections = append(doc.Sections, section)
	p.made(doc)
	return nil
}

// openPrediction opens the prediction's file, its record and the truth.
func openPrediction(ctx context.Context, path string, o Options) (*prediction, error) {
	folder, file := path, filepath.Join(path, predictionFile)
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		folder, file = filepath.Dir(path), path
	}
	p := &prediction{name: filepath.Base(filepath.Clean(path))}
	var err error
	p.record, err = rollout.ReadProvenance(filepath.Join(folder, rollout.ProvenanceFile))
	p.recorded = err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if p.data, err = well.OpenDataset(file, "", well.Options{}); err != nil {
		return nil, err
	}
	p.steps = p.data.Files()[0].Steps
	if err := p.open(ctx, o); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *prediction) open(ctx context.Context, o Options) error {
	from := 0
	p.moving = -1
	for _, f := range p.data.Variable() {
		names := f.Components(p.data.Axes())
		switch {
		case f.Name == sample.MaskName: // given, not predicted
			p.moving = from
		case !strings.HasSuffix(f.Name, rollout.SpreadSuffix):
			p.fields, p.channels = append(p.fields, f.Field), append(p.channels, names...)
			for c := range names {
				p.kept = append(p.kept, from+c)
			}
		}
		from += len(names)
	}
	var err error
	if p.window, err = p.data.Read(ctx, well.WindowSpec{Steps: 1, Stride: 1}); err != nil {
		return err
	}
	p.hidden = p.underConstant()
	data := p.record.Data
	if o.Data != "" {
		data = o.Data
	}
	switch {
	case !p.recorded:
		p.without = fmt.Sprintf("There is no %s beside the prediction that says on which data it was made, so the truth is not shown.", rollout.ProvenanceFile)
		return nil
	case o.Data == "" && data == "":
		p.without = "The record does not name the data, so the truth is not shown."
		return nil
	}
	if _, err := os.Stat(data); err != nil && o.Data == "" {
		p.without = fmt.Sprintf("The data is no longer at %s, so the truth is not shown; --data FOLDER says where it is.", data)
		return nil
	}
	if p.truth, err = openTruth(p.record, data, p); err != nil {
		return err
	}
	if p.truth.steps == 0 {
		p.without = "The data ends before the first predicted step, so there is no truth to show."
		p.truth.data.Close() // it was only read
		p.truth = nil
		return nil
	}
	p.steps = min(p.steps, p.truth.steps)
	return nil
}

func (p *prediction) close() {
	p.data.Close() // it was only read
	if p.truth != nil {
		p.truth.data.Close()
	}
}

// underConstant marks the points under the constant field mask, which predictions are zero under; nil for none.
func (p *prediction) underConstant() []bool {
	from := 0
	at := -1
	for _, f := range p.data.Constant() {
		if f.Name == sample.MaskName {
			at = from
		}
		from += f.Rank.Components(len(p.data.Sizes()))
	}
	return notZero(p.window.Constant, at)
}

// notZero says of each point of a frame (*N, C) whether a channel is not zero there; nil without a channel, -1.
func notZero(frame field.Array, channel int) []bool {
	if channel < 0 {
		return nil
	}
	var list []bool
	for at := channel; at < len(frame.Data); at += frame.Axis(-1) {
		list = append(list, frame.Data[at] != 0)
	}
	return list
}

// frame reads a step of truth and prediction, counted from 0. Without a truth the prediction takes its place.
func (p *prediction) frame(ctx context.Context, step int) (known, predicted field.Array, err error) {
	w, err := p.data.Read(ctx, well.WindowSpec{Start: step, Stride: 1, Steps: 1})
	if err != nil {
		return known, predicted, err
	}
	p.times[step] = float64(w.Times[0])
	whole := w.Frames.Index(0)
	predicted = pick(whole, p.kept)
	if p.truth == nil {
		return predicted, field.Array{}, nil
	}
	masked := p.hidden
	if p.moving >= 0 { // that of this step
		masked = notZero(whole, p.moving)
	}
	known, err = p.truth.frame(ctx, step, masked)
	return known, predicted, err
}

// pick takes channels of a frame (*N, C), in this order.
func pick(frame field.Array, channels []int) field.Array {
	all := frame.Axis(-1)
	shape := slices.Clone(frame.Shape)
	shape[len(shape)-1] = len(channels)
	out := field.Array{Shape: shape, Data: make([]float32, 0, len(frame.Data)/all*len(channels))}
	for at := 0; at < len(frame.Data); at += all {
		for _, c := range channels {
			out.Data = append(out.Data, frame.Data[at+c])
		}
	}
	return out
}

// film says what is shown, and measures errors and physics on the way.
func (p *prediction) film(ctx context.Context, o Options) report.FilmSpec {
	spec := report.FilmSpec{
		Name: p.name, Fields: p.channels, Vectors: p.vectors(), Steps: p.steps, Frame: p.frame, FirstStep: 1, Axes: p.data.Axes(),
		Size: p.data.Lengths(p.window), Mark: -1, Budget: o.Budget,
	}
	for _, s := range p.window.Boundaries {
		spec.Periodic = append(spec.Periodic, s.Periodic())
	}
	p.times = make([]float64, p.steps)
	spec.Times = p.times // filled as steps are read
	if len(p.record.Warnings) > 0 {
		first := p.record.Warnings[0]
		spec.Mark, spec.MarkNote = first.Step-1, fmt.Sprintf("%s, %s since step %d", first.Field, first.Kind, first.Step)
	}
	spec.Watch = func(step int, known, predicted field.Array) error {
		if step == 0 {
			if err := p.begin(ctx, known); err != nil {
				return err
			}
		}
		if o.Progress != nil {
			o.Progress(p.name, step+1, p.steps)
		}
		return p.measure(step, known, predicted)
	}
	return spec
}

// vectors are the vector fields among the channels.
func (p *prediction) vectors() []report.Vector {
	var list []report.Vector
	from := 0
	for _, f := range p.fields {
		n := f.Rank.Components(len(p.data.Sizes()))
		if f.Rank == field.Vector {
			v := report.Vector{Name: f.Name}
			for c := range n {
				v.Channels = append(v.Channels, from+c)
			}
			list = append(list, v)
		}
		from += n
	}
	return list
}

// begin starts the record of the physics at the last known frame; without the truth at the first that is predicted, first.
func (p *prediction) begin(ctx context.Context, first field.Array) error {
	if !p.recorded { // nobody says what the fields were transformed by
		return nil
	}
	start := first
	if p.truth != nil {
		var err error
		if start, err = p.truth.frame(ctx, -1, p.hidden); err != nil {
			return err
		}
	}
	p.physics, p.worst = physics.Start(p.domain(), start, p.steps)
	return nil
}

// measure adds a step to the error over time and to the physics.
func (p *prediction) measure(step int, known, predicted field.Array) error {
	if p.truth == nil {
		known, predicted = field.Array{}, known
	} else {
		values, err := metric.VRMSE(predicted, known)
		if err != nil {
			return err
		}
		p.errors = append(p.errors, metric.Mean(values))
	}
	if p.physics == nil || p.worst != nil {
		return nil
	}
	return p.physics.Add(step+1, known, predicted)
}

// domain is what checks of the physics need to know.
func (p *prediction) domain() physics.Domain {
	d := physics.Domain{Grid: p.data.GridType(), Axes: p.data.Axes(), Boundaries: p.window.Boundaries, Hidden: p.hidden, Moving: p.moving >= 0}
	for _, a := range p.window.Axes {
		points := make([]float64, len(a.Coordinates))
		for i, x := range a.Coordinates {
			points[i] = float64(x)
		}
		d.Coordinates = append(d.Coordinates, points)
	}
	from := 0
	for _, f := range p.fields {
		q := physics.Quantity{Field: f}
		for name, transform := range p.record.Transforms {
			if f.Name == string(transform)+"_"+name && transform == sample.Log10 {
				q.Name, q.Undo = name, func(v float64) float64 { return math.Pow(10, v) }
			} else if f.Name == string(transform)+"_"+name || f.Name == name {
				q.Lost = fmt.Sprintf("the file has its %s", transform)
			}
		}
		for c := range f.Rank.Components(len(p.data.Sizes())) {
			q.Channels = append(q.Channels, from+c)
		}
		from += len(q.Channels)
		d.Quantities = append(d.Quantities, q)
	}
	return d
}

// text says what is shown.
func (p *prediction) text() string {
	text := fmt.Sprintf("%d steps.", p.steps)
	if p.truth != nil {
		text = fmt.Sprintf("%d steps, predicted from known frames; after them the network sees only what it predicted itself. Truth and prediction share one colour scale.", p.steps)
	}
	if p.without != "" {
		text += " " + p.without
	}
	if p.record.Stopped != "" {
		text += " The rollout stopped early: " + p.record.Stopped + "."
	}
	for _, w := range p.record.Warnings {
		text += " Warning: " + w.String() + "."
	}
	if p.worst != nil {
		text += fmt.Sprintf(" Checks of the physics were not possible: %v.", p.worst)
	}
	return text
}

// made says how the prediction came about.
func (p *prediction) made(doc *report.Document) {
	if !p.recorded {
		return
	}
	r := p.record
	doc.Made = append(doc.Made, report.Fact{Name: p.name, Value: fmt.Sprintf("weights %s, data %s, trajectory %d, history of %d frames from frame %d, stride %d, seed %d, %d members; %s",
		r.Weights, r.Data, r.Trajectory, r.History, r.Start, r.Stride, r.Seed, r.Members, r.Program)})
	if len(r.Command) > 0 {
		doc.Commands = append(doc.Commands, strings.Join(quoted(r.Command), " "))
	}
}
