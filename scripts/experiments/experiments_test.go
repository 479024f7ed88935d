package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/train"
)

func TestOverallIsTheMeanOverFieldsWhereThereAreSeveral(t *testing.T) {
	s := func(field, window, metric string, v float64) score.Score {
		return score.Score{Field: field, Window: window, Metric: metric, Model: score.Summary{Median: v, Mean: -1}, Persistence: score.Summary{Median: 2 * v}}
	}
	list := []score.Score{
		s("pressure", "1:54", "VRMSE", 5), s(score.AllFields, "1:54", "VRMSE", 6), // of another window
		s(score.AllFields, "one-step", "MAE", 7), // of another metric
		s("pressure", "one-step", "VRMSE", 1), s(score.AllFields, "one-step", "VRMSE", 3),
	}
	for _, c := range []struct {
		list   []score.Score
		window string
		want   float64
	}{{list, "one-step", 3}, {list, "1:54", 6}, {list[3:4], "one-step", 1}} {
		got, persistence, err := overall(c.list, c.window)
		if err != nil || got != c.want || persistence != 2*c.want {
			t.Errorf("%s of %d scores: %v beside %v, %v; expected %v beside %v", c.window, len(c.list), got, persistence, err, c.want, 2*c.want)
		}
	}
	if _, _, err := overall(list[:2], "one-step"); err == nil {
		t.Error("one step ahead was found among scores of rollouts")
	}
}

func TestChangesCompareTheSameDataAndSeed(t *testing.T) {
	r := func(arm, data string, seed uint64, at, value float64) row {
		return row{key: key{arm: arm, dataSet: data, seed: seed, at: at, metric: "vrmse"}, value: value}
	}
	inf := math.Inf(1)
	rows := []row{
		r("with", "a", 1, 54, 1), r("with", "a", 2, 54, 6), r("with", "b", 1, 54, inf), r("with", "b", 3, 54, 1), r("with", "a", 1, 8, 100),
		r("without", "a", 1, 54, 2), r("without", "a", 2, 54, 3), r("without", "b", 1, 54, inf), r("without", "b", 2, 54, 1), r("without", "a", 1, 8, 1),
		r("fixed", "a", 1, 54, 4),
	}
	if got, want := changes(rows, "with", "without", "vrmse", 54), []float64{0.5, 2, 1}; !slices.Equal(got, want) { // seed 3 of b has no partner
		t.Errorf("ratios %v; expected %v", got, want)
	}
	if got, want := changes(rows, "with", "fixed", "vrmse", 54), []float64{0.25, 1.5}; !slices.Equal(got, want) { // what has no draws serves all seeds
		t.Errorf("ratios to an arm of one seed %v; expected %v", got, want)
	}
}

func TestTablesLeaveOutTheRunsThatRatesWereChosenBy(t *testing.T) {
	r := func(seed uint64, at, value float64, split string) row {
		return row{key: key{experiment: "scale", arm: "small", dataSet: "a", seed: seed, at: at, split: split, metric: "vrmse"}, value: value, persistence: 9, seconds: 10 * value}
	}
	rows := []row{r(tuningSeed, 100, 0, "valid"), r(tuningSeed, 100, 0, testSplit), r(1, 100, 3, testSplit), r(2, 100, 1, testSplit), r(3, 100, 2, testSplit), r(1, 50, 4, testSplit), r(1, 100, 7, "valid")}
	list := lines(rows, "scale")
	if len(list) != 1 {
		t.Fatalf("%d lines; expected one", len(list))
	}
	if got, want := list[0].cells[100], (cell{median: 2, low: 1, high: 3, persistence: 9, seconds: 20, seeds: 3}); got != want {
		t.Errorf("after 100 steps %+v; expected %+v", got, want)
	}
	if got := list[0].cells[50]; got.median != 4 || got.seeds != 1 {
		t.Errorf("after 50 steps %+v; expected 4 of one seed", got)
	}
	if n := len(lines(rows, "tokens")); n != 0 {
		t.Errorf("%d lines of an experiment without rows", n)
	}
}

// A measurement that was cut off while it was written has to be made again.
func TestWhatMarksAMeasurementIsWrittenLast(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.csv")
	at := func(v float64) row { return row{key: key{experiment: "tokens", at: v, seed: 1}, value: math.Inf(1)} }
	write := func(rows ...row) (called bool, err error) {
		l := &lab{}
		if l.results, err = openResults(path); err != nil {
			t.Fatal(err)
		}
		defer l.results.close()
		err = l.once(at(32).key, func() ([]row, error) { called = true; return rows, nil })
		return called, err
	}
	if called, err := write(at(8), at(16)); !called || err == nil {
		t.Errorf("without the row that marks it: measured %v, %v; expected an error", called, err)
	}
	if called, err := write(at(32), at(16), at(8)); !called || err != nil {
		t.Fatalf("measured %v, %v", called, err)
	}
	if called, err := write(); called || err != nil {
		t.Errorf("a second time: measured %v, %v; expected nothing to do", called, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text[:len(text)-3], 0o666); err != nil { // the last line is cut off
		t.Fatal(err)
	}
	if called, err := write(at(8), at(16), at(32)); !called || err != nil {
		t.Errorf("cut off: measured %v, %v; expected it to be made again", called, err)
	}
	if text, err = os.ReadFile(path); err != nil || strings.Count(string(text), "\n") != 4 {
		t.Errorf("%v; expected a header and three rows, each once:\n%s", err, text)
	}
}

func TestConfigurationsAreValid(t *testing.T) {
	l := &lab{data: "data", from: "nano", weights: checkpoint.Config{Hidden: 128, Inner: 32, Heads: 4, Blocks: 4, Tokens: 8}}
	texts := map[string]string{}
	for _, a := range tokenArms() {
		texts[a.name] = l.tokenYAML(a, 1)
	}
	for _, a := range contextArms() {
		texts[a.name] = l.contextYAML(a, 4, 1)
	}
	for _, x := range mixtures() {
		texts[x.name] = l.mixtureYAML(x, 1)
	}
	for _, a := range sizes() {
		texts[a.name] = l.scaleYAML(a, 1)
	}
	for _, trained := range []bool{true, false} {
		texts[fmt.Sprint(trained)] = l.jitterYAML(trained, 1)
	}
	for _, data := range l.unseen() {
		for _, s := range l.sides(filepath.Base(data)) {
			for _, w := range s.ways {
				texts[w.name+" on "+data] = w.yamlOf("data/x", 4e-3, 1)
			}
		}
	}
	for name, text := range texts {
		c, err := train.ParseConfig([]byte(text), []string{"schedule.epochs=6", "schedule.steps_per_epoch=10"})
		if err == nil {
			err = c.Check()
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		if len(c.Data.Sets) == 0 || !strings.HasPrefix(c.Data.Sets[0].Path, "data") {
			t.Errorf("%s: data sets %v", name, c.Data.Sets)
		}
	}
	if c, err := train.ParseConfig([]byte(texts["random"]), nil); err != nil || !slices.Equal(c.Data.Tokens, train.Tokens{8, 16, 32}) {
		t.Errorf("tokens %v, %v", c.Data.Tokens, err)
	}
	if c, err := train.ParseConfig([]byte(texts["whole-blocks on data/rayleigh_benard"]), nil); err != nil || len(c.Optimizer.Groups) != 1 || *c.Optimizer.Groups[0].LearningRate != 1e-3 {
		t.Errorf("blocks at a quarter of 4e-3: %+v, %v", c.Optimizer, err)
	}
	if c, err := train.ParseConfig([]byte(texts["hidden"]), nil); err != nil || c.Data.Sets[0].Transforms["density"] != "zeros_like" || c.Data.History != 4 {
		t.Errorf("hidden medium: %+v, %v", c.Data, err)
	}
}

// Each side is told by the runs with its best way and rate, which the same split and seed chose for both sides.
func TestASideIsComparedWithTheWayThatIsBestOnValid(t *testing.T) {
	l := &lab{data: "data", foreign: "foreign", results: &results{}}
	add := func(arm string, at, rate float64, seed uint64, split string, value float64) {
		l.results.rows = append(l.results.rows, row{key: key{experiment: transferName, arm: arm, dataSet: "gas", at: at, rate: rate, seed: seed, split: split, metric: "vrmse"}, value: value})
	}
	add("whole", 10, 4e-3, tuningSeed, "valid", 1)
	add("whole-blocks", 10, 8e-3, tuningSeed, "valid", 2)
	add("whole", 100, 1e-3, tuningSeed, "valid", 3)
	add("whole-blocks", 100, 2e-3, tuningSeed, "valid", 2)
	add("whole-blocks", 100, 4e-3, tuningSeed, testSplit, 0) // the split that is scored chooses nothing
	add("scratch", 100, 1e-3, tuningSeed, "valid", 0)        // nor does the other side
	for _, at := range []float64{10, 100, 300} {
		add("whole", at, 4e-3, 1, testSplit, 10+at)
		add("whole-blocks", at, 2e-3, 1, testSplit, 20+at)
	}
	s := l.sides("gas")[1]
	var got []string
	for _, r := range l.tunedRuns("gas", s) {
		got = append(got, fmt.Sprintf("%s %g to %d", r.name, r.rate, r.last))
	}
	if want := []string{"whole 0.004 to 10", "whole-blocks 0.002 to 1000"}; s.name != "whole" || !slices.Equal(got, want) {
		t.Errorf("runs of %s: %q; expected %q", s.name, got, want)
	}
	got = nil
	for _, r := range transferRows(l) {
		got = append(got, fmt.Sprintf("%s %g: %g", r.arm, r.at, r.value))
	}
	if want := []string{"whole 10: 20", "whole 100: 120", "whole 300: 320"}; !slices.Equal(got, want) {
		t.Errorf("compared: %q; expected %q", got, want)
	}
}

func TestStepsBelowALimitAreNotRepeated(t *testing.T) {
	for _, c := range []struct {
		cap  int
		want []int
	}{{0, []int{20, 50, 100}}, {60, []int{20, 50, 60}}, {10, []int{10}}} {
		if got := (&lab{cap: c.cap}).steps(20, 50, 100); !slices.Equal(got, c.want) {
			t.Errorf("at most %d: %v; expected %v", c.cap, got, c.want)
		}
	}
}

func TestOpenFOAMsFieldsAreReadWithXAsTheSlowest(t *testing.T) {
	// Cells of 2 x 2 as OpenFOAM has them: (x, y) of (0, 0), (1, 0), (0, 1), (1, 1).
	got, err := foamField("dimensions [0 1 -1 0 0 0 0];\ninternalField   nonuniform List<vector> \n4\n(\n(1 2 0)\n(3 4 0)\n(5 6 0)\n(7 8 0)\n)\n;\nboundaryField {}", 2, 3)
	if want := []float32{1, 2, 5, 6, 3, 4, 7, 8}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v; want %v", got, err, want)
	}
	if got, err = foamField("internalField uniform 1e5;", 2, 1); err != nil || !slices.Equal(got, []float32{1e5, 1e5, 1e5, 1e5}) {
		t.Errorf("uniform: %v, %v", got, err)
	}
	for _, damaged := range []string{"", "internalField nonuniform List<scalar> 4 (1 2 3);", "internalField uniform much;"} {
		if got, err := foamField(damaged, 2, 1); err == nil {
			t.Errorf("%q gives %v", damaged, got)
		}
	}
}

func TestGasBoxesAreOfAllRuns(t *testing.T) {
	runs, err := gasBoxes()
	if err != nil {
		t.Fatal(err)
	}
	for i, boxes := range runs {
		if len(boxes) < 1 || len(boxes) > 4 {
			t.Errorf("run %d begins with %d boxes", i, len(boxes))
		}
	}
}
