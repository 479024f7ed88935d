package frame

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
)

// sidesToTry are the boundary combinations of one axis.
var sidesToTry = []field.Sides{
	field.Both(field.Periodic), field.Both(field.Wall), field.Both(field.Open), {Low: field.Wall, High: field.Open},
}

// supportedSizes lists the sizes up to the largest that a token count allows.
func supportedSizes(tokens int) (sizes []int) {
	for q := 1; q <= maxStride1*maxStride2; q++ {
		if supported(q*tokens, tokens) {
			sizes = append(sizes, q*tokens)
		}
	}
	return sizes
}

// Every supported size, boundary and jitter must come back as it went: the identity network, which copies the padded
// input to the decoder's output, restores the data exactly.
func TestEverySupportedSizeRoundTrips(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, tokens := range []int{8, 16, 32, 64} {
		for _, size := range supportedSizes(tokens) {
			for _, sides := range sidesToTry {
				g, err := NewGeometry([]int{size, tokens}, []field.Sides{sides, field.Both(field.Wall)}, Options{Tokens: tokens})
				if err != nil {
					t.Fatalf("size %d, %d tokens, %v: %v", size, tokens, sides, err)
				}
				a := g.Axes[0]
				if a.Decoded > a.Padded || a.Decoded < a.Low+a.Size && !a.Periodic() || a.Periodic() && a.Decoded != a.Padded {
					t.Errorf("size %d, %d tokens, %v: decoded %d of %d padded points", size, tokens, sides, a.Decoded, a.Padded)
				}
				if want := tokens; a.Periodic() && a.Tokens != want {
					t.Errorf("size %d periodic: %d tokens, want %d", size, a.Tokens, want)
				}
				if tokens > 16 {
					continue // the maps are the same; only larger
				}
				still, err := NewGeometry([]int{size, tokens}, []field.Sides{sides, field.Both(field.Wall)}, Options{Tokens: tokens, NoJitterPadding: true})
				if err != nil {
					t.Fatal(err)
				}
				if b := still.Axes[0]; b.Tokens != tokens || b.Decoded != b.Padded || b.Jitter != [2]int{} {
					t.Errorf("size %d, %v without jitter: %d tokens, decoded %d of %d, jitter %v", size, sides, b.Tokens, b.Decoded, b.Padded, b.Jitter)
				}
				x := randomArray(random, 2, size, tokens, 3)
				if back := throughIdentity(t, still, x, still.Draw(random, 2)); !equal(back.Data, x.Data) {
					t.Errorf("size %d, %d tokens, %v without jitter: the data do not come back", size, tokens, sides)
				}
				for _, jitter := range []int{a.Jitter[0], 0, a.Jitter[1]} {
					x := randomArray(random, 2, size, tokens, 3)
					r := Rolls{Jitter: [3]int{jitter}}
					if back := throughIdentity(t, g, x, r); !equal(back.Data, x.Data) {
						t.Errorf("size %d, %d tokens, %v, jitter %d: the data do not come back", size, tokens, sides, jitter)
					}
				}
			}
		}
	}
}

// throughIdentity applies the frame, copies the fields to the decoder's extent and restores them.
func throughIdentity(t *testing.T, g *Geometry, x field.Array, r Rolls) field.Array {
	t.Helper()
	framed, err := g.Apply(x, r)
	if err != nil {
		t.Fatal(err)
	}
	p, d := g.Padded(), g.Decoded()
	channels := framed.Axis(-1) - FlagChannels
	y := field.NewArray(framed.Shape[0], d[0], d[1], d[2], channels)
	at := 0
	for f := range framed.Shape[0] {
		for i := range d[0] {
			for j := range d[1] {
				for k := range d[2] {
					from := (((f*p[0]+i)*p[1]+j)*p[2] + k) * (channels + FlagChannels)
					copy(y.Data[at:], framed.Data[from:from+channels])
					at += channels
				}
			}
		}
	}
	back, err := g.Restore(y, r)
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func randomArray(random *rand.Rand, shape ...int) field.Array {
	a := field.NewArray(shape...)
	for i := range a.Data {
		a.Data[i] = float32(random.NormFloat64())
	}
	return a
}

func equal(a, b []float32) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// <Apply(x), y> = <x, Adjoint(y)> for all x and y, without the flags.
func TestAdjointIsTheTransposeOfApply(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	g, err := NewGeometry([]int{16, 32}, []field.Sides{field.Both(field.Periodic), {Low: field.Wall, High: field.Open}}, Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		checkAdjoint(t, random, g)
	}
}

// checkAdjoint compares both sides of the identity for random x and y of two channels, and random rolls.
func checkAdjoint(t *testing.T, random *rand.Rand, g *Geometry) {
	t.Helper()
	size := g.Size()
	r := g.Draw(random, 2)
	x := randomArray(random, 1, size[0], size[1], 2)
	framed, err := g.Apply(x, r)
	if err != nil {
		t.Fatal(err)
	}
	y := randomArray(random, framed.Shape...)
	back, err := g.Adjoint(y, r)
	if err != nil {
		t.Fatal(err)
	}
	var left, right float64
	for i, v := range framed.Data {
		if i%5 < 2 {
			left += float64(v) * float64(y.Data[i])
		}
	}
	for i, v := range x.Data {
		right += float64(v) * float64(back.Data[i])
	}
	if math.Abs(left-right) > 1e-3*math.Abs(left)+1e-3 {
		t.Errorf("%v: <Ax, y> = %v, <x, A'y> = %v", g.Axes[0].Ends, left, right)
	}
}

// A weighted loss in the frame equals the loss of the prediction moved back.
func TestTargetCountsEachPointOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, sides := range sidesToTry {
		g, err := NewGeometry([]int{24, 16}, []field.Sides{sides, field.Both(field.Open)}, Options{Tokens: 8})
		if err != nil {
			t.Fatal(err)
		}
		r := g.Draw(random, 1)
		x := randomArray(random, 1, 24, 16, 1)
		target, weight, err := g.ApplyTarget(x, r)
		if err != nil {
			t.Fatal(err)
		}
		var ones, sum, want float64
		for i, w := range weight.Data {
			ones += float64(w)
			sum += float64(w * target.Data[i])
		}
		for _, v := range x.Data {
			want += float64(v)
		}
		if ones != 24*16 || math.Abs(sum-want) > 1e-4 {
			t.Errorf("%v: weights add up to %v, want %d; data to %v, want %v", sides, ones, 24*16, sum, want)
		}
	}
}

func TestFlagsMarkWallsAndCorners(t *testing.T) {
	g, err := NewGeometry([]int{32, 32}, []field.Sides{field.Both(field.Wall), {Low: field.Wall, High: field.Open}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	framed, err := g.Apply(field.NewArray(1, 32, 32, 1), Rolls{})
	if err != nil {
		t.Fatal(err)
	}
	p := g.Padded()
	flags := func(i, j int) [3]float32 {
		at := (i*p[1] + j) * 4
		return [3]float32(framed.Data[at+1 : at+4])
	}
	for _, c := range []struct {
		i, j int
		want [3]float32
		why  string
	}{
		{p[0] / 2, p[1] / 2, [3]float32{1, 0, 0}, "inside"},
		{0, p[1] / 2, [3]float32{0, 1, 0}, "at one wall"},
		{0, 0, [3]float32{0, 2, 0}, "where two walls meet"},
		{0, p[1] - 1, [3]float32{0, 1, 1}, "where a wall meets an opening"},
	} {
		if got := flags(c.i, c.j); got != c.want {
			t.Errorf("%s: flags %v, want %v (bias correction, wall, open)", c.why, got, c.want)
		}
	}
}

// The released code's slip that its weights know: 1024 points that end, without jitter, have no padding, and its flag of the
// high end covers them all.
func TestFlagsOfAnAxisWithoutPaddingCoverIt(t *testing.T) {
	g, err := NewGeometry([]int{256, 8}, []field.Sides{{Low: field.Wall, High: field.Open}, field.Both(field.Periodic)}, Options{Tokens: 8, NoJitterPadding: true})
	if err != nil {
		t.Fatal(err)
	}
	framed, err := g.Apply(field.NewArray(1, 256, 8, 1), Rolls{})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(framed.Data); i += 4 {
		if flags := [3]float32(framed.Data[i+1 : i+4]); flags != [3]float32{0, 0, 1} {
			t.Fatalf("position %d: flags %v, want 0 0 1 (bias correction, wall, open)", i/4, flags)
		}
	}
}

func TestUnsupportedSizesNameTheWayOut(t *testing.T) {
	for _, c := range []struct {
		size   []int
		tokens int
		parts  []string
	}{
		{[]int{200, 100}, 32, []string{"axis x", "200 points", "32 tokens", "192", "224", "--resample 192x96", "--tokens 25"}},
		{[]int{33, 47}, 4, []string{"axis x", "--resample 32x48"}},
		{[]int{64, 47, 1}, 16, []string{"axis y", "--resample 64x48x1"}},
	} {
		_, err := NewGeometry(c.size, nil, Options{Tokens: c.tokens, AxisNames: []string{"x", "y", "z"}})
		for _, part := range c.parts {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("error %v does not contain %q", err, part)
			}
		}
	}
	for _, size := range [][]int{{64}, {1, 64}, {64, 0}, {64, 64, 64, 64}, {2048, 64}} {
		if _, err := NewGeometry(size, nil, Options{}); err == nil {
			t.Errorf("size %v was accepted", size)
		}
	}
}

func TestNormaliseAndAdvanceAreInverse(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	x := randomArray(random, 2, 3, 4, 4, 2)
	s, err := Measure(x, Measurement{})
	if err != nil {
		t.Fatal(err)
	}
	unit, err := Measure(s.Normalise(x), Measurement{})
	if err != nil {
		t.Fatal(err)
	}
	for b := range unit.Value {
		for c, v := range unit.Value[b] {
			if math.Abs(float64(v)-1) > 1e-6 {
				t.Errorf("sample %d, channel %d: root mean square %v after normalisation", b, c, v)
			}
		}
	}
	last, step := randomArray(random, 2, 4, 4, 2), randomArray(random, 2, 4, 4, 2)
	next := s.Advance(last, step)
	if got, want := next.Data[1], last.Data[1]+step.Data[1]*s.Delta[0][1]; got != want {
		t.Errorf("advance: %v, want %v", got, want)
	}
	single, err := Measure(field.NewArray(1, 1, 4, 4, 1), Measurement{})
	if err != nil || single.Delta[0][0] != 1 || single.Value[0][0] != Epsilon {
		t.Errorf("one frame of zeros: scales %v, %v", single, err)
	}
}

// goldenTables compares the layout of every released size with the reference's own tables.
func TestLayoutMatchesTheReference(t *testing.T) {
	folder := os.Getenv("WALRUS_SHARED")
	if folder == "" {
		folder = "../../shared"
	}
	text, err := os.ReadFile(filepath.Join(folder, "golden", "tables.json"))
	if err != nil {
		t.Skipf("no golden tables: %v", err)
	}
	type side struct {
		Pad        int    `json:"pad_each_side"`
		Padded     int    `json:"padded"`
		AfterConv1 int    `json:"after_conv1"`
		Tokens     int    `json:"tokens"`
		Final      int    `json:"output_len"`
		OK         bool   `json:"ok"`
		Roll       [2]int `json:"jitter_roll_range_low_highexclusive"`
	}
	type table struct {
		Tokens int `json:"tokens_per_axis_target"`
		Rows   []struct {
			Size        int  `json:"size"`
			Stride1     int  `json:"stride1"`
			Stride2     int  `json:"stride2"`
			Periodic    side `json:"periodic"`
			NonPeriodic side `json:"nonperiodic"`
		} `json:"rows"`
	}
	var tables map[string]json.RawMessage
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"kernel_by_size_2_nonsingleton_axes", "kernel_by_size_3_nonsingleton_axes"} {
		var one table
		if err := json.Unmarshal(tables[name], &one); err != nil {
			t.Fatal(err)
		}
		for _, row := range one.Rows {
			for sides, want := range map[field.Sides]side{field.Both(field.Periodic): row.Periodic, field.Both(field.Open): row.NonPeriodic} {
				a, ok := newAxis(row.Size, one.Tokens, sides, true)
				if !ok || !a.Released || a.Stride1 != row.Stride1 || a.Stride2 != row.Stride2 || a.Low != want.Pad ||
					a.Padded != want.Padded || a.AfterConv1 != want.AfterConv1 || a.Tokens != want.Tokens {
					t.Errorf("size %d, %v: %+v, want %+v", row.Size, sides, a, want)
				}
				if got := [2]int{a.Jitter[0], a.Jitter[1] + 1}; want.OK && got != want.Roll {
					t.Errorf("size %d, %v: jitter %v, want %v", row.Size, sides, got, want.Roll)
				}
			}
		}
	}
}

// What NewObjective and Next do with a change must be each other's inverse, means included.
func TestAdvanceUndoesTheNormalisedChange(t *testing.T) {
	x := field.NewArray(2, 3, 4, 2)
	for i := range x.Data {
		x.Data[i] = float32(i%7) + float32(i%2)*10
	}
	scales, err := Measure(x, Measurement{Centred: true})
	if err != nil {
		t.Fatal(err)
	}
	last, next, change := field.NewArray(2, 4, 2), field.NewArray(2, 4, 2), field.NewArray(2, 4, 2)
	for b := range 2 {
		copy(last.Index(b).Data, x.Index(b).Index(1).Data)
		copy(next.Index(b).Data, x.Index(b).Index(2).Data)
		scales.Change(b, change.Index(b).Data, last.Index(b).Data, next.Index(b).Data, 2)
	}
	for i, v := range scales.Advance(last, change).Data {
		if diff := math.Abs(float64(v - next.Data[i])); diff > 1e-5 {
			t.Errorf("value %d is %v, want %v", i, v, next.Data[i])
		}
	}
	if change.Data[0] == (next.Data[0]-last.Data[0])/scales.Delta[0][0] {
		t.Error("the mean of the change was not subtracted")
	}
}

// The scale of changes around a moving body is that of the points which are free in both frames; what lies under the mask
// does not reach it, and a mask at rest over zeros changes nothing.
func TestChangesAroundABodyAreMeasuredWhereThereAreTwoValues(t *testing.T) {
	x := field.NewArray(1, 3, 2, 2, 2) // channel 1 is the mask
	copy(x.Data, []float32{
		1, 0, 2, 0, 3, 1, 4, 0,
		2, 0, 4, 1, 7, 0, 1, 0, // changes 1, -, -, -3
		5, 0, 6, 0, 9, 0, 3, 0, // changes 3, -, 2, 2
	})
	s, err := MeasureAround(x, Measurement{}, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := float64(s.Delta[0][0]), math.Sqrt((1+9+9+4+4)/8.0); math.Abs(got-want) > 1e-6 {
		t.Errorf("scale of changes %v, want %v", got, want)
	}
	if got, want := float64(s.Delta[0][1]), math.Sqrt(3/8.0); math.Abs(got-want) > 1e-6 { // the mask's own: -1, 1, -1
		t.Errorf("scale of the mask's changes %v, want %v", got, want)
	}
	for i := range 3 {
		for p := range 4 {
			x.Data[8*i+2*p+1] = 0
			if p == 2 {
				x.Data[8*i+2*p], x.Data[8*i+2*p+1] = 0, 1
			}
		}
	}
	for _, m := range []Measurement{{}, {Centred: true}} {
		around, err := MeasureAround(x, m, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Measure(x, m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain, around); diff != "" {
			t.Error(diff)
		}
	}
}
