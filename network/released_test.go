package network_test

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// info is how a released configuration describes a data set.
type info struct {
	FieldTransforms   map[string]string `json:"field_transforms"`
	NormalizationPath string            `json:"normalization_path"`
}

// window is what the first window of a released data set becomes: two frames of input, one of output.
type window struct {
	fields sample.Fields
	added  []string // names that the vocabulary lacked
	names  *sample.Vocabulary
	layout *sample.Layout
	batch  *sample.Batch
	data   network.Data // without a geometry: these grids are too small for one
	joined field.Array  // input with the constants, (1, frames, points..., channels)
}

// first reads the first window of a data set the way that rollouts and training do.
func first(t *testing.T, name string, i info, n sample.Normalization, vocabulary map[string]int) (*window, error) {
	t.Helper()
	folder := filepath.Join(released.Folder(t), "data", name)
	d, err := well.OpenDataset(folder, "train", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	windows, err := d.Windows(2, 1, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if rest, absolute := strings.CutPrefix(i.NormalizationPath, "ABSOLUTE"); absolute {
		if i.NormalizationPath, err = filepath.Abs(folder + rest); err != nil {
			t.Fatal(err)
		}
	}
	w := &window{}
	if w.fields, err = sample.WellFieldsScaled(d, n, i.NormalizationPath); err != nil {
		return nil, err
	}
	transforms := map[string]sample.Transform{}
	for name, text := range i.FieldTransforms {
		if transforms[name], err = sample.ParseTransform(text); err != nil {
			t.Fatal(err)
		}
	}
	if w.names, err = sample.NewVocabulary(vocabulary); err != nil {
		t.Fatal(err)
	}
	names, err := sample.ComponentNames(w.fields, transforms)
	if err != nil {
		t.Fatal(err)
	}
	w.added = w.names.Add(names...)
	if w.layout, err = sample.NewLayout(w.fields, transforms, w.names); err != nil {
		t.Fatal(err)
	}
	read, err := sample.FromWell(d, windows, w.fields).Read(context.Background(), 0, sample.Random(1, 1))
	if err != nil {
		t.Fatal(err)
	}
	if w.batch, err = w.layout.Prepare(read); err != nil {
		t.Fatal(err)
	}
	w.data = network.Data{
		Grid: d.Sizes(), Fields: w.batch.Fields, Constants: len(w.batch.Fields) - w.layout.Variable, Padding: w.batch.Padding, Mask: w.batch.Mask,
		Scales: w.batch.Scales, Measurement: w.batch.Measurement,
	}
	if w.joined, err = w.data.Join(w.batch.Input, w.batch.Constant); err != nil {
		t.Fatal(err)
	}
	return w, nil
}

// flatten lists the numbers of nested lists, and the lists' lengths.
func flatten(t *testing.T, nested any) (values []float32, shape []int) {
	t.Helper()
	list, isList := nested.([]any)
	if !isList {
		return []float32{float32(nested.(float64))}, nil
	}
	var inner []int
	for _, element := range list {
		var part []float32
		part, inner = flatten(t, element)
		values = append(values, part...)
	}
	return values, append([]int{len(list)}, inner...)
}

// near compares with the tolerance of the released numbers.
func near(got, want float32) bool {
	return math.Abs(float64(got)-float64(want)) <= 2e-5*math.Abs(float64(want))
}

func compare(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d numbers, want %d: %v, want %v", what, len(got), len(want), got, want)
		return
	}
	for i := range got {
		if !near(got[i], want[i]) {
			t.Errorf("%s: number %d is %v, want %v", what, i, got[i], want[i])
			return
		}
	}
}

// codes are the boundaries as the release writes them, continued with the periodic axes of one point that it appends.
func codes(sides []field.Sides, dims int) (list [][2]int) {
	for i := range dims {
		side := field.Both(field.Periodic)
		if i < len(sides) {
			side = sides[i]
		}
		list = append(list, [2]int{int(side.Low), int(side.High)})
	}
	return list
}

func TestLayoutsAreThoseOfTheRelease(t *testing.T) {
	type layout struct {
		DataSet    string         `json:"data_set"`
		Info       info           `json:"info"`
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
	var file struct {
		Layouts    []layout       `json:"layouts"`
		Transforms []layout       `json:"transforms"`
		Vocabulary map[string]int `json:"vocabulary"`
	}
	released.Read(t, "layout.json", &file)
	if diff := cmp.Diff(file.Vocabulary, sample.ReleasedVocabulary().Map()); diff != "" {
		t.Errorf("vocabulary (-released +ours)\n%s", diff)
	}
	for _, want := range slices.Concat(file.Layouts, file.Transforms) {
		w, err := first(t, want.DataSet, want.Info, sample.Samplewise, file.Vocabulary)
		if err != nil {
			t.Fatal(err)
		}
		is := func(what string, got, want any) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s (-released +ours)\n%s", w.batch.Origins[0], what, diff)
			}
		}
		is("names", w.batch.Names, want.Names)
		is("columns", w.batch.Fields, want.Indices)
		is("variable channels", w.layout.Variable, want.Variable)
		is("boundaries", codes(w.batch.Boundaries, want.Dims), want.Boundaries)
		added := map[string]int{}
		for _, name := range w.added {
			added[name], _ = w.names.Index(name)
		}
		is("new columns", added, want.New)
		for c, scored := range want.Scored { // a curvilinear set has more of them than channels, all true
			if padding := c < want.Variable && w.batch.Padding[c]; padding == scored {
				t.Errorf("%s: %s: padding %v, and scored %v", w.batch.Origins[0], want.Names[c], padding, scored)
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
		is("shape of the input", shape(w.batch.Input, 2), want.Input)
		is("shape of the output", shape(w.batch.Output, 2), want.Output)
		is("shape of the constants", shape(w.batch.Constant, 1), want.Constant)
		values, nested := flatten(t, want.ModelInput)
		is("shape of the model's input", nested, want.ModelShape)
		compare(t, want.DataSet+": model input", timeFirst(w.joined), values)
	}
}

// timeFirst orders a batch of one sample (1, T, points..., C) as (T, 1, C, points...).
func timeFirst(a field.Array) []float32 {
	channels, frames := a.Axis(-1), a.Shape[1]
	points := len(a.Data) / frames / channels
	out := make([]float32, 0, len(a.Data))
	for t := range frames {
		for c := range channels {
			for p := range points {
				out = append(out, a.Data[(t*points+p)*channels+c])
			}
		}
	}
	return out
}

func TestNormalisationsAreThoseOfTheRelease(t *testing.T) {
	var file struct {
		Cases []struct {
			DataSet        string    `json:"data_set"`
			Info           info      `json:"info"`
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
		} `json:"normalization"`
		Vocabulary map[string]int `json:"vocabulary"`
	}
	released.Read(t, "layout.json", &file)
	for _, want := range file.Cases {
		what := strings.Join([]string{want.DataSet, want.Class, want.Info.NormalizationPath}, ", ")
		n, err := sample.ParseNormalization(want.Class)
		if err != nil {
			t.Fatal(err)
		}
		w, err := first(t, want.DataSet, want.Info, n, file.Vocabulary)
		if want.Error != "" || want.NormalizeError != "" {
			if missing := errors.Is(err, fs.ErrNotExist); err == nil || missing != strings.Contains(want.Error, "FileNotFound") || !strings.Contains(err.Error(), want.Info.NormalizationPath) {
				t.Errorf("%s: error %v; the release fails with %s%s", what, err, want.Error, want.NormalizeError)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if want.Channels != nil && !slices.Equal(w.batch.Names, want.Channels) {
			t.Errorf("%s: channels %v, want %v", what, w.batch.Names, want.Channels)
		}
		w.data.Measurement.Epsilon = want.Epsilon
		scales, err := w.data.Normalisation(w.joined)
		if err != nil {
			t.Fatal(err)
		}
		row := func(rows [][]float32) []float32 {
			if rows == nil {
				return make([]float32, len(want.Mean))
			}
			return rows[0]
		}
		compare(t, what+": mean", row(scales.Mean), want.Mean)
		compare(t, what+": scale", row(scales.Value), want.Std)
		// Where the scales are those of the data set the release lists the variable channels only.
		compare(t, what+": mean of the change", row(scales.DeltaMean)[:len(want.DeltaMean)], want.DeltaMean)
		compare(t, what+": scale of the change", row(scales.Delta)[:len(want.DeltaStd)], want.DeltaStd)
		if want.First == nil {
			continue
		}
		values, shape := flatten(t, want.First)
		normalised := timeFirst(scales.Normalise(w.joined))
		points := len(normalised) / w.joined.Shape[1] / shape[0]
		var got []float32
		for c := range shape[0] {
			got = append(got, normalised[c*points:][:shape[1]]...)
		}
		compare(t, what+": normalised values", got, values)
	}
}

// What NewObjective and Next do with a change must be each other's inverse, means included.
func TestAdvanceUndoesTheNormalisedChange(t *testing.T) {
	x := field.NewArray(2, 3, 4, 2)
	for i := range x.Data {
		x.Data[i] = float32(i%7) + float32(i%2)*10
	}
	scales, err := frame.Measure(x, frame.Measurement{Centred: true})
	if err != nil {
		t.Fatal(err)
	}
	last, next, change := field.NewArray(2, 4, 2), field.NewArray(2, 4, 2), field.NewArray(2, 4, 2)
	for b := range 2 {
		copy(last.Index(b).Data, x.Index(b).Index(1).Data)
		copy(next.Index(b).Data, x.Index(b).Index(2).Data)
		scales.Change(b, change.Index(b).Data, last.Index(b).Data, next.Index(b).Data, 2)
	}
	compare(t, "next frame", scales.Advance(last, change).Data, next.Data)
	if change.Data[0] == (next.Data[0]-last.Data[0])/scales.Delta[0][0] {
		t.Error("the mean of the change was not subtracted")
	}
}
