package rollout

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
	"github.com/gowalrus/walrus/well/welltest"
)

// maskModel is a fresh network that knows pressure, velocity and the mask.
func maskModel(t *testing.T) surrogate.Setting {
	t.Helper()
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	vocabulary := sample.ReleasedVocabulary()
	n, err := network.New(e, model.Config{Hidden: 16, Inner: 4, Heads: 2, Blocks: 1, States: vocabulary.Size(), Dimensions: []int{2}, Causal: true}, network.Fresh(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(); e.Close() })
	return surrogate.Setting{History: 3, MinStride: 1, Predictor: n, Vocabulary: vocabulary, Blocks: 1, Frame: frame.Options{Tokens: 8}}
}

// openBody opens a flow around a body whose points inside(frame, x, y) are; constant writes the mask of frame 0 as a constant
// field. hidden is what stands under it.
func openBody(t *testing.T, inside func(frame, x, y int) bool, constant bool, hidden func() float64) *well.Dataset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body.hdf5")
	f := welltest.Flow{
		Name: "body", Grid: [2]int{16, 16}, Frames: 7, Trajectories: 1,
		Boundaries: []field.Sides{field.Both(field.Wall), field.Both(field.Open)},
		Variable:   []field.Field{{Name: "pressure"}, {Name: "velocity", Rank: field.Vector}},
	}
	mask := []field.Field{{Name: sample.MaskName}}
	channel := 0
	if constant {
		f.Constant, channel = mask, 3
	} else {
		f.Variable = append(mask, f.Variable...)
	}
	f.Value = func(_, frame, c, x, y int) float64 {
		in := inside(frame, x, y)
		switch {
		case c == channel && in:
			return 1
		case c == channel:
			return 0
		case in:
			return hidden()
		case !constant:
			c--
		}
		return rand.New(rand.NewPCG(uint64(16*x+y), uint64(8*c+frame))).Float64() // the same in either file
	}
	f.Write(t, path)
	d, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func atRest(_, x, y int) bool     { return x >= 4 && x < 9 && y < 6 }
func rising(frame, x, y int) bool { return x >= 4 && x < 9 && y >= frame && y < frame+5 }

func zero() float64 { return 0 }

// scores are all numbers of an evaluation with one metric of each kind.
func scores(t *testing.T, d *well.Dataset, s surrogate.Setting) string {
	t.Helper()
	p := score.DefaultProtocol()
	p.First = -1
	var err error
	if p.Metrics, err = metric.Parse("vrmse,mae,linf,pearson,spectral", metric.Epsilon); err != nil {
		t.Fatal(err)
	}
	p.Windows = []score.Window{score.WholeRollout}
	result, err := score.Evaluate(context.Background(), p, Forecasts(context.Background(), d, s, Evaluation{Protocol: p}))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := result.Overview().WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// A mask with frames that does not move is a constant mask: the same predictions, bit for bit, and the same scores, for a
// network with real weights.
func TestAMaskWithFramesThatRestsEqualsAConstantOne(t *testing.T) {
	s := maskModel(t)
	var predictions []field.Array
	var tables []string
	for _, constant := range []bool{true, false} {
		d := openBody(t, atRest, constant, zero)
		c, err := ReadCase(context.Background(), d, s, Piece{Steps: 4})
		if err != nil {
			t.Fatal(err)
		}
		if c.Start.Data.Moving == constant {
			t.Fatalf("moving: %v", c.Start.Data.Moving)
		}
		r, err := c.Predict(context.Background(), Options{Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		predictions = append(predictions, r.Prediction)
		tables = append(tables, scores(t, d, s))
	}
	if diff := cmp.Diff(predictions[0], predictions[1]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(tables[0], tables[1]); diff != "" {
		t.Error(diff)
	}
}

func TestHiddenValuesChangeNoPredictionAndNoScore(t *testing.T) {
	s := maskModel(t)
	random := rand.New(rand.NewPCG(5, 6))
	d := openBody(t, rising, false, zero)
	want := scores(t, d, s)
	wild := openBody(t, rising, false, func() float64 { return 1e6 * random.NormFloat64() })
	if diff := cmp.Diff(want, scores(t, wild, s)); diff != "" {
		t.Error(diff)
	}
	// The test would see it if they did: another flow has other scores.
	if other := openBody(t, atRest, false, zero); scores(t, other, s) == want {
		t.Error("a body at rest has the scores of one that rises")
	}
	stats := func(d *well.Dataset) well.Stats {
		v, err := well.ComputeStats(context.Background(), d, well.StatsOptions{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if diff := cmp.Diff(stats(d), stats(wild)); diff != "" {
		t.Errorf("statistics: %s", diff)
	}
}

// Every predicted frame is 0 under the mask of its own time, and is written with it.
func TestPredictionsFollowTheBody(t *testing.T) {
	s, ctx := maskModel(t), context.Background()
	d := openBody(t, rising, false, zero)
	c, err := ReadCase(ctx, d, s, Piece{Steps: 4})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Predict(ctx, Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "prediction.hdf5")
	if err := c.Write(path, d, r); err != nil {
		t.Fatal(err)
	}
	written, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer written.Close()
	again, err := ReadCase(ctx, written, s, Piece{Steps: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !again.Start.Data.Moving {
		t.Error("the mask was not written with the prediction")
	}
	for step := range 4 {
		hidden := c.Hidden().Index(step)
		for p := range 256 {
			inside := rising(3+step, p/16, p%16)
			if (hidden.Data[p] != 0) != inside {
				t.Fatalf("step %d, point %d: hidden %v", step, p, hidden.Data[p])
			}
			if v := r.Prediction.Index(0).Index(step).Data[4*p]; (v == 0) != inside {
				t.Fatalf("step %d, point %d: pressure %v, inside: %v", step, p, v, inside)
			}
			if step < 3 && (again.Start.Constants.Index(0).Index(step).Data[p] != 0) != inside {
				t.Fatalf("step %d, point %d: the file has another mask", step, p)
			}
		}
	}
	if _, err := ReadCase(ctx, d, s, Piece{Steps: 5}); err == nil || !strings.Contains(err.Error(), "at most 4 steps") {
		t.Errorf("steps beyond the known mask: error %v", err)
	}
}
