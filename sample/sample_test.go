package sample

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
)

// memory is an in-memory data set: frame t of window i has the value 100 i + t + channel/10 at every point, so that
// what was read can be told from the numbers; the grid's position adds a thousandth a point.
type memory struct {
	name    string
	fields  Fields
	grid    []int
	sides   []field.Sides
	windows int
	fail    error
	// turned windows, every so many, have the sides of the axes swapped; 0 for none.
	turned int
}

func (m memory) Name() string   { return m.name }
func (m memory) Fields() Fields { return m.fields }
func (m memory) Windows() int   { return m.windows }

func (m memory) Group(i int) int {
	if m.turned > 0 && i%m.turned == 0 {
		return 1
	}
	return 0
}

func (m memory) Read(_ context.Context, i int, rng *rand.Rand) (*Window, error) {
	if m.fail != nil {
		return nil, m.fail
	}
	stride := 1 + rng.IntN(3)
	count := func(fields []field.Field) (n int) {
		for _, f := range fields {
			n += f.Rank.Components(len(m.grid))
		}
		return n
	}
	fill := func(first, frames, channels int) field.Array {
		a := field.NewArray(append(append([]int{frames}, m.grid...), channels)...)
		points := field.Volume(m.grid)
		for j := range a.Data {
			t, point, c := j/channels/points, j/channels%points, j%channels
			a.Data[j] = float32(100*i+(first+t)*stride) + float32(c)/10 + float32(point)/1000
		}
		return a
	}
	sides := m.sides
	if m.Group(i) == 1 {
		sides = []field.Sides{m.sides[1], m.sides[0]}
	}
	w := &Window{Boundaries: sides, Origin: fmt.Sprintf("%s window %d", m.name, i)}
	w.Input = fill(1, 3, count(m.fields.Variable))
	w.Output = fill(4, 1, count(m.fields.Variable))
	if n := count(m.fields.Constant); n > 0 {
		w.Constant = fill(0, 1, n).Index(0)
	}
	return w, nil
}

func flow2D(name string) memory {
	return memory{
		name: name,
		fields: Fields{
			Variable: []field.Field{{Name: "pressure"}, {Name: "velocity", Rank: field.Vector}},
			Constant: []field.Field{{Name: "density"}, {Name: "mask"}},
			Axes:     []string{"x", "y"},
		},
		grid: []int{4, 2}, sides: []field.Sides{{Low: field.Wall, High: field.Open}, field.Both(field.Periodic)}, windows: 7,
	}
}

func TestReleasedVocabularyHasThePublishedColumns(t *testing.T) {
	v := ReleasedVocabulary()
	if v.Size() != 67 {
		t.Errorf("%d columns, want 67", v.Size())
	}
	for name, want := range map[string]int{
		"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "pressure": 3, "velocity_z": 6, "zeros_like_density": 7,
		"D_xx": 10, "D_zz": 18, "E_xx": 19, "density": 28, "velocity_phi": 32, "momentum_x": 33, "mask": 38, "A": 42, "height": 44,
		"magnetic_field_theta": 50, "magnetic_field_phi": 51, "velocity_log_r": 52, "tracer": 54, "log10_temperature": 56, "c_zz": 57, "C_xx": 58, "C_zz": 66,
	} {
		if got, found := v.Index(name); !found || got != want {
			t.Errorf("%s: column %d (found %v), want %d", name, got, found, want)
		}
	}
	if added := v.Add("pressure", "salinity"); !slices.Equal(added, []string{"salinity"}) {
		t.Errorf("added %v, want only salinity", added)
	}
	if got, _ := v.Index("salinity"); got != 67 || v.Size() != 68 {
		t.Errorf("the new field has column %d of %d, want 67 of 68", got, v.Size())
	}
	again, err := NewVocabulary(v.Map())
	if err != nil || !cmp.Equal(again.Map(), v.Map()) || again.Size() != v.Size() {
		t.Errorf("the vocabulary does not survive its map: %v", err)
	}
	for _, bad := range []map[string]int{{"closed_boundary": 1}, {"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "a": 2}, {"a": -1}} {
		if _, err := NewVocabulary(bad); err == nil {
			t.Errorf("%v was accepted", bad)
		}
	}
}

func TestLayoutPadsComponentsAndRenames(t *testing.T) {
	fields := Fields{
		Variable: []field.Field{{Name: "density"}, {Name: "velocity", Rank: field.Vector}, {Name: "D", Rank: field.Tensor}},
		Constant: []field.Field{{Name: "mask"}},
		Axes:     []string{"x", "y"},
	}
	l, err := NewLayout(fields, map[string]Transform{"density": Log10}, ReleasedVocabulary())
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("log10_density velocity_x velocity_y velocity_z D_xx D_xy D_xz D_yx D_yy D_yz D_zx D_zy D_zz mask")
	if diff := cmp.Diff(want, l.Names); diff != "" {
		t.Error(diff)
	}
	var padding []string
	for i, pads := range l.Padding {
		if pads {
			padding = append(padding, l.Names[i])
		}
	}
	if diff := cmp.Diff(strings.Fields("velocity_z D_xz D_yz D_zx D_zy D_zz"), padding); diff != "" {
		t.Error(diff)
	}
	if l.Mask != 0 || l.Variable != 13 {
		t.Errorf("mask is constant channel %d of %d variable ones, want 0 and 13", l.Mask, l.Variable)
	}
	w := &Window{Input: field.Array{Shape: []int{1, 1, 1, 7}, Data: []float32{100, 1, 2, 11, 12, 21, 22}}, Origin: "file",
		Boundaries: make([]field.Sides, 2)}
	b, err := l.Prepare(w)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{2, 1, 2, 0, 11, 12, 0, 21, 22, 0, 0, 0, 0}, b.Input.Data); diff != "" {
		t.Error(diff)
	}
	unpadded, err := l.Unpad(b.Input)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]float32{2, 1, 2, 11, 12, 21, 22}, unpadded.Data); diff != "" {
		t.Error(diff)
	}
	if got := l.Quantities(); got[0].Name != "log10_density" || got[1] != fields.Variable[1] {
		t.Errorf("quantities %v", got)
	}
	bad := &Window{Input: field.NewArray(2, 2, 3, 7), Origin: "file.hdf5, trajectory 1", Boundaries: w.Boundaries}
	for i := range bad.Input.Data {
		bad.Input.Data[i] = 1
	}
	bad.Input.Data[7*(6+4)], bad.Input.Data[7*(6+5)], bad.Input.Data[7*4+1] = -1, 0, -5 // the last is of the velocity
	_, err = l.Prepare(bad)
	if want := "file.hdf5, trajectory 1: sample: field density: 2 of 12 values have no log10; the first is -1 at frame 1 of the window, grid point [1 1]"; err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	if bad.Input.Data[0] != 1 || bad.Input.Data[70] != -1 {
		t.Error("the window was changed")
	}
	for name, want := range map[Transform]float32{"sqrt": 3, "log2": 3.169925, "square": 81, "reciprocal": 1. / 9, "exp2": 512, "neg": -9, ZerosLike: 0, "ones_like": 1} {
		values := []float32{9}
		if refused, _, _ := name.Apply(values); refused > 0 || math.Abs(float64(values[0]-want)) > 1e-6*math.Abs(float64(want)) {
			t.Errorf("%s of 9 is %v, want %v", name, values[0], want)
		}
	}
	w.Input.Data[0] = -1
	fields.Grid = []int{2, 1}
	if l, err = NewLayout(fields, nil, ReleasedVocabulary()); err != nil {
		t.Fatal(err)
	}
	if b, err = l.Prepare(w); err != nil || !slices.Equal(b.Input.Shape, []int{1, 1, 2, 1, 13}) || b.Input.Data[13] != -1 {
		t.Errorf("interpolated to %v: %v", b.Input.Shape, err)
	}
	fields.Grid = []int{2}
	if _, err = NewLayout(fields, nil, ReleasedVocabulary()); err == nil || !strings.Contains(err.Error(), "2 axes") {
		t.Errorf("one number of points for two axes: error %v", err)
	}
}

func TestUnknownFieldsAreAllListed(t *testing.T) {
	fields := Fields{Variable: []field.Field{{Name: "salinity"}, {Name: "velocity", Rank: field.Vector}, {Name: "spin"}}, Axes: []string{"x", "y"}}
	_, err := NewLayout(fields, nil, ReleasedVocabulary())
	if err == nil || !strings.Contains(err.Error(), "salinity, spin") {
		t.Errorf("error %v, want one that lists salinity and spin", err)
	}
	transforms := map[string]Transform{"heat": Log10, "spin": "sqrt"}
	if names, err := ComponentNames(fields, transforms); err != nil || !slices.Equal(names, strings.Fields("salinity velocity_x velocity_y velocity_z sqrt_spin")) {
		t.Errorf("names %v, error %v: a transform of a field that is not there is passed over", names, err)
	}
	if absent := WithoutField(fields, transforms); !slices.Equal(absent, []string{"heat"}) {
		t.Errorf("fields %v have transforms and are not there; want heat", absent)
	}
	fields.Axes = []string{"x"}
	if _, err = ComponentNames(fields, nil); err == nil {
		t.Error("1-D data was accepted")
	}
}

func mustSampler(t *testing.T, options Options, entries ...Entry) *Sampler {
	t.Helper()
	s, err := New(entries, ReleasedVocabulary(), options)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestBatchIsAFunctionOfSeedAndNumber(t *testing.T) {
	ctx := context.Background()
	entries := []Entry{{Source: flow2D("a"), Batch: 2}, {Source: flow2D("b"), Batch: 3}}
	s := mustSampler(t, Options{Seed: 5, Rotation: PlaneRotation}, entries...)
	again := mustSampler(t, Options{Seed: 5, Rotation: PlaneRotation}, entries...)
	other := mustSampler(t, Options{Seed: 6, Rotation: PlaneRotation}, entries...)
	same, counts := 0, map[string]int{}
	for n := range uint64(400) {
		b, err := s.Batch(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		counts[b.DataSet]++
		// In another order than the first sampler: nothing may carry over from batch to batch.
		c, err := again.Batch(ctx, n)
		if err != nil || !cmp.Equal(b, c) {
			t.Fatalf("batch %d differs between two samplers: %v", n, err)
		}
		if _, err = again.Batch(ctx, 1000-n); err != nil {
			t.Fatal(err)
		}
		if d, err := other.Batch(ctx, n); err == nil && cmp.Equal(b, d) {
			same++
		}
	}
	if same > 20 {
		t.Errorf("%d of 400 batches are the same for another seed", same)
	}
	if a := counts["a"]; a < 160 || a > 240 {
		t.Errorf("data set a was drawn %d of 400 times; both are equally likely", a)
	}
}

func TestRotatedBatchesKeepLawsOfVectorsAndBoundaries(t *testing.T) {
	ctx := context.Background()
	source := flow2D("a")
	for _, mode := range []Augmentation{NoRotation, PlaneRotation, SpaceRotation} {
		s := mustSampler(t, Options{Seed: 1, Rotation: mode, Reflections: true}, Entry{Source: source, Batch: 2})
		shapes := map[string]bool{}
		for n := range uint64(200) {
			b, err := s.Batch(ctx, n)
			if err != nil {
				t.Fatal(err)
			}
			grid := b.Input.Shape[2 : len(b.Input.Shape)-1]
			shapes[fmt.Sprint(grid)] = true
			if len(grid) != len(b.Boundaries) || field.Volume(grid) != 8 {
				t.Fatalf("%s: grid %v with boundaries %v", mode, grid, b.Boundaries)
			}
			if got, want := fmt.Sprint(b.Constant.Shape), fmt.Sprint(append(append([]int{2}, grid...), 2)); got != want {
				t.Fatalf("%s: constants %s, want %s", mode, got, want)
			}
			for i, side := range b.Boundaries {
				if wall := side.Low != side.High; wall != (grid[i] == 4) {
					t.Fatalf("%s: the wall and open side must stay on the axis of 4 points: %v on %v", mode, b.Boundaries, grid)
				}
			}
			// The padded component is zero and marked wherever it went; the square of the vector is kept.
			var square, want float64
			for j, v := range b.Input.Data {
				if c := j % 4; b.Padding[c] && v != 0 {
					t.Fatalf("%s: component %s only pads, but is %v", mode, b.Names[c], v)
				} else if c > 0 {
					square += float64(v) * float64(v)
				}
			}
			for i := range b.Origins {
				var window int
				fmt.Sscanf(b.Origins[i], "a window %d", &window)
				stride := (b.Input.Index(i).Data[0] - float32(100*window)) // pressure is a scalar: 1*stride + point/1000
				read, _ := source.Read(ctx, window, fixedStride(int(stride)))
				for j, v := range read.Input.Data {
					if j%3 > 0 {
						want += float64(v) * float64(v)
					}
				}
			}
			if diff := square - want; diff > 1e-3*want || diff < -1e-3*want {
				t.Fatalf("%s: sum of squares of the velocity %v, want %v", mode, square, want)
			}
		}
		if want := map[Augmentation]int{NoRotation: 1, PlaneRotation: 2, SpaceRotation: 6}[mode]; len(shapes) != want {
			t.Errorf("%s: %d grids %v, want %d", mode, len(shapes), shapes, want)
		}
	}
}

// fixedStride is a generator whose first draw of three gives the wanted stride.
func fixedStride(stride int) *rand.Rand {
	for seed := uint64(0); ; seed++ {
		if rand.New(rand.NewPCG(seed, 0)).IntN(3) == stride-1 {
			return rand.New(rand.NewPCG(seed, 0))
		}
	}
}

func TestNeighbouringDrawsAreIndependent(t *testing.T) {
	const draws = 20000
	var counts [4][4]float64 // of the first choice of draw n and of draw n+1
	last := Random(9, 0).IntN(4)
	for n := uint64(1); n <= draws; n++ {
		now := Random(9, n).IntN(4)
		counts[last][now]++
		last = now
	}
	var chi2 float64
	for _, row := range counts {
		for _, count := range row {
			chi2 += (count - draws/16) * (count - draws/16) / (draws / 16)
		}
	}
	if chi2 > 45 { // 15 degrees of freedom: probability below 1e-4
		t.Errorf("chi-square %v of successive draws, expected about 15: %v", chi2, counts)
	}
}

func TestMixedBoundariesInABatchAreRefused(t *testing.T) {
	a, b := &Batch{Origins: []string{"a"}, Boundaries: []field.Sides{field.Both(field.Wall)}}, &Batch{Origins: []string{"b"}, Boundaries: []field.Sides{field.Both(field.Open)}}
	if _, err := stack([]*Batch{a, b}); err == nil || !strings.Contains(err.Error(), "boundaries") {
		t.Errorf("error %v, want one about boundaries", err)
	}
}

func TestStreamDeliversInOrderAndStops(t *testing.T) {
	ctx := context.Background()
	s := mustSampler(t, Options{Seed: 2}, Entry{Source: flow2D("a"), Batch: 1})
	stream := NewStream(ctx, s, 10, 3)
	for n := uint64(10); n < 20; n++ {
		got, err := stream.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := s.Batch(ctx, n)
		if !cmp.Equal(want, got) {
			t.Fatalf("batch %d is not the sampler's", n)
		}
	}
	closed := make(chan struct{})
	go func() { stream.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("Close did not return within 10 s")
	}
}

func TestStreamPassesReadErrorsOn(t *testing.T) {
	broken := flow2D("broken")
	broken.fail = errors.New("disk on fire")
	s := mustSampler(t, Options{}, Entry{Source: broken, Batch: 1})
	stream := NewStream(context.Background(), s, 0, 2)
	defer stream.Close()
	if _, err := stream.Next(context.Background()); !errors.Is(err, broken.fail) {
		t.Errorf("error %v, want the reader's", err)
	}
}
