package selftest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// dataFile is layout.json: what a window of each data set becomes on its way to the network.
type dataFile struct {
	About      json.RawMessage  `json:"about"`
	Layouts    []dataLayout     `json:"layouts"`
	Transforms []dataLayout     `json:"transforms"`
	Scales     []dataScales     `json:"normalization"`
	Vocabulary map[string]int   `json:"vocabulary"`
	Mixed      *mixedBoundaries `json:"mixed_boundaries"`
	Scratch    *struct {
		Order   []string       `json:"order_of_sets"`
		Columns map[string]int `json:"columns"`
	} `json:"columns_from_scratch_bc_only_override"`
}

// dataInfo is how a released configuration describes a data set.
type dataInfo struct {
	FieldTransforms   map[string]string `json:"field_transforms"`
	NormalizationPath string            `json:"normalization_path"`
}

type dataLayout struct {
	DataSet    string         `json:"data_set"`
	Info       dataInfo       `json:"info"`
	Names      []string       `json:"channel_names_variable_then_constant"`
	Variable   int            `json:"variable_channels"`
	Indices    []int          `json:"field_indices"`
	Scored     []bool         `json:"padded_field_mask_true_is_scored"`
	Dims       int            `json:"n_spatial_dims_seen"`
	Boundaries [][2]int       `json:"boundary_conditions"`
	Input      []int          `json:"input_fields_shape_B_T_space_C"`
	Output     []int          `json:"output_fields_shape"`
	Constant   []int          `json:"constant_fields_shape"`
	ModelShape []int          `json:"model_input_shape_T_B_C_space"`
	ModelInput any            `json:"model_input"`
	New        map[string]int `json:"new_columns"`
}

type dataScales struct {
	DataSet        string    `json:"data_set"`
	Info           dataInfo  `json:"info"`
	Class          string    `json:"class"`
	Channels       []string  `json:"channels"`
	Epsilon        float64   `json:"epsilon"`
	Mean           []float32 `json:"sample_mean"`
	Std            []float32 `json:"sample_std"`
	DeltaMean      []float32 `json:"delta_mean"`
	DeltaStd       []float32 `json:"delta_std"`
	First          any       `json:"normalized_first_frame_by_channel"` // the first points of each channel
	Error          string    `json:"error"`
	NormalizeError string    `json:"normalize_error"`

	// Where the numbers come from, and the axes of one point that they have.
	StatsKey json.RawMessage `json:"stats_key"`
	Shape    json.RawMessage `json:"shape_of_sample_std"`
}

type mixedBoundaries struct {
	Windows int `json:"windows"`
	Batch   struct {
		Boundaries [][][2]int `json:"boundary_conditions_by_sample"`
		Rule       string     `json:"rule"` // the release's: the boundaries of the first sample for all, a defect
	} `json:"batch_of_first_and_last_window"`
}

// layout compares names, columns, shapes and values of what the network sees, and its normalisation.
func (r *runner) layout(ctx context.Context, name string) ([]Result, error) {
	var file dataFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	stem := stemOf(name)
	columns := newGroup(stem, "columns")
	columns.exact("released vocabulary", sample.ReleasedVocabulary().Map(), file.Vocabulary)
	if err := r.compareScratch(columns, file); err != nil {
		return nil, err
	}
	mixed := newGroup(stem, "boundaries")
	if err := r.compareMixed(ctx, mixed, file.Mixed); err != nil {
		return nil, err
	}
	results := []Result{columns.Result, mixed.Result}
	for i, want := range slices.Concat(file.Layouts, file.Transforms) {
		g := newGroup(fmt.Sprintf("%s %s", stem, want.DataSet), "layout")
		if i >= len(file.Layouts) {
			g.What = "transforms"
		}
		w, err := r.firstWindow(ctx, want.DataSet, want.Info, sample.Samplewise, file.Vocabulary)
		if err == nil {
			err = want.compare(g, w)
		}
		if err != nil {
			return results, err
		}
		results = append(results, g.Result)
	}
	for _, want := range file.Scales {
		g := newGroup(fmt.Sprintf("%s %s %s", stem, want.DataSet, want.Info.NormalizationPath), "normalisation")
		n, err := sample.ParseNormalization(want.Class)
		if err != nil {
			return results, err
		}
		w, err := r.firstWindow(ctx, want.DataSet, want.Info, n, file.Vocabulary)
		if want.Error != "" || want.NormalizeError != "" {
			g.exact("refused", err != nil, true)
			g.exact("for want of a file", errors.Is(err, fs.ErrNotExist), strings.Contains(want.Error, "FileNotFound"))
			results = append(results, g.Result)
			continue
		}
		if err == nil {
			err = want.compare(g, w)
		}
		if err != nil {
			return results, err
		}
		results = append(results, g.Result)
	}
	return results, nil
}

// compareScratch compares the columns that data sets get in turn where nothing but the flags has one.
func (r *runner) compareScratch(g *group, file dataFile) error {
	if file.Scratch == nil {
		return nil
	}
	v := sample.NewEmptyVocabulary()
	for _, set := range file.Scratch.Order {
		d, err := r.data(set)
		if err != nil {
			return err
		}
		names, err := sample.ComponentNames(sample.WellFields(d), nil)
		d.Close()
		if err != nil {
			return err
		}
		v.Add(names...)
	}
	g.exact("columns from scratch", v.Map(), file.Scratch.Columns)
	return nil
}

// mixedSet is the data set of two files with different boundaries.
const mixedSet = "layout_mixed_boundaries"

// compareMixed compares the boundaries of the first and the last window of a set whose files differ, and holds that the two go
// into one batch only if they agree.
func (r *runner) compareMixed(ctx context.Context, g *group, want *mixedBoundaries) error {
	if want == nil {
		return nil
	}
	d, err := r.data(mixedSet)
	if err != nil {
		return err
	}
	defer d.Close()
	windows, err := d.Windows(2, 1, 1, 1)
	if err != nil {
		return err
	}
	source := sample.FromWell(d, windows, sample.WellFields(d))
	g.exact("windows", source.Windows(), want.Windows)
	last := source.Windows() - 1
	if len(want.Batch.Boundaries) != 2 {
		return fmt.Errorf("selftest: mixed_boundaries: boundaries of %d samples; expected 2", len(want.Batch.Boundaries))
	}
	for i, window := range []int{0, last} {
		w, err := source.Read(ctx, window, sample.Random(0, 0))
		if err != nil {
			return err
		}
		for axis, side := range w.Boundaries {
			if axis < len(want.Batch.Boundaries[i]) {
				g.exact(fmt.Sprintf("window %d, axis %d", window, axis), [2]int{int(side.Low), int(side.High)}, want.Batch.Boundaries[i][axis])
			}
		}
	}
	g.exact("the first and the last window fit together", source.Group(0) == source.Group(last), slices.Equal(want.Batch.Boundaries[0], want.Batch.Boundaries[1]))
	return nil
}

// firstWindow is what the first window of a data set becomes: two frames of input, one of output.
type firstWindow struct {
	added  []string // names that the vocabulary lacked
	names  *sample.Vocabulary
	layout *sample.Layout
	batch  *sample.Batch
	data   network.Data // without a geometry: the grids may be too small for one
	joined field.Array  // input with the constants, (1, frames, points..., channels)
}

// firstWindow reads the first window of a data set the way that rollouts and training do.
func (r *runner) firstWindow(ctx context.Context, name string, i dataInfo, n sample.Normalization, vocabulary map[string]int) (*firstWindow, error) {
	d, err := r.data(name)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	windows, err := d.Windows(2, 1, 1, 1)
	if err != nil {
		return nil, err
	}
	if rest, absolute := strings.CutPrefix(i.NormalizationPath, "ABSOLUTE"); absolute {
		if i.NormalizationPath, err = filepath.Abs(filepath.Join(r.folder.path, "data", name) + rest); err != nil {
			return nil, err
		}
	}
	w := &firstWindow{}
	fields, err := sample.WellFieldsScaled(d, n, i.NormalizationPath)
	if err != nil {
		return nil, err
	}
	transforms := map[string]sample.Transform{}
	for field, text := range i.FieldTransforms {
		if transforms[field], err = sample.ParseTransform(text); err != nil {
			return nil, err
		}
	}
	if w.names, err = sample.NewVocabulary(vocabulary); err != nil {
		return nil, err
	}
	names, err := sample.ComponentNames(fields, transforms)
	if err != nil {
		return nil, err
	}
	w.added = w.names.Add(names...)
	if w.layout, err = sample.NewLayout(fields, transforms, w.names); err != nil {
		return nil, err
	}
	return w, w.read(ctx, d, windows, fields)
}

func (w *firstWindow) read(ctx context.Context, d *well.Dataset, windows *well.Windows, fields sample.Fields) error {
	read, err := sample.FromWell(d, windows, fields).Read(ctx, 0, sample.Random(1, 1))
	if err != nil {
		return err
	}
	if w.batch, err = w.layout.Prepare(read); err != nil {
		return err
	}
	b := w.batch
	w.data = network.Data{
		Grid: d.Sizes(), Fields: b.Fields, Constants: len(b.Fields) - w.layout.Variable, Padding: b.Padding, Mask: b.Mask,
		Scales: b.Scales, Measurement: b.Measurement,
	}
	w.joined, err = w.data.Join(b.Input, b.Constant)
	return err
}

// compare compares a layout with that of a window.
func (want dataLayout) compare(g *group, w *firstWindow) error {
	b := w.batch
	g.exact("names", b.Names, want.Names)
	g.exact("columns", b.Fields, want.Indices)
	g.exact("variable channels", w.layout.Variable, want.Variable)
	var codes [][2]int // continued with the periodic axes of one point that the release appends
	for i := range want.Dims {
		side := field.Both(field.Periodic)
		if i < len(b.Boundaries) {
			side = b.Boundaries[i]
		}
		codes = append(codes, [2]int{int(side.Low), int(side.High)})
	}
	g.exact("boundaries", codes, want.Boundaries)
	added := map[string]int{}
	for _, name := range w.added {
		added[name], _ = w.names.Index(name)
	}
	g.exact("new columns", added, want.New)
	for c, scored := range want.Scored { // a curvilinear set has more of them than channels, all true
		if c < min(want.Variable, len(b.Padding)) {
			g.exact(b.Names[c]+" is scored", !b.Padding[c], scored)
		}
	}
	// The release appends an axis of one point to planes; here that is the network's business.
	shape := func(a field.Array, lead int) []int {
		if len(a.Shape) == 0 || a.Axis(-1) == 0 {
			return nil
		}
		s := slices.Clone(a.Shape)
		for len(s) < lead+want.Dims+1 {
			s = slices.Insert(s, len(s)-1, 1)
		}
		return s
	}
	g.exact("shape of the input", shape(b.Input, 2), want.Input)
	g.exact("shape of the output", shape(b.Output, 2), want.Output)
	g.exact("shape of the constants", shape(b.Constant, 1), want.Constant)
	values, nested, err := flatten(want.ModelInput)
	if err != nil {
		return fmt.Errorf("selftest: %s: model_input: %w", want.DataSet, err)
	}
	g.exact("shape of the model's input", nested, want.ModelShape)
	g.numbers("model input", timeFirst(w.joined), values)
	return nil
}

// compare compares the scales of a window, and the values divided by them.
func (want dataScales) compare(g *group, w *firstWindow) error {
	if want.Channels != nil {
		g.exact("channels", w.batch.Names, want.Channels)
	}
	w.data.Measurement.Epsilon = want.Epsilon
	scales, err := w.data.Normalisation(w.joined)
	if err != nil {
		return err
	}
	row := func(what string, rows [][]float32, want []float32) {
		got := make([]float32, len(want))
		if rows != nil {
			got = rows[0]
		}
		g.numbers(what, got[:min(len(got), len(want))], want) // of a data set's scales the release lists the variable channels only
	}
	row("mean", scales.Mean, want.Mean)
	row("scale", scales.Value, want.Std)
	row("mean of the change", scales.DeltaMean, want.DeltaMean)
	row("scale of the change", scales.Delta, want.DeltaStd)
	if want.First == nil {
		return nil
	}
	values, shape, err := flatten(want.First)
	if err != nil || len(shape) != 2 || shape[0] > w.joined.Axis(-1) {
		return fmt.Errorf("selftest: %s: normalized_first_frame_by_channel of shape %v: %v", want.DataSet, shape, err)
	}
	normalised := timeFirst(scales.Normalise(w.joined))
	points := len(normalised) / w.joined.Shape[1] / w.joined.Axis(-1)
	var got []float32
	for c := range shape[0] {
		got = append(got, normalised[c*points:][:min(shape[1], points)]...)
	}
	g.numbers("normalised values", got, values)
	return nil
}

// numbers adds a list of numbers.
func (g *group) numbers(what string, got, want []float32) {
	if len(got) != len(want) {
		g.exact(what+": how many", len(got), len(want))
		return
	}
	for i := range got {
		g.number(fmt.Sprintf("%s, number %d", what, i), float64(got[i]), float64(want[i]), releaseTolerance)
	}
}

// flatten lists the numbers of nested lists, and the lists' lengths.
func flatten(nested any) (values []float32, shape []int, err error) {
	list, isList := nested.([]any)
	if !isList {
		v, isNumber := nested.(float64)
		if !isNumber {
			return nil, nil, fmt.Errorf("%v; expected a number", nested)
		}
		return []float32{float32(v)}, nil, nil
	}
	var inner []int
	for _, element := range list {
		var part []float32
		if part, inner, err = flatten(element); err != nil {
			return nil, nil, err
		}
		values = append(values, part...)
	}
	return values, append([]int{len(list)}, inner...), nil
}

// timeFirst orders a batch of one sample (1, T, points..., C) as (T, 1, C, points...).
func timeFirst(a field.Array) []float32 {
	return channelsFirst(a, 1, a.Shape[1], a.Shape[2:len(a.Shape)-1]).Data
}
