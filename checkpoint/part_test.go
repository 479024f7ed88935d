package checkpoint

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// baseAndPart writes a base with a matrix w [3, 2], an embedding of three flags and two fields, and a bias, and a part that
// changes the first two and replaces the third. change may spoil what the part says of itself.
func baseAndPart(t *testing.T, change func(*Part)) (base, part string) {
	t.Helper()
	folder := t.TempDir()
	base = filepath.Join(folder, "base", "model.safetensors")
	if err := os.Mkdir(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	err := Write(base, []Tensor{
		tensor(t, "w", []int{3, 2}, 1, 2, 3, 4, 5, 6), tensor(t, "embed.2.proj1.weight", []int{1, 5}, 1, 2, 3, 4, 5), tensor(t, "bias", []int{1}, 7),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := BaseOf(base)
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]int{"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "A": 3, "B": 4}
	p := Part{Base: b, BaseFields: fields, Fields: maps.Clone(fields), NewColumns: PreservingColumns, Scale: 0.5,
		LowRank: []LowRank{{Weight: "w", Down: "down", Up: "up", Row: 1}},
		Added:   []AddedColumns{{Weight: "embed.2.proj1.weight", Values: "new", Axis: 1, Columns: []int{5}}}}
	p.Fields["dye"] = 5
	if change != nil {
		change(&p)
	}
	folder = filepath.Join(folder, "run")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := p.encode(folder)
	if err != nil {
		t.Fatal(err)
	}
	part = filepath.Join(folder, "model.safetensors")
	err = Write(part, []Tensor{
		tensor(t, "down", []int{1, 2}, 10, 20), tensor(t, "up", []int{2, 1}, 1, 2), tensor(t, "new", []int{1, 1}, 9), tensor(t, "bias", []int{1}, 8), tensor(t, "more", []int{1}, 3),
	}, map[string]string{partKey: text})
	if err != nil {
		t.Fatal(err)
	}
	return base, part
}

func TestAPartAndItsBaseAreOneWhole(t *testing.T) {
	base, part := baseAndPart(t, nil)
	want := map[string][]float32{
		"w": {1, 2, 3 + 5, 4 + 10, 5 + 10, 6 + 20}, "bias": {8}, "more": {3},
		// The old columns but the flags' shrink by sqrt(2 / 3) where they are preserved (GrowFields).
		"embed.2.proj1.weight": {1, 2, 3 * 0.8164966, 4 * 0.8164966, 5 * 0.8164966, 9},
	}
	check := func(c *Checkpoint) {
		t.Helper()
		if c.Part == nil || len(c.Tensors()) != len(want) {
			t.Errorf("%d tensors, want %d; part %v", len(c.Tensors()), len(want), c.Part)
		}
		for name, values := range want {
			got, found := c.Tensor(name)
			if !found {
				t.Errorf("no %s", name)
				continue
			}
			a, err := got.Array()
			if err != nil || !slices.EqualFunc(a.Data, values, func(a, b float32) bool { return a-b < 1e-6 && b-a < 1e-6 }) {
				t.Errorf("%s is %v, want %v (%v)", name, a.Data, values, err)
			}
		}
	}
	check(open(t, part))
	// Both moved together: the place beside the part counts.
	moved := filepath.Join(t.TempDir(), "moved")
	if err := os.Rename(filepath.Dir(filepath.Dir(base)), moved); err != nil {
		t.Fatal(err)
	}
	check(open(t, filepath.Join(moved, "run")))
}

func TestPartsThatMakeNoSenseAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Part)
		want   string
	}{
		"another base":           {func(p *Part) { p.Base.Hash = strings.Repeat("0", 64) }, "holds other weights"},
		"no base":                {func(p *Part) { p.Base.File, p.Base.From = "/nowhere/a", "/nowhere/b" }, "/nowhere/b is not there"},
		"a negative column":      {func(p *Part) { p.Fields["dye"] = -1 }, "column -1"},
		"a far column":           {func(p *Part) { p.Fields["dye"] = 1 << 40 }, "expected one of its own"},
		"a column for two":       {func(p *Part) { p.Fields["dye"] = 4 }, "column 4"},
		"fewer columns":          {func(p *Part) { p.Fields = map[string]int{"A": 0} }, "grow from 5 to 1"},
		"a weight that is not":   {func(p *Part) { p.LowRank[0].Weight = "v" }, `adds to weight "v"`},
		"a matrix that is not":   {func(p *Part) { p.LowRank[0].Up = "v" }, `names tensor "v"`},
		"a matrix twice":         {func(p *Part) { p.LowRank = append(p.LowRank, p.LowRank[0]) }, "twice named"},
		"rows beyond the end":    {func(p *Part) { p.LowRank[0].Row = 2 }, "can not be added"},
		"a negative row":         {func(p *Part) { p.LowRank[0].Row = -1 }, "can not be added"},
		"an axis that is not":    {func(p *Part) { p.Added[0].Axis = 2 }, "axis 2"},
		"a column beyond":        {func(p *Part) { p.Added[0].Columns = []int{6} }, "column 6 of 6"},
		"more columns than are":  {func(p *Part) { p.Added[0].Columns = []int{5, 4} }, "expected [1 2]"},
		"an unknown beginning":   {func(p *Part) { p.NewColumns = "odd" }, `"odd"`},
		"products and no matrix": {func(p *Part) { p.LowRank[0].Down, p.LowRank[0].Up = "bias", "more" }, "can not be added"},
	} {
		_, part := baseAndPart(t, func(p *Part) {
			if name == "no base" { // beside it neither
				p.Base.From = ""
			}
			c.change(p)
		})
		opened, err := Open(part)
		if err == nil {
			opened.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want one with %q", name, err, c.want)
		}
	}
}

func TestAPartOnItselfIsAnError(t *testing.T) {
	_, part := baseAndPart(t, nil)
	raw, err := json.Marshal(Part{Base: Base{File: part}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(part, []Tensor{tensor(t, "bias", []int{1}, 8)}, map[string]string{partKey: string(raw)}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(part); err == nil || !strings.Contains(err.Error(), "stand on one another") {
		t.Errorf("error %v", err)
	}
	for _, text := range []string{"", "{", `{"strange": 1}`, `{"base": 3}`} {
		if err := Write(part, nil, map[string]string{partKey: text}); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(part); err == nil || !strings.Contains(err.Error(), partKey) {
			t.Errorf("%q: error %v", text, err)
		}
	}
}

func TestTheHashIsThatOfTheNumbers(t *testing.T) {
	a, b, freqs := tensor(t, "a", []int{2}, 1, 2), tensor(t, "b", []int{1, 2}, 3, 4), tensor(t, "x.rotary_emb.freqs", []int{1}, 5)
	hash := func(tensors ...Tensor) string {
		t.Helper()
		h, err := Hash(tensors)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	whole := hash(a, b)
	if hash(b, a, freqs) != whole {
		t.Error("the order, or constant frequencies, count")
	}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteWith(path, []Tensor{a, b}, WriteOptions{DType: BFloat16}); err != nil { // holds these numbers as they are
		t.Fatal(err)
	}
	if hash(open(t, path).Tensors()...) != whole {
		t.Error("the type that numbers are stored in counts")
	}
	for _, other := range [][]Tensor{{a}, {tensor(t, "a", []int{2}, 1, 3), b}, {tensor(t, "c", []int{2}, 1, 2), b}, {tensor(t, "a", []int{2, 1}, 1, 2), b}} {
		if hash(other...) == whole {
			t.Errorf("%v has the same hash", other)
		}
	}
}
