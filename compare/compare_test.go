package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/significance"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// share predicts that the last change goes on with a share of its size: 0 is persistence.
type share struct {
	of      float32
	calls   *atomic.Int64
	history int
}

func (p share) Next(_ context.Context, _ network.Data, x, _ field.Array, _ frame.Rolls) (field.Array, frame.Scales, error) {
	p.calls.Add(1)
	n := x.Shape[1]
	out := field.NewArray(append([]int{1}, x.Shape[2:]...)...)
	last, before := x.Index(0).Index(n-1).Data, x.Index(0).Index(n-2).Data
	for i := range out.Data {
		out.Data[i] = last[i] + p.of*(last[i]-before[i])
	}
	return out, frame.Scales{}, nil
}

func (p share) For(*well.Dataset) (surrogate.Setting, error) {
	return surrogate.Setting{
		Predictor: p, Vocabulary: sample.ReleasedVocabulary(), History: p.history, MinStride: 1, Frame: frame.Options{Tokens: 4},
	}, nil
}

func (p share) Fits(d *well.Dataset) error {
	if len(d.Axes()) != 2 {
		return errors.New("three axes")
	}
	return nil
}

func (share) Close() {}

// entrant is a share as a model of a comparison.
func entrant(name string, of float32, history int) (Entrant, *atomic.Int64) {
	calls := new(atomic.Int64)
	return Entrant{Name: name, Path: name, Identity: name, Open: func() (Model, error) { return share{of, calls, history}, nil }}, calls
}

// growing writes a data set whose pressure grows by another amount in every trajectory: going on is right, persistence is not.
func growing(t *testing.T, name string, trajectories int) Data {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".hdf5")
	welltest.Flow{
		Name: name, Grid: [2]int{8, 8}, Frames: 9, Trajectories: trajectories, Variable: []field.Field{{Name: "pressure"}},
		Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)},
		Value: func(trajectory, frame, _, x, y int) float64 {
			return float64(frame*(1+x)*(2+trajectory)) + math.Sin(float64(7*frame+x*y+trajectory))
		},
	}.Write(t, path)
	return Data{Path: path}
}

// options compares one step ahead and three steps.
func options(folder string) Options {
	p := score.DefaultProtocol()
	p.First, p.Windows = score.FromTheStart, []score.Window{{First: 1, Last: 3}}
	return Options{
		Evaluation: rollout.Evaluation{Protocol: p}, Bootstrap: significance.Options{Resamples: 400, Level: 0.95, Seed: 1}, Folder: folder, Workers: 2,
	}
}

// run compares and fails the test on an error.
func run(t *testing.T, entrants []Entrant, data []Data, o Options) *Comparison {
	t.Helper()
	c, err := Run(t.Context(), entrants, data, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestABetterModelIsFoundAndFewTrajectoriesProveNothing(t *testing.T) {
	persistence, _ := entrant("persistence", 0, 2)
	linear, _ := entrant("linear", 1, 3) // a longer history: both are scored on the frames that it allows
	c := run(t, []Entrant{persistence, linear}, []Data{growing(t, "many", 9), growing(t, "few", 3)}, options(t.TempDir()))
	want := map[string]Verdict{"many": Better, "few": TooFew}
	seen := 0
	for _, r := range c.Rows {
		if r.Model == "persistence" {
			if r.Verdict != Reference {
				t.Errorf("the first model has the verdict %q", r.Verdict)
			}
			continue
		}
		seen++
		trajectories := map[string]int{"many": 9, "few": 3}[r.DataSet]
		count := trajectories
		if r.Window == score.OneStepName {
			count *= 6 // frames 3 to 8
		}
		if r.Verdict != want[r.DataSet] || r.Trajectories != trajectories || r.Count != count {
			t.Errorf("%+v: want %s, %d trajectories, %d scores", r, want[r.DataSet], trajectories, count)
		}
		if !(r.Difference.Interval.High < 0) || !(r.Interval.Low <= r.Median && r.Median <= r.Interval.High) || !(r.P >= r.Difference.P) {
			t.Errorf("%+v: want a difference below 0, an interval around the median, and p no smaller than before the correction", r)
		}
	}
	if seen != 4 {
		t.Errorf("%d rows of linear; want one step and a window on two data sets", seen)
	}
}

// The numbers are those of an evaluation of the model alone.
func TestScoresAreThoseOfEval(t *testing.T) {
	a, _ := entrant("a", 0.5, 2)
	b, _ := entrant("b", 1, 2)
	data, o := growing(t, "set", 5), options(t.TempDir())
	c := run(t, []Entrant{a, b}, []Data{data}, o)
	d, err := data.open()
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	m, _ := a.Open()
	s, _ := m.For(d)
	alone, err := score.Evaluate(t.Context(), o.Protocol, rollout.Forecasts(t.Context(), d, s, o.Evaluation))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range alone.Scores() {
		if got := c.Rows[2*i]; got.Window != want.Window || got.Median != want.Model.Median || got.Low != want.Model.Low || got.Count != want.Count {
			t.Errorf("compared %+v; alone %+v", got, want)
		}
	}
}

func TestWhatWasComputedIsNotComputedAgain(t *testing.T) {
	folder, data := t.TempDir(), growing(t, "set", 4)
	a, callsA := entrant("a", 0, 2)
	b, callsB := entrant("b", 1, 2)
	first := run(t, []Entrant{a, b}, []Data{data}, options(folder))
	before := callsA.Load()
	if before == 0 || callsB.Load() != before {
		t.Fatalf("%d and %d calls", before, callsB.Load())
	}
	// Stopped in the middle: one trajectory of b is missing.
	files, err := filepath.Glob(filepath.Join(folder, "*", "trajectory-000002.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, error %v", files, err)
	}
	for _, f := range files {
		about, err := os.ReadFile(filepath.Join(filepath.Dir(f), "about.json"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(about), `"model": "b"`) {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	again, callsAgain := entrant("b", 1, 2)
	third, callsThird := entrant("c", 0.9, 2)
	second := run(t, []Entrant{a, again, third}, []Data{data}, options(folder))
	if callsA.Load() != before || callsAgain.Load() != before/4 || callsThird.Load() != before {
		t.Errorf("%d calls of a, %d of b, %d of c; want none more, a quarter of %d, and all", callsA.Load()-before, callsAgain.Load(), callsThird.Load(), before)
	}
	for i, r := range first.Rows {
		if got := second.Rows[i/2*3+i%2]; got != r {
			t.Errorf("resumed %+v; at once %+v", got, r)
		}
	}
	// Other settings and other data are other scores.
	o := options(folder)
	o.Settings = []string{"tokens 8"}
	run(t, []Entrant{a, b}, []Data{data}, o)
	if callsA.Load() != 2*before {
		t.Errorf("other settings took the scores of the first")
	}
	data2 := growing(t, "set", 5)
	run(t, []Entrant{a, b}, []Data{data2}, options(folder))
	if callsA.Load() <= 3*before {
		t.Errorf("other data took the scores of the first")
	}
}

func TestDamagedScoresAreRefusedByName(t *testing.T) {
	folder, data := t.TempDir(), growing(t, "set", 2)
	a, _ := entrant("a", 0, 2)
	b, _ := entrant("b", 1, 2)
	run(t, []Entrant{a, b}, []Data{data}, options(folder))
	files, _ := filepath.Glob(filepath.Join(folder, "*", "trajectory-000001.json"))
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	digit := bytes.IndexByte(whole[bytes.Index(whole, []byte(`"score":[`))+12:], '.') + bytes.Index(whole, []byte(`"score":[`)) + 13
	changed := bytes.Clone(whole)
	changed[digit] = '0' + (changed[digit]-'0'+1)%10
	for want, text := range map[string][]byte{
		"not whole":      whole[:len(whole)/2],
		"version 2":      bytes.Replace(whole, []byte(`"version":1`), []byte(`"version":2`), 1),
		"do not have":    changed,
		"the scores of ": bytes.Replace(whole, []byte(`"key":"`), []byte(`"key":"0`), 1),
	} {
		if err := os.WriteFile(files[0], text, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := Run(t.Context(), []Entrant{a, b}, []Data{data}, options(folder))
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), files[0]) {
			t.Errorf("error %v; want one with %q and the file's name", err, want)
		}
	}
}

func FuzzScores(f *testing.F) {
	f.Add([]byte(`{"format":"walrus scores of a trajectory","version":1,"key":"k","sha256":"","scores":{"trajectory":0}}`))
	f.Add([]byte(`{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, found, err := parseScores(text, "k", 0, func(string, ...any) (part, bool, error) { return part{}, false, errors.New("refused") })
		if found == (err != nil) {
			t.Errorf("found %v, error %v", found, err)
		}
	})
}

func TestWhatCanNotBeComparedIsAnErrorThatNamesBoth(t *testing.T) {
	data := growing(t, "set", 2)
	a, _ := entrant("a", 0, 2)
	coarse := Entrant{Name: "coarse", Identity: "coarse", Open: func() (Model, error) { return strided{share{1, new(atomic.Int64), 2}}, nil }}
	unfit := Entrant{Name: "unfit", Identity: "unfit", Open: func() (Model, error) { return misfit{}, nil }}
	for _, c := range []struct {
		entrants []Entrant
		data     []Data
		want     []string
	}{
		{[]Entrant{a, coarse}, []Data{data}, []string{"a takes every 1-th", "coarse every 2-th", "--stride"}},
		{[]Entrant{a, unfit}, []Data{data}, []string{"unfit on", data.Path, "buoyancy"}},
		{[]Entrant{a, coarse}, []Data{data, data}, []string{"twice"}},
		{[]Entrant{a}, []Data{data}, []string{"two models"}},
	} {
		_, err := Run(t.Context(), c.entrants, c.data, options(t.TempDir()))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v; want one with %q", err, want)
			}
		}
	}
}

type strided struct{ share }

func (s strided) For(d *well.Dataset) (surrogate.Setting, error) {
	setting, err := s.share.For(d)
	setting.MinStride = 2
	return setting, err
}

type misfit struct{ share }

func (misfit) Fits(*well.Dataset) error { return errors.New("no field buoyancy") }

func TestTablesHoldAllThatWasFound(t *testing.T) {
	a, _ := entrant("a|b", 0, 2)
	b, _ := entrant("b", 1, 2)
	c := run(t, []Entrant{a, b}, []Data{growing(t, "set", 8)}, options(t.TempDir()))
	var text, markdown, document bytes.Buffer
	if err := errors.Join(c.WriteText(&text, false, false), c.WriteMarkdown(&markdown, true), c.WriteJSON(&document)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one-step", "1:3", "VRMSE", "better", "Holm", "paired bootstrap"} {
		if !strings.Contains(text.String(), want) || !strings.Contains(markdown.String(), want) {
			t.Errorf("no %q in\n%s\n%s", want, text.String(), markdown.String())
		}
	}
	lines := strings.Split(markdown.String(), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 11 {
			t.Errorf("a line of Markdown with another number of cells: %s", line)
		}
	}
	var read struct {
		Reference string
		Rows      []map[string]any
	}
	if err := json.Unmarshal(document.Bytes(), &read); err != nil || read.Reference != "a|b" || len(read.Rows) != len(c.Rows) {
		t.Errorf("JSON: %v, %+v", err, read)
	}
}

func TestEntrantsGetNamesOfTheirOwn(t *testing.T) {
	names, paths, err := Names([]string{"runs/a/last", "runs/b/last", "mine=runs/c", "persistence"})
	if err != nil || strings.Join(names, " ") != "runs/a/last runs/b/last mine persistence" || paths[2] != "runs/c" {
		t.Errorf("%q %q %v", names, paths, err)
	}
	if _, _, err := Names([]string{"x=a", "x=b"}); err == nil {
		t.Error("two models of one name were taken")
	}
}

func TestWorkersFollowFromWhatTheFirstTook(t *testing.T) {
	const gib = 1 << 30
	for _, c := range []struct {
		taken, free int64
		processors  int
		want        int
	}{{gib, 0, 8, 1}, {gib, 8 * gib, 8, 5}, {gib, 100 * gib, 8, 8}, {0, 8 * gib, 4, 4}, {10 * gib, gib, 4, 1}} {
		if got := workersFor(c.taken, c.free, c.processors); got != c.want {
			t.Errorf("%+v: %d workers", c, got)
		}
	}
}
