package report

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/gowalrus/walrus/field"
)

// FilmSpec says what a film shows: a rollout, step by step, that a page plays field by field, in two dimensions as it is, in three as slices,
// maximum projections and a view that turns.
type FilmSpec struct {
	Name string
	// Fields names the channels, one each; Units has their units, or is nil.
	Fields, Units []string
	// Channels chooses and orders the channels to show; nil shows all.
	Channels []int
	Vectors  []Vector
	// Steps is the number of frames; Frame reads one, (*N, C). The prediction is the zero Array where there is none; all steps have one, or none
	// has. Steps are read in order, each at most once.
	Steps int
	Frame func(ctx context.Context, step int) (truth, prediction field.Array, err error)
	// FirstStep is the number that step 0 bears in labels.
	FirstStep int
	// Times are physical times, or nil; TimeUnit is their unit.
	Times    []float64
	TimeUnit string
	// Axes names the axes of space; nil stands for x, y, z. Size has the lengths of the domain on a cartesian grid, and is nil elsewhere.
	Axes     []string
	Size     []float64
	Periodic []bool // by axis; nil for none
	// Mark is a step that a reader should look at, as the one where a rollout lost its stability; -1 for none. MarkNote says why.
	Mark     int
	MarkNote string
	// Watch, where given, is shown every frame that is read, before it is reduced: for curves over time.
	Watch func(step int, truth, prediction field.Array) error
	// Budget bounds the packed bytes before compression (default 32 MiB): larger grids are shown as means over blocks of cells, and long
	// rollouts in strides.
	Budget int
}

// Bounds of a film.
const (
	defaultBudget  = 32 << 20
	maxFilmFrames  = 120
	largestPlane   = 256 * 256 // cells of a film in one or two dimensions
	smallestPlane  = 64 * 64
	largestVolume  = 64 * 64 * 64
	smallestVolume = 24 * 24 * 24
	largestGrid    = 1 << 31 // points of a frame
)

// Film is a rollout, packed for a page.
type Film struct {
	view  filmView
	blobs []blob
}

// blob is one packed part of a film, under the name that the page's script knows.
type blob struct {
	ID   string
	Data string // base64 of deflate of residuals (pack.go)
}

// filmView is what the page's script reads.
type filmView struct {
	Name     string       `json:"name"`
	Sizes    []int        `json:"sizes"`  // cells, C order
	Length   []float64    `json:"length"` // of the domain, for the aspect ratio
	Axes     []string     `json:"axes"`
	Labels   []string     `json:"labels"` // one a frame
	Columns  []string     `json:"columns"`
	Fields   []fieldView  `json:"fields"`
	Vectors  []vectorView `json:"vectors"`
	Note     string       `json:"note"`
	Mark     int          `json:"mark"` // frame, or -1
	MarkNote string       `json:"markNote"`
}

// fieldView is one field of a film: its scale and that of its error.
type fieldView struct {
	Name   string     `json:"name"`
	Unit   string     `json:"unit"`
	Scales []scaleBar `json:"scales"` // of the values, and of the error where there is one
	Blobs  []string   `json:"blobs"`  // one a column
}

// scaleBar is a Scale for the page's script.
type scaleBar struct {
	Map   string     `json:"map"`
	Low   float64    `json:"low"`
	High  float64    `json:"high"`
	Below bool       `json:"below"`
	Above bool       `json:"above"`
	Ticks []tickView `json:"ticks"`
}

type tickView struct {
	Value float64 `json:"value"`
	Label string  `json:"label"`
}

// vectorView names the fields that are the components of a vector, by their places among the film's fields.
type vectorView struct {
	Name       string `json:"name"`
	Components []int  `json:"components"`
}

// NewFilm reads, reduces and packs all frames. It holds one of them at a time, beside what the budget allows.
func NewFilm(ctx context.Context, spec FilmSpec) (*Film, error) {
	if spec.Steps < 1 {
		return nil, fmt.Errorf("report: film %q: no step to show", spec.Name)
	}
	if spec.Channels == nil {
		for c := range spec.Fields {
			spec.Channels = append(spec.Channels, c)
		}
	}
	r := &reel{FilmSpec: spec}
	for step := range spec.Steps {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("report: film: %w", err)
		}
		if step > 0 && step%r.stride != 0 && spec.Watch == nil {
			continue
		}
		truth, prediction, err := spec.Frame(ctx, step)
		if err != nil {
			return nil, err
		}
		if step == 0 {
			if err := r.begin(truth, prediction); err != nil {
				return nil, fmt.Errorf("report: film %q: %w", spec.Name, err)
			}
		}
		if err := r.add(step, truth, prediction); err != nil {
			return nil, fmt.Errorf("report: film %q: step %d: %w", spec.Name, step+spec.FirstStep, err)
		}
		if spec.Watch != nil {
			if err := spec.Watch(step, truth, prediction); err != nil {
				return nil, err
			}
		}
	}
	return r.film()
}

// WithArrays returns the spec with frames from arrays that are in memory, (steps, *N, C), as many as both have; the zero Array is no prediction.
func (spec FilmSpec) WithArrays(truth, prediction field.Array) FilmSpec {
	spec.Steps = truth.Shape[0]
	if len(prediction.Shape) > 0 {
		spec.Steps = min(spec.Steps, prediction.Shape[0])
	}
	spec.Frame = func(_ context.Context, step int) (field.Array, field.Array, error) {
		if len(prediction.Shape) == 0 {
			return truth.Index(step), field.Array{}, nil
		}
		return truth.Index(step), prediction.Index(step), nil
	}
	return spec
}

// reel collects the reduced frames of a film.
type reel struct {
	FilmSpec
	grid       grid
	shape      []int // of a frame, channels last
	cells      [][]interval
	small      []int // sizes after the reduction
	factor     int   // points that a cell stands for along an axis, at most
	stride     int   // steps between two frames
	paired     bool  // there are predictions
	shown      []quantity
	frames     []int         // steps kept
	truth      [][][]float32 // [quantity][frame]
	prediction [][][]float32
	scratch    []float32
}

// begin plans the film from its first frame.
func (r *reel) begin(truth, prediction field.Array) error {
	dims := len(truth.Shape) - 1
	if dims < 1 || dims > 3 {
		return fmt.Errorf("frames of shape %v; expected 1 to 3 axes of space, and channels", truth.Shape)
	}
	points := 1
	for i, n := range truth.Shape {
		if n < 1 || points > largestGrid/n {
			return fmt.Errorf("frames of shape %v: axis %d; expected 1 to %d values in all", truth.Shape, i, largestGrid)
		}
		points *= n
	}
	r.shape, r.paired = slices.Clone(truth.Shape), len(prediction.Shape) > 0
	if channels := truth.Axis(-1); channels != len(r.Fields) || r.Units != nil && len(r.Units) != channels {
		return fmt.Errorf("%d names and %d units for %d channels", len(r.Fields), len(r.Units), channels)
	}
	for _, c := range r.Channels {
		if c < 0 || c >= len(r.Fields) {
			return fmt.Errorf("channel %d asked for; the arrays have 0 to %d", c, len(r.Fields)-1)
		}
	}
	if r.Times != nil && len(r.Times) < r.Steps {
		return fmt.Errorf("%d times for %d steps", len(r.Times), r.Steps)
	}
	if r.Axes == nil {
		r.Axes = []string{"x", "y", "z"}[:dims]
	}
	if len(r.Axes) != dims || r.Size != nil && len(r.Size) != dims || r.Periodic != nil && len(r.Periodic) != dims {
		return fmt.Errorf("axes %v, lengths %v, periodic %v for %d axes of space", r.Axes, r.Size, r.Periodic, dims)
	}
	r.grid = grid{sizes: r.shape[:dims], spacing: make([]float64, dims), periodic: make([]bool, dims)}
	copy(r.grid.periodic, r.Periodic)
	for i, n := range r.grid.sizes {
		r.grid.spacing[i] = 1
		if r.Size != nil {
			r.grid.spacing[i] = r.Size[i] / float64(n)
		}
	}
	var err error
	if r.shown, err = r.quantities(dims); err != nil {
		return err
	}
	if len(r.shown) == 0 {
		return fmt.Errorf("no channel chosen of the %d", len(r.Fields))
	}
	r.plan()
	r.truth, r.prediction = make([][][]float32, len(r.shown)), make([][][]float32, len(r.shown))
	r.scratch = make([]float32, field.Volume(r.grid.sizes))
	return nil
}

// columns are the arrays that the film packs of every field.
func (r *reel) columns() []column {
	if r.paired {
		return []column{truthColumn, predictionColumn, errorColumn}
	}
	return []column{truthColumn}
}

// plan chooses stride and reduction for the budget: as many frames as may be, then as many cells, but no fewer than the least.
func (r *reel) plan() {
	largest, smallest := largestPlane, smallestPlane
	if len(r.grid.sizes) > 2 {
		largest, smallest = largestVolume, smallestVolume
	}
	budget := r.Budget
	if budget <= 0 {
		budget = defaultBudget
	}
	budget /= len(r.shown) * len(r.columns())
	points := field.Volume(r.grid.sizes)
	frames := min(r.Steps, maxFilmFrames)
	frames = max(1, min(frames, budget/min(smallest, points)))
	r.stride = (r.Steps + frames - 1) / frames
	frames = (r.Steps + r.stride - 1) / r.stride
	room := min(largest, max(smallest, budget/frames))
	for r.factor = 1; ; r.factor++ {
		r.cells, r.small = nil, nil
		for _, n := range r.grid.sizes {
			small := (n + r.factor - 1) / r.factor
			r.small = append(r.small, small)
		}
		if field.Volume(r.small) <= room {
			break
		}
	}
	for i, n := range r.grid.sizes {
		r.cells = append(r.cells, cells(r.small[i], n))
	}
}

// add keeps a step that the film shows.
func (r *reel) add(step int, truth, prediction field.Array) error {
	if !slices.Equal(truth.Shape, r.shape) || len(truth.Data) != field.Volume(r.shape) {
		return fmt.Errorf("frame of shape %v with %d values; the first one has %v", truth.Shape, len(truth.Data), r.shape)
	}
	if paired := len(prediction.Shape) > 0; paired != r.paired || paired && (!slices.Equal(prediction.Shape, r.shape) || len(prediction.Data) != len(truth.Data)) {
		return fmt.Errorf("prediction of shape %v with %d values, truth %v", prediction.Shape, len(prediction.Data), r.shape)
	}
	if step%r.stride != 0 {
		return nil
	}
	r.frames = append(r.frames, step)
	for i, q := range r.shown {
		q.of(truth, r.grid, r.scratch)
		r.truth[i] = append(r.truth[i], r.reduced(r.scratch))
		if r.paired {
			q.of(prediction, r.grid, r.scratch)
			r.prediction[i] = append(r.prediction[i], r.reduced(r.scratch))
		}
	}
	return nil
}

// reduced is the mean over the points of every cell; one that is not finite makes its cell so.
func (r *reel) reduced(values []float32) []float32 {
	if r.factor == 1 {
		return slices.Clone(values)
	}
	axes, sizes := [3][]interval{{{0, 1}}, {{0, 1}}, {{0, 1}}}, [3]int{1, 1, 1}
	missing := 3 - len(r.small)
	for i, list := range r.cells {
		axes[missing+i], sizes[missing+i] = list, r.grid.sizes[i]
	}
	out := make([]float32, 0, field.Volume(r.small))
	for _, x := range axes[0] {
		for _, y := range axes[1] {
			for _, z := range axes[2] {
				sum := 0.0
				for i := x.from; i < x.to; i++ {
					for j := y.from; j < y.to; j++ {
						row := (i*sizes[1] + j) * sizes[2]
						for _, v := range values[row+z.from : row+z.to] {
							sum += float64(v)
						}
					}
				}
				out = append(out, float32(sum/float64((x.to-x.from)*(y.to-y.from)*(z.to-z.from))))
			}
		}
	}
	return out
}

// film packs what was collected.
func (r *reel) film() (*Film, error) {
	f := &Film{view: filmView{
		Name: r.Name, Sizes: r.small, Axes: r.Axes, Length: r.Size, Note: r.note(), Mark: -1, MarkNote: r.MarkNote, Fields: []fieldView{}, Vectors: []vectorView{},
	}}
	if f.view.Length == nil {
		for _, n := range r.grid.sizes {
			f.view.Length = append(f.view.Length, float64(n))
		}
	}
	for _, c := range r.columns() {
		f.view.Columns = append(f.view.Columns, c.String())
	}
	for _, step := range r.frames {
		f.view.Labels = append(f.view.Labels, r.label(step))
		if r.Mark >= 0 && r.MarkNote != "" && step <= r.Mark {
			f.view.Mark = len(f.view.Labels) - 1
		}
	}
	for i, q := range r.shown {
		if err := f.add(r, i, q); err != nil {
			return nil, err
		}
	}
	for _, v := range r.Vectors {
		view := vectorView{Name: v.Name}
		for _, c := range v.Channels {
			at := slices.IndexFunc(r.shown, func(q quantity) bool { return q.channel == c })
			if at >= 0 {
				view.Components = append(view.Components, at)
			}
		}
		if len(view.Components) == len(r.small) {
			f.view.Vectors = append(f.view.Vectors, view)
		}
	}
	return f, nil
}

// label names a frame: "step 5 of 20, t = 0.25".
func (r *reel) label(step int) string {
	text := "step " + strconv.Itoa(step+r.FirstStep) + " of " + strconv.Itoa(r.Steps-1+r.FirstStep)
	if r.Times != nil {
		text += ", t = " + strconv.FormatFloat(r.Times[step], 'g', 4, 64)
		if r.TimeUnit != "" {
			text += " " + r.TimeUnit
		}
	}
	return text
}

// note says what was left out.
func (r *reel) note() string {
	text := ""
	if r.factor > 1 {
		text = fmt.Sprintf("The grid %s is shown as %s: means over up to %d points along each axis. ", sizesText(r.grid.sizes), sizesText(r.small), r.factor)
	}
	if r.stride > 1 {
		text += fmt.Sprintf("Of %d steps one in %d is shown. ", r.Steps, r.stride)
	}
	return text
}

// sizesText writes 64 x 32.
func sizesText(sizes []int) string {
	text := ""
	for i, n := range sizes {
		if i > 0 {
			text += " x "
		}
		text += strconv.Itoa(n)
	}
	return text
}
