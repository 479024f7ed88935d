package selftest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// jitterTolerance is how far an output of the network may be from the released one, in units of the normalised increment.
const jitterTolerance = 1e-4

// jitterFile is jitter.json: the released network with jitter_patches false, and true with all rolls zero.
type jitterFile struct {
	*folder
	name     string
	fields   []int
	cases    map[string]jitterCase // by name, or by the size of their data: "128x32"
	paddings []jitterPadding
	grids    map[string][3]int
	tuned    *tunedCase
}

type jitterCase struct {
	Name     string   `json:"name"`
	Bounds   [][2]int `json:"bcs"`
	Relative *float64 `json:"relative_difference_jitter_false_to_zero_rolls"`
	AbsMax   *float64 `json:"absmax"`
	Noise    float64  `json:"f32_vs_f64_max_abs_err_jitter_false"` // far below jitterTolerance
	With     *[3]int  `json:"token_grid_jitter_true"`
	Without  *[3]int  `json:"token_grid_jitter_false"`
	// Means of the flag channels over the padded data.
	Bias *float64 `json:"bias_correction"`
	Wall *float64 `json:"closed_boundary"`
	Open *float64 `json:"open_boundary"`
}

// jitterPadding is what the released code adds to an axis beside one with 32 points.
type jitterPadding struct {
	Size     int          `json:"size"`
	Accepted *bool        `json:"accepted"` // false: the release refuses the size; this program takes some of those
	Code     int          `json:"boundary_code"`
	Strides  [2]int       `json:"strides"`
	With     jitterPadded `json:"jitter_patches true"`
	Without  jitterPadded `json:"jitter_patches false"`
}

type jitterPadded struct {
	Constant [2]int `json:"constant_padding_low_high_of_the_axis"`
	Periodic [2]int `json:"periodic_padding_low_high_of_the_axis"`
}

// tunedCase is a network with learnable frequencies for each axis and block and a position embedding.
type tunedCase struct {
	About    string   `json:"weights"`
	Shape    []int    `json:"ape_shape"`
	Fields   []int    `json:"field_indices"`
	Bounds   [][2]int `json:"bcs"`
	Relative *float64 `json:"relative_change_to_base"`
}

// sizeOfCase finds the points of a case that is named after them, "case_128x32", and whether it is one with jitter only.
var sizeOfCase = regexp.MustCompile(`^case_(\d+(?:x\d+)+)(_jitter_(?:true|false))?(_.*)?$`)

// outputOfCase finds what a tensor is the output of: the size of the data if it is not that of "input", the case's name,
// and whether it is with jitter and zero rolls or without jitter.
var outputOfCase = regexp.MustCompile(`^(fine_tuned\.)?output(_\d+(?:x\d+)+)?\.([^.]+)\.(jitter_false|jitter_true_zero_rolls)$`)

func (r *runner) jitter(ctx context.Context, name string) ([]Result, error) {
	f, err := r.folder.readJitter(name)
	if err != nil {
		return nil, err
	}
	var results []Result
	for _, compare := range []func() (Result, error){f.comparePaddings, f.compareGrids, f.compareFlags} {
		result, err := compare()
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	outputs, err := r.jitterOutputs(ctx, f)
	return append(results, outputs...), err
}

func (f *folder) readJitter(name string) (*jitterFile, error) {
	all, err := f.entries(name)
	if err != nil {
		return nil, err
	}
	j := &jitterFile{folder: f, name: name, cases: map[string]jitterCase{}}
	for key, text := range all {
		switch key {
		case "paddings":
			err = f.strict(name, key, text, &j.paddings)
		case "token_grids":
			err = f.strict(name, key, text, &j.grids)
		case "field_indices":
			err = f.strict(name, key, text, &j.fields)
		case "fine_tuned":
			err = f.strict(name, key, text, &j.tuned)
		case "cases":
			var list []jitterCase
			err = f.strict(name, key, text, &list)
			for _, c := range list {
				j.cases[c.Name] = c
			}
		case "about":
		default:
			if !sizeOfCase.MatchString(key) {
				return nil, fmt.Errorf("selftest: %s: nothing to compare with entry %s", name, key)
			}
			var c jitterCase
			err = f.strict(name, key, text, &c)
			j.cases[key] = c
		}
		if err != nil {
			return nil, err
		}
	}
	return j, nil
}

// points reads "128x32".
func points(text string) (size []int) {
	for part := range strings.SplitSeq(text, "x") {
		n, _ := strconv.Atoi(part)
		size = append(size, n)
	}
	return size
}

// geometry lays out data with a last axis of one point, as the release has them, or the boundaries of fewer axes.
func (f *jitterFile) geometry(size []int, bounds [][2]int, jitter bool) (*frame.Geometry, error) {
	for len(size) < len(bounds) {
		size = append(slices.Clone(size), 1)
	}
	m := manifest{path: filepath.Join(f.path, f.name), Spatial: size, Bounds: bounds, Config: &config{Jitter: jitter}}
	return m.geometry()
}

func (f *jitterFile) comparePaddings() (Result, error) {
	g := newGroup(stemOf(f.name), "paddings")
	for _, row := range f.paddings {
		if row.Accepted != nil && !*row.Accepted {
			continue
		}
		for _, jitter := range []bool{true, false} {
			want := row.Without
			if jitter {
				want = row.With
			}
			geometry, err := f.geometry([]int{row.Size, frame.DefaultTokens2D}, [][2]int{{row.Code, row.Code}, {int(field.Periodic), int(field.Periodic)}}, jitter)
			if err != nil {
				return g.Result, err
			}
			a := geometry.Axes[0]
			var got jitterPadded
			if a.Periodic() {
				got.Periodic = [2]int{a.Low, a.High}
			} else {
				got.Constant = [2]int{a.Low, a.High}
			}
			where := fmt.Sprintf("%d points, boundary %d, jitter %v", row.Size, row.Code, jitter)
			g.exact(where, got, want)
			g.exact(where+": strides", [2]int{a.Stride1, a.Stride2}, row.Strides)
		}
	}
	return g.Result, nil
}

// compareGrids compares the token grids of "32x32 wall/open, jitter_patches false" (the boundaries are those of the case
// wall_open) and of the cases that are named after their size.
func (f *jitterFile) compareGrids() (Result, error) {
	g := newGroup(stemOf(f.name), "token grids")
	compare := func(where string, size []int, bounds [][2]int, jitter bool, want [3]int) error {
		geometry, err := f.geometry(size, bounds, jitter)
		if err == nil {
			g.exact(fmt.Sprintf("%s, jitter %v", where, jitter), geometry.Tokens(), want)
		}
		return err
	}
	for _, what := range slices.Sorted(maps.Keys(f.grids)) {
		want := f.grids[what]
		text, with, _ := strings.Cut(what, ", jitter_patches ")
		size, sides, _ := strings.Cut(text, " ")
		c, known := f.cases[strings.ReplaceAll(sides, "/", "_")]
		if !known {
			return g.Result, fmt.Errorf("selftest: %s: token_grids: no case has the boundaries of %q", f.name, what)
		}
		for _, jitter := range []bool{true, false} {
			if with == "" || with == strconv.FormatBool(jitter) {
				if err := compare(what, points(size), c.Bounds, jitter, want); err != nil {
					return g.Result, err
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.cases)) {
		c := f.cases[name]
		match := sizeOfCase.FindStringSubmatch(name)
		for jitter, want := range map[bool]*[3]int{true: c.With, false: c.Without} {
			if match == nil || want == nil {
				continue
			}
			if err := compare(name, points(match[1]), c.Bounds, jitter, *want); err != nil {
				return g.Result, err
			}
		}
	}
	return g.Result, nil
}

// compareFlags compares the means of the flags, also where the release's are a slip: an axis without padding is flagged
// from end to end.
func (f *jitterFile) compareFlags() (Result, error) {
	g := newGroup(stemOf(f.name), "flags")
	for _, name := range slices.Sorted(maps.Keys(f.cases)) {
		c := f.cases[name]
		wanted := [frame.FlagChannels]*float64{c.Bias, c.Wall, c.Open}
		match := sizeOfCase.FindStringSubmatch(name)
		if match == nil || wanted == [frame.FlagChannels]*float64{} {
			continue
		}
		geometry, err := f.geometry(points(match[1]), c.Bounds, !strings.HasSuffix(match[2], "false"))
		if err != nil {
			return g.Result, err
		}
		size := geometry.Size()
		framed, err := geometry.Apply(field.NewArray(1, size[0], size[1], size[2], 1), frame.Rolls{})
		if err != nil {
			return g.Result, err
		}
		var sums [frame.FlagChannels]float64
		channels := framed.Axis(-1)
		for i, v := range framed.Data {
			if flag := i%channels - 1; flag >= 0 {
				sums[flag] += float64(v)
			}
		}
		for flag, want := range wanted {
			if want != nil {
				g.number(fmt.Sprintf("%s: mean of flag %d", name, flag), sums[flag]/float64(len(framed.Data)/channels), *want, releaseTolerance)
			}
		}
	}
	return g.Result, nil
}

// jitterOutputs compares the network's outputs, last frame, one result a case.
func (r *runner) jitterOutputs(ctx context.Context, f *jitterFile) ([]Result, error) {
	file, err := r.folder.golden(stemOf(f.name) + ".safetensors")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	weights, config, err := r.released()
	if err != nil {
		return nil, err
	}
	defer weights.Close()
	base, err := network.New(r.engine, config, network.Tensors(weights.Tensors(), weights.Path))
	if err != nil {
		return nil, err
	}
	defer base.Close()
	var results []Result
	outputs := map[string]field.Array{} // of all frames, by the name of that of the last
	for _, name := range slices.Sorted(maps.Keys(file.Shapes())) {
		match := outputOfCase.FindStringSubmatch(name)
		if match == nil {
			continue
		}
		g := newGroup(fmt.Sprintf("%s %s%s", stemOf(f.name), match[1], strings.Trim(match[2]+"."+match[3], "._")), "without jitter")
		o := jitterOutput{file: f, name: name, input: "input" + match[2], bounds: f.caseOf(match).Bounds, fields: f.fields, weights: base}
		if o.jitter = match[4] != "jitter_false"; o.jitter {
			g.What = "zero rolls"
		}
		if match[1] != "" {
			if f.tuned == nil {
				return results, fmt.Errorf("selftest: %s: no entry fine_tuned for %s", f.name, name)
			}
			if o.weights, err = r.tuned(f, file, weights, config); err != nil {
				return results, err
			}
			o.bounds, o.fields = f.tuned.Bounds, f.tuned.Fields
		}
		outputs[name], err = o.compare(ctx, g, file)
		if o.weights != base {
			o.weights.Close()
		}
		if err != nil {
			return results, fmt.Errorf("%s: %w", name, err)
		}
		results = append(results, g.Result)
	}
	return append(results, f.compareSizes(outputs)), file.allRead()
}

// jitterOutput is one output of the network.
type jitterOutput struct {
	file        *jitterFile
	name, input string
	jitter      bool
	bounds      [][2]int
	fields      []int
	weights     *network.Network
}

// compare runs the network on the case's input and compares the last frame; it returns all frames.
func (o jitterOutput) compare(ctx context.Context, g *group, file *golden) (field.Array, error) {
	if o.bounds == nil {
		return field.Array{}, fmt.Errorf("selftest: no boundaries for this case")
	}
	x, err := file.tensor(o.input)
	if err != nil {
		return x, err
	}
	if x, err = channelsLast(x); err != nil {
		return x, err
	}
	geometry, err := o.file.geometry(x.Shape[2:len(x.Shape)-1], o.bounds, o.jitter)
	if err != nil {
		return x, err
	}
	y, err := o.weights.Forward(ctx, network.Data{Geometry: geometry, Fields: o.fields, Mask: -1}, x, frame.Rolls{}, false)
	if err != nil {
		return y, err
	}
	want, err := file.tensor(o.name)
	if err != nil {
		return y, err
	}
	if want, err = channelsLast(want); err != nil {
		return y, err
	}
	return y, g.compare(o.name, lastFrame(y), want, jitterTolerance)
}

// lastFrame keeps the last frame of (B, T, points..., C): (B, 1, points..., C).
func lastFrame(y field.Array) field.Array {
	last := field.NewArray(append([]int{y.Shape[0], 1}, y.Shape[2:]...)...)
	for b := range y.Shape[0] {
		copy(last.Index(b).Data, y.Index(b).Index(y.Shape[1]-1).Data)
	}
	return last
}

// tuned is the network with the weights that the file adds: "fine_tuned.NAME" is a tensor of the state dict, and the position
// embedding is the product of one factor for each of its axes that is longer than 1.
func (r *runner) tuned(f *jitterFile, file *golden, base *checkpoint.Checkpoint, config model.Config) (*network.Network, error) {
	const prefix = "fine_tuned."
	tensors := slices.Clone(base.Tensors())
	for name := range file.Shapes() {
		added, ours := strings.CutPrefix(name, prefix)
		if !ours || strings.HasPrefix(added, "output.") || strings.HasPrefix(added, "ape.factor_") {
			continue
		}
		values, err := file.tensor(name)
		if err != nil {
			return nil, err
		}
		t, err := checkpoint.NewTensor(added, values.Shape, values.Data)
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, t)
		config.AxisFrequencies = config.AxisFrequencies || strings.HasSuffix(added, "rotary_emb.freqs.0")
	}
	if len(f.tuned.Shape) == 6 {
		ape, err := positionProduct(f.tuned.Shape, prefix+"ape.factor_", file)
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, ape)
		copy(config.Position[:], f.tuned.Shape[3:])
	}
	return network.New(r.engine, config, network.Tensors(tensors, file.Path))
}

// positionProduct is ape[0,0,c,i,j,k] = hidden[c] axis0[i] axis1[j] axis2[k]; an axis of one token has no factor.
func positionProduct(shape []int, prefix string, file *golden) (checkpoint.Tensor, error) {
	values := []float32{1}
	for i, n := range shape[2:] {
		name := prefix + "hidden"
		if i > 0 {
			name = fmt.Sprintf("%saxis%d", prefix, i-1)
		}
		if _, given := file.Tensor(name); !given && n == 1 {
			continue
		}
		factor, err := file.tensor(name)
		if err != nil {
			return checkpoint.Tensor{}, err
		}
		longer := make([]float32, 0, len(values)*len(factor.Data))
		for _, v := range values {
			for _, w := range factor.Data {
				longer = append(longer, v*w)
			}
		}
		values = longer
	}
	return checkpoint.NewTensor(model.PositionEmbedding, shape, values)
}

// compareSizes compares how large the outputs of all frames are, and how far apart two are: without jitter from with zero
// rolls, and in the last frame the base network's from the tuned one's.
func (f *jitterFile) compareSizes(outputs map[string]field.Array) Result {
	g := newGroup(stemOf(f.name), "sizes")
	apart := func(what string, from, of field.Array, want *float64) {
		if want == nil || from.Data == nil || of.Data == nil {
			return
		}
		var difference, size float64
		for i, v := range of.Data {
			difference += math.Pow(float64(from.Data[i]-v), 2)
			size += float64(v) * float64(v)
		}
		g.add(what, math.Abs(math.Sqrt(difference/size)-*want), releaseTolerance)
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		y := outputs[name]
		match := outputOfCase.FindStringSubmatch(name)
		if match[4] != "jitter_false" {
			continue
		}
		if match[1] != "" {
			if base := outputs[strings.TrimPrefix(name, match[1])]; base.Data != nil {
				apart(name+": change to base", lastFrame(base), lastFrame(y), f.tuned.Relative)
			}
			continue
		}
		c := f.caseOf(match)
		apart(name+": difference to zero rolls", y, outputs[strings.TrimSuffix(name, match[4])+"jitter_true_zero_rolls"], c.Relative)
		if c.AbsMax != nil {
			g.add(name+": largest", math.Abs(absMax(y)-*c.AbsMax), jitterTolerance)
		}
	}
	return g.Result
}

// caseOf is the case of an output, by its name or the size of its data.
func (f *jitterFile) caseOf(match []string) jitterCase {
	if match[2] != "" {
		return f.cases["case"+match[2]]
	}
	return f.cases[match[3]]
}

// stemOf is the name of a file without its ending: what --case selects.
func stemOf(name string) string { return strings.TrimSuffix(name, ".json") }
