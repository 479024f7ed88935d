package report

import (
	"fmt"
	"image/png"
	"io"
	"slices"
	"strconv"

	"github.com/gowalrus/walrus/field"
)

// PanelSpec says what to show of a trajectory and its prediction. Panels, Animation and Video read the same one.
type PanelSpec struct {
	Title string
	// Fields names the channels, one each, in the order of the last axis.
	Fields []string
	// Channels chooses and orders the channels to show, one row each; nil shows all.
	Channels []int
	// Truth and Prediction have the shape (steps, *N, C) with one to three axes of space. Without a Prediction the truth alone is
	// shown. A Prediction may have fewer steps (a rollout that stopped); the rest of the truth is then left out.
	Truth, Prediction field.Array
	// Steps are the positions on the first axis that Panels shows; nil shows the first, the middle and the last.
	Steps []int
	// FirstStep is the number that position 0 bears in labels. Rollouts count their predicted frames from 1.
	FirstStep int
	// Numbers are what the positions bear in labels where they do not count on from FirstStep; nil where they do.
	Numbers []int
	// Times are the physical times of the positions; nil shows no time.
	Times []float64
	// Axes names the axes of space; nil stands for x, y, z.
	Axes []string
	// Size has the lengths of the domain along its axes, for the aspect ratio; nil stands for cells that are square.
	Size []float64
	// Theme is the colours around the data; the zero Theme is Light.
	Theme Theme
	// PanelPixels is the side of a square panel, in pixels at scale 1; oblong ones cover the same area. The default is 220, and less where many
	// steps stand side by side or the image becomes a GIF.
	PanelPixels int
	// PixelScale is the number of image pixels for one pixel on a page: 2 stays crisp on fine screens. The default is 2 for Panels and 1 for
	// Animation and Video.
	PixelScale int
}

// number is what a position bears in labels.
func (s PanelSpec) number(position int) int {
	if position < len(s.Numbers) {
		return s.Numbers[position]
	}
	return position + s.FirstStep
}

// column is what a column of panels shows.
type column int

const (
	truthColumn column = iota
	predictionColumn
	errorColumn
)

func (c column) String() string {
	return [...]string{"truth", "prediction", "error"}[c]
}

// figure is a validated PanelSpec with its plane and its colour scales.
type figure struct {
	PanelSpec
	slicing
	steps     int // that both arrays have
	columns   []column
	values    []Scale // per row
	errors    []Scale
	notFinite bool // something shown is NaN or infinite
}

// Bounds of what a caller may ask for.
const (
	largestSide  = 10_000
	largestScale = 8
)

// newFigure checks the spec and fits the colour scales to the given positions (nil: all of them).
func newFigure(spec PanelSpec, positions []int) (*figure, error) {
	shape := spec.Truth.Shape
	plane, err := newSlicing(shape, spec.Axes, spec.Size)
	if err != nil {
		return nil, err
	}
	if n := field.Volume(shape); n != len(spec.Truth.Data) {
		return nil, fmt.Errorf("report: truth: %d values for shape %v; expected %d", len(spec.Truth.Data), shape, n)
	}
	f := &figure{PanelSpec: spec, slicing: plane, steps: shape[0], columns: []column{truthColumn}}
	f.Theme = spec.Theme.orLight()
	if spec.PanelPixels > largestSide || spec.PixelScale > largestScale {
		return nil, fmt.Errorf("report: panels of %d pixels at scale %d; expected at most %d at scale %d", spec.PanelPixels, spec.PixelScale, largestSide, largestScale)
	}
	if len(spec.Prediction.Shape) > 0 {
		if err := f.checkPrediction(); err != nil {
			return nil, err
		}
		f.steps = min(f.steps, spec.Prediction.Shape[0])
		f.columns = []column{truthColumn, predictionColumn, errorColumn}
	}
	if err := f.checkLabels(); err != nil {
		return nil, err
	}
	if positions == nil {
		for i := range f.steps {
			positions = append(positions, i)
		}
	}
	for _, p := range positions {
		if p < 0 || p >= f.steps {
			return nil, fmt.Errorf("report: position %d asked for; the arrays have 0 to %d", p, f.steps-1)
		}
	}
	f.fitScales(positions)
	return f, nil
}

func (f *figure) checkPrediction() error {
	truth, prediction := f.Truth.Shape, f.Prediction.Shape
	if len(truth) != len(prediction) || !slices.Equal(truth[1:], prediction[1:]) || prediction[0] < 1 {
		return fmt.Errorf("report: prediction has shape %v, truth %v; expected the same space and channels, and at least one step", prediction, truth)
	}
	if n := field.Volume(prediction); n != len(f.Prediction.Data) {
		return fmt.Errorf("report: prediction: %d values for shape %v; expected %d", len(f.Prediction.Data), prediction, n)
	}
	return nil
}

// checkLabels checks names, channels and times against the shape and fills in the default channels.
func (f *figure) checkLabels() error {
	channels := f.Truth.Axis(-1)
	if len(f.Fields) != channels {
		return fmt.Errorf("report: %d field names %q for %d channels", len(f.Fields), f.Fields, channels)
	}
	if f.Times != nil && len(f.Times) < f.steps {
		return fmt.Errorf("report: %d times for %d steps", len(f.Times), f.steps)
	}
	if f.Channels == nil {
		for c := range channels {
			f.Channels = append(f.Channels, c)
		}
	}
	for _, c := range f.Channels {
		if c < 0 || c >= channels {
			return fmt.Errorf("report: channel %d asked for; the arrays have 0 to %d", c, channels-1)
		}
	}
	if len(f.Channels) == 0 {
		return fmt.Errorf("report: no channel chosen of the %d", channels)
	}
	return nil
}

// fitScales gives each row its scale for values, from the truth alone, and its scale for errors.
func (f *figure) fitScales(positions []int) {
	for _, c := range f.Channels {
		truth, prediction, difference := noValues(), noValues(), noValues()
		for _, p := range positions {
			truth.add(f.panel(truthColumn, p, c).values())
			if len(f.columns) > 1 {
				prediction.add(f.panel(predictionColumn, p, c).values())
				difference.add(f.panel(errorColumn, p, c).values())
			}
		}
		f.values = append(f.values, valueScale(truth).marked(prediction))
		f.errors = append(f.errors, errorScale(truth.span(), difference))
		f.notFinite = f.notFinite || truth.notFinite || prediction.notFinite || difference.notFinite
	}
}

// panel returns the plane that a column shows of one position and channel.
func (f *figure) panel(kind column, position, channel int) plane {
	switch kind {
	case predictionColumn:
		return f.of(f.Prediction, position, channel)
	case errorColumn:
		return f.of(f.Prediction, position, channel).minus(f.of(f.Truth, position, channel))
	}
	return f.of(f.Truth, position, channel)
}

// label names a position: "step 5", "step 5 of 20", "step 5, t = 0.25".
func (f *figure) label(position int, ofAll bool) string {
	text := "step " + strconv.Itoa(f.number(position))
	if ofAll {
		text += " of " + strconv.Itoa(f.number(f.steps-1))
	}
	if f.Times != nil {
		text += ", t = " + strconv.FormatFloat(f.Times[position], 'g', 4, 64)
	}
	return text
}

// Sizes of a panel at scale 1. Three columns of the largest with their colour bars fit a page of 900 pixels.
const (
	largestPanel  = 220
	smallestPanel = 120
	allPanels     = 1300 // width that the panels of a picture should share
)

// panelPixels is the side of a square panel where this many stand side by side.
func (f *figure) panelPixels(abreast int) int {
	if f.PanelPixels > 0 {
		return f.PanelPixels
	}
	return min(max(allPanels/abreast, smallestPanel), largestPanel)
}

// Panels writes a PNG: one row a field, and for each of the chosen steps the columns truth, prediction and error. All steps of a row share its
// colour scales. Errors name the axis, field or step that does not fit.
func Panels(w io.Writer, spec PanelSpec) error {
	positions := spec.Steps
	if len(positions) == 0 && len(spec.Truth.Shape) > 0 {
		n := spec.Truth.Shape[0]
		if len(spec.Prediction.Shape) > 0 {
			n = min(n, spec.Prediction.Shape[0])
		}
		positions = slices.Compact([]int{0, n / 2, n - 1})
	}
	f, err := newFigure(spec, positions)
	if err != nil {
		return err
	}
	scale := 2
	if f.PixelScale > 0 {
		scale = f.PixelScale
	}
	l, err := newLayout(f, len(positions), scale)
	if err != nil {
		return err
	}
	picture := l.frame()
	for g, p := range positions {
		l.drawGroup(picture, g, p, f.label(p, false))
	}
	if err := png.Encode(w, picture); err != nil {
		return fmt.Errorf("report: panels: %w", err)
	}
	return nil
}
