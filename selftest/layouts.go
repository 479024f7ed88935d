package selftest

import (
	"context"
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

// layoutFile is layout.json: what the released program makes of small data sets before its network sees them.
type layoutFile struct {
	Layouts        []layoutCase        `json:"layouts"`
	Transforms     []layoutCase        `json:"transforms"`
	Normalizations []normalizationCase `json:"normalization"`
	Vocabulary     map[string]int      `json:"vocabulary"`
	Mixed          struct {
		Windows int `json:"windows"`
		Batch   struct {
			Boundaries [][][2]int `json:"boundary_conditions_by_sample"`
			Rule       string     `json:"rule"`
		} `json:"batch_of_first_and_last_window"`
	} `json:"mixed_boundaries"`
	Scratch struct {
		Order   []string       `json:"order_of_sets"`
		Columns map[string]int `json:"columns"`
	} `json:"columns_from_scratch_bc_only_override"`
}

// dataInfo is what a released configuration says of a data set.
type dataInfo struct {
	Transforms map[string]string `json:"field_transforms"`
	Path       string            `json:"normalization_path"` // "ABSOLUTE/..." stands for the data set's own folder
}

// layoutCase is the first window of a data set, of two input frames and one output frame.
type layoutCase struct {
	DataSet    string         `json:"data_set"`
	Info       dataInfo       `json:"info"`
	Names      []string       `json:"channel_names_variable_then_constant"`
	Variable   int            `json:"variable_channels"`
	Columns    []int          `json:"field_indices"`
	Scored     []bool         `json:"padded_field_mask_true_is_scored"`
	Dims       int            `json:"n_spatial_dims_seen"`
	Boundaries [][2]int       `json:"boundary_conditions"`
	Input      []int          `json:"input_fields_shape_B_T_space_C"`
	Output     []int          `json:"output_fields_shape"`
	Constant   []int          `json:"constant_fields_shape"`
	Seen       []int          `json:"model_input_shape_T_B_C_space"`
	Values     any            `json:"model_input"` // nested lists
	New        map[string]int `json:"new_columns"`
}

// normalizationCase is how a data set's first window is normalised by one of the released classes.
type normalizationCase struct {
	DataSet        string    `json:"data_set"`
	Info           dataInfo  `json:"info"`
	Class          string    `json:"class"`
	Epsilon        float64   `json:"epsilon"`
	Channels       []string  `json:"channels"`
	Key            string    `json:"stats_key"`
	Mean           []float32 `json:"sample_mean"`
	Std            []float32 `json:"sample_std"`
	DeltaMean      []float32 `json:"delta_mean"` // of the variable channels where the scales are the data set's
	DeltaStd       []float32 `json:"delta_std"`
	First          any       `json:"normalized_first_frame_by_channel"` // the first points of each channel
	Shape          []int     `json:"shape_of_sample_std"`
	Error          string    `json:"error"`
	NormalizeError string    `json:"normalize_error"`
}

// layouts compares names, columns, values, normalisations and boundaries.
func (r *runner) layouts(ctx context.Context, name string) ([]Result, error) {
	var file layoutFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	columns, boundaries := newGroup(stemOf(name), "columns"), newGroup(stemOf(name), "mixed boundaries")
	columns.exact("released vocabulary", sample.ReleasedVocabulary().Map(), file.Vocabulary)
	results := []*group{columns, boundaries}
	for what, cases := range map[string][]layoutCase{"layouts": file.Layouts, "transforms": file.Transforms} {
		g := newGroup(stemOf(name), what)
		for _, c := range cases {
			if err := c.compare(ctx, r.folder, file.Vocabulary, g); err != nil {
				return nil, fmt.Errorf("selftest: %s: %s of %s: %w", name, what, c.DataSet, err)
			}
		}
		results = append(results, g)
	}
	normalizations := newGroup(stemOf(name), "normalisations")
	for _, c := range file.Normalizations {
		if err := c.compare(ctx, r.folder, file.Vocabulary, normalizations); err != nil {
			return nil, fmt.Errorf("selftest: %s: %s of %s: %w", name, c.Class, c.DataSet, err)
		}
	}
	if err := file.compareScratch(r.folder, columns); err != nil {
		return nil, err
	}
	if err := file.compareMixed(ctx, r.folder, boundaries); err != nil {
		return nil, err
	}
	var list []Result
	for _, g := range append(results, normalizations) {
		list = append(list, g.Result)
	}
	slices.SortStableFunc(list, func(a, b Result) int { return strings.Compare(a.What, b.What) })
	return list, nil
}

// seen is the first window of a data set as the network sees it.
type seen struct {
	added  []string // names that the vocabulary lacked
	names  *sample.Vocabulary
	layout *sample.Layout
	batch  *sample.Batch
	data   network.Data // without a geometry: these grids are too small for one
	joined field.Array  // input with the constants, (1, frames, points..., channels)
}

// trainSplit opens the train split of a data set of the folder, with its windows of two input frames and one output frame.
func (f *folder) trainSplit(name string) (*well.Dataset, *well.Windows, error) {
	d, err := well.OpenDataset(filepath.Join(f.path, "data", name), "train", well.Options{})
	if err != nil {
		return nil, nil, err
	}
	windows, err := d.Windows(2, 1, 1, 1)
	if err != nil {
		return nil, nil, errors.Join(err, d.Close())
	}
	return d, windows, nil
}

// see reads the first window of a data set as rollouts and training do. Only the error of the normalisation, if any, is refused.
func (f *folder) see(ctx context.Context, set string, info dataInfo, n sample.Normalization, vocabulary map[string]int) (s *seen, refused, err error) {
	d, windows, err := f.trainSplit(set)
	if err != nil {
		return nil, nil, err
	}
	defer d.Close()
	if rest, absolute := strings.CutPrefix(info.Path, "ABSOLUTE"); absolute {
		if info.Path, err = filepath.Abs(filepath.Join(f.path, "data", set, rest)); err != nil {
			return nil, nil, err
		}
	}
	fields, refused := sample.WellFieldsScaled(d, n, info.Path)
	if refused != nil {
		return nil, refused, nil
	}
	transforms := map[string]sample.Transform{}
	for name, text := range info.Transforms {
		if transforms[name], err = sample.ParseTransform(text); err != nil {
			return nil, nil, err
		}
	}
	s = &seen{}
	if s.names, err = sample.NewVocabulary(vocabulary); err != nil {
		return nil, nil, err
	}
	names, err := sample.ComponentNames(fields, transforms)
	if err != nil {
		return nil, nil, err
	}
	s.added = s.names.Add(names...)
	if s.layout, err = sample.NewLayout(fields, transforms, s.names); err != nil {
		return nil, nil, err
	}
	window, err := sample.FromWell(d, windows, fields).Read(ctx, 0, sample.Random(0, 0))
	if err != nil {
		return nil, nil, err
	}
	if s.batch, err = s.layout.Prepare(window); err != nil {
		return nil, nil, err
	}
	s.data = network.Data{
		Grid: d.Sizes(), Fields: s.batch.Fields, Constants: len(s.batch.Fields) - s.layout.Variable, Padding: s.batch.Padding, Mask: s.batch.Mask,
		Scales: s.batch.Scales, Measurement: s.batch.Measurement,
	}
	s.joined, err = s.data.Join(s.batch.Input, s.batch.Constant)
	return s, nil, err
}

// compare compares one layout.
func (c layoutCase) compare(ctx context.Context, f *folder, vocabulary map[string]int, g *group) error {
	s, refused, err := f.see(ctx, c.DataSet, c.Info, sample.Samplewise, vocabulary)
	if err = errors.Join(err, refused); err != nil {
		return err
	}
	where := func(what string) string { return fmt.Sprintf("%s %v: %s", c.DataSet, c.Info.Transforms, what) }
	added := map[string]int{}
	for _, name := range s.added {
		added[name], _ = s.names.Index(name)
	}
	g.exact(where("names"), s.batch.Names, c.Names)
	g.exact(where("columns"), s.batch.Fields, c.Columns)
	g.exact(where("new columns"), added, c.New)
	g.exact(where("variable channels"), s.layout.Variable, c.Variable)
	g.exact(where("boundaries"), boundaryCodes(s.batch.Boundaries, c.Dims), c.Boundaries)
	for i, scored := range c.Scored { // a curvilinear set has more of them than channels, all of them true
		g.exact(where(fmt.Sprintf("channel %d is scored", i)), i >= c.Variable || i < len(s.batch.Padding) && !s.batch.Padding[i], scored)
	}
	// The release appends an axis of one point to planes; here that is the network's business.
	shape := func(a field.Array, lead int) []int {
		if len(a.Shape) == 0 || a.Axis(-1) == 0 {
			return nil
		}
		shape := slices.Clone(a.Shape)
		for len(shape) < lead+c.Dims+1 {
			shape = slices.Insert(shape, len(shape)-1, 1)
		}
		return shape
	}
	g.exact(where("shape of the input"), shape(s.batch.Input, 2), c.Input)
	g.exact(where("shape of the output"), shape(s.batch.Output, 2), c.Output)
	g.exact(where("shape of the constants"), shape(s.batch.Constant, 1), c.Constant)
	values, nested, err := flattened(c.Values)
	if err != nil {
		return err
	}
	g.exact(where("shape of what the network sees"), nested, c.Seen)
	g.numbers(where("values"), timeFirst(s.joined).Data, values)
	return nil
}

// compare compares one normalisation.
func (c normalizationCase) compare(ctx context.Context, f *folder, vocabulary map[string]int, g *group) error {
	n, err := sample.ParseNormalization(c.Class)
	if err != nil {
		return err
	}
	s, refused, err := f.see(ctx, c.DataSet, c.Info, n, vocabulary)
	if err != nil {
		return err
	}
	where := func(what string) string {
		return fmt.Sprintf("%s %s %s: %s", c.DataSet, c.Class, c.Info.Path, what)
	}
	if fails := c.Error != "" || c.NormalizeError != ""; fails || refused != nil {
		g.exact(where(fmt.Sprintf("is refused (%v)", refused)), refused != nil, fails)
		g.exact(where("lacks its file"), errors.Is(refused, fs.ErrNotExist), strings.Contains(c.Error, "FileNotFound"))
		return nil
	}
	if c.Channels != nil {
		g.exact(where("channels"), s.batch.Names, c.Channels)
	}
	s.data.Measurement.Epsilon = c.Epsilon
	scales, err := s.data.Normalisation(s.joined)
	if err != nil {
		return err
	}
	row := func(rows [][]float32, n int) []float32 {
		if rows == nil {
			return make([]float32, n)
		}
		return rows[0][:min(n, len(rows[0]))]
	}
	if c.Shape != nil {
		g.exact(where("channels with a scale"), len(scales.Value[0]), field.Volume(c.Shape))
	}
	g.numbers(where("mean"), row(scales.Mean, len(s.batch.Names)), c.Mean)
	g.numbers(where("scale"), scales.Value[0], c.Std)
	g.numbers(where("mean of the change"), row(scales.DeltaMean, len(c.DeltaMean)), c.DeltaMean)
	g.numbers(where("scale of the change"), row(scales.Delta, len(c.DeltaStd)), c.DeltaStd)
	if c.First == nil {
		return nil
	}
	values, shape, err := flattened(c.First)
	if err != nil {
		return err
	}
	first := timeFirst(scales.Normalise(s.joined)).Index(0).Index(0) // (channels, points)
	if len(shape) != 2 || shape[0] != first.Shape[0] || shape[1] > first.Shape[1] {
		return fmt.Errorf("normalised values of shape %v; there are %v", shape, first.Shape)
	}
	var got []float32
	for channel := range shape[0] {
		got = append(got, first.Index(channel).Data[:shape[1]]...)
	}
	g.numbers(where("normalised values"), got, values)
	return nil
}

// compareScratch compares the columns of a vocabulary that begins with nothing but the flags.
func (file layoutFile) compareScratch(f *folder, g *group) error {
	vocabulary := sample.NewEmptyVocabulary()
	for _, set := range file.Scratch.Order {
		d, _, err := f.trainSplit(set)
		if err != nil {
			return err
		}
		names, err := sample.ComponentNames(sample.WellFields(d), nil)
		if err = errors.Join(err, d.Close()); err != nil {
			return err
		}
		vocabulary.Add(names...)
	}
	g.exact("columns from scratch", vocabulary.Map(), file.Scratch.Columns)
	return nil
}

// compareMixed compares the boundaries of the first and the last window of a set whose files differ in them. The release puts
// such windows into one batch, under the boundaries of the first: a defect. Here they are of two groups.
func (file layoutFile) compareMixed(ctx context.Context, f *folder, g *group) error {
	const set = "layout_mixed_boundaries"
	want := file.Mixed.Batch.Boundaries
	d, windows, err := f.trainSplit(set)
	if err != nil {
		return err
	}
	defer d.Close()
	g.exact("number of windows", windows.Len(), file.Mixed.Windows)
	if len(want) != 2 {
		return fmt.Errorf("selftest: boundaries of %d windows; expected the first and the last", len(want))
	}
	last := windows.Len() - 1
	for i, window := range []int{0, last} {
		spec, err := windows.At(window, nil)
		if err != nil {
			return err
		}
		w, err := d.Read(ctx, spec)
		if err != nil {
			return err
		}
		g.exact(fmt.Sprintf("boundaries of window %d", window), boundaryCodes(w.Boundaries, len(want[i])), want[i])
	}
	g.exact("both fit into one batch", windows.Group(0) == windows.Group(last), slices.Equal(want[0], want[1]))
	return nil
}

// boundaryCodes are boundaries as the release writes them, continued with the periodic axes of one point that it appends.
func boundaryCodes(sides []field.Sides, dims int) [][2]int {
	codes := make([][2]int, dims)
	for i := range codes {
		side := field.Both(field.Periodic)
		if i < len(sides) {
			side = sides[i]
		}
		codes[i] = [2]int{int(side.Low), int(side.High)}
	}
	return codes
}

// timeFirst brings a batch of one sample (1, T, points..., C) to (T, 1, C, all points).
func timeFirst(a field.Array) field.Array {
	frames := a.Shape[1]
	return channelsFirst(a, 1, frames, []int{len(a.Data) / frames / a.Axis(-1)})
}

// flattened lists the numbers of nested lists, and the lists' lengths.
func flattened(nested any) (values []float32, shape []int, err error) {
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
		if part, inner, err = flattened(element); err != nil {
			return nil, nil, err
		}
		values = append(values, part...)
	}
	return values, append([]int{len(list)}, inner...), nil
}

// numbers adds a list of numbers with the tolerance of the released ones.
func (g *group) numbers(where string, got, want []float32) {
	if len(got) != len(want) {
		g.exact(where+": how many", len(got), len(want))
		return
	}
	for i, v := range got {
		g.number(fmt.Sprintf("%s, number %d", where, i), float64(v), float64(want[i]), releaseTolerance)
	}
}
