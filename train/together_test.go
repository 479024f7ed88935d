package train

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/ranks"
)

// sharedRun is a smallRun whose steps four ranks can share: two batches of four samples, in 2-D and in 3-D.
func sharedRun(t *testing.T, data, out string) Config {
	c := smallRun(t, data, out)
	c.Data.Batch, c.Data.Normalization, c.LogEvery, c.Validation.Every = 4, "", 1, 3
	c.Optimizer.Clip = 0.5 // every step is clipped: the norm must be that of the whole step
	return c
}

// trainTogether trains on some ranks to the end, or until so many steps are done, of which only rank 0 is told.
func trainTogether(t *testing.T, c Config, size int, resume bool, until int) []error {
	t.Helper()
	return ranks.Together(size, time.Minute, func(g *ranks.Group) error {
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		r, err := OpenTogether(g, c, resume, Observer{Progress: func(p Progress) {
			if p.Step == until {
				stop()
			}
		}})
		if err != nil {
			return err
		}
		err = r.Train(ctx)
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		return errors.Join(err, r.Close())
	})
}

// mustTrain is trainTogether without errors.
func mustTrain(t *testing.T, c Config, size int, resume bool, until int) {
	t.Helper()
	for rank, err := range trainTogether(t, c, size, resume, until) {
		if err != nil {
			t.Fatalf("rank %d of %d: %v", rank, size, err)
		}
	}
}

// rowsOf is a run's log without its clock.
func rowsOf(t *testing.T, folder string) []Row {
	t.Helper()
	rows, err := ReadLog(folder)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		rows[i].Seconds = 0
	}
	return rows
}

// near says whether two logs are the same up to the order of additions.
func near(a, b []Row) bool {
	const tolerance = 2e-4
	return slices.EqualFunc(a, b, func(x, y Row) bool {
		same := relative(x.Loss, y.Loss) < tolerance && relative(x.GradientNorm, y.GradientNorm) < 10*tolerance
		x.Loss, x.GradientNorm = y.Loss, y.GradientNorm
		return same && x == y
	})
}

// The whole of it: a run on one process, and one that goes from four ranks to two and to one.
func TestRanksTrainAsOneAndAnyNumberGoesOn(t *testing.T) {
	data := writeWavesAndTides(t)
	one, many := sharedRun(t, data, filepath.Join(t.TempDir(), "one")), sharedRun(t, data, filepath.Join(t.TempDir(), "many"))
	train(t, one, false, 0)
	many.Shard = 2
	mustTrain(t, many, 4, false, 2)
	mustTrain(t, many, 2, true, 4)
	again, err := ReadRunConfig(many.Out)
	if err != nil {
		t.Fatal(err)
	}
	train(t, again, true, 0)
	want, got := rowsOf(t, one.Out), rowsOf(t, many.Out)
	if len(want) != 6 || !near(got, want) {
		t.Errorf("4, 2 and 1 ranks:\n%v\none process:\n%v", got, want)
	}
	state, err := checkpoint.LoadRun(many.Out)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := checkpoint.LoadRun(one.Out)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range whole.Parameters {
		q := state.Parameters[i]
		if q.Name != p.Name || q.Updates != p.Updates || !cmp.Equal(q.Shape, p.Shape) || len(q.First) != len(p.First) {
			t.Errorf("%s: %d updates of shape %v, want %d of %v", p.Name, q.Updates, q.Shape, p.Updates, p.Shape)
		}
		for k := range p.First {
			if math.Abs(float64(q.First[k]-p.First[k])) > 1e-3*(1e-2+math.Abs(float64(p.First[k]))) {
				t.Errorf("%s: first moment %d is %v, want %v", p.Name, k, q.First[k], p.First[k])
				break
			}
		}
	}
}

func TestAFixedNumberOfRanksGivesTheSameBits(t *testing.T) {
	data := writeWavesAndTides(t)
	run := func(change func(*Config)) []Row {
		c := sharedRun(t, data, filepath.Join(t.TempDir(), "run"))
		c.Schedule.Epochs, c.Schedule.EpochSteps, c.Schedule.Warmup, c.Schedule.Cooldown = 1, 2, 0, 0
		c.Validation.Every = 0
		change(&c)
		mustTrain(t, c, 2, false, 0)
		return rowsOf(t, c.Out)
	}
	plain := run(func(*Config) {})
	if again := run(func(*Config) {}); !cmp.Equal(again, plain) {
		t.Errorf("twice on two ranks: %v", cmp.Diff(again, plain))
	}
	if sharded := run(func(c *Config) { c.Shard = 2 }); !near(sharded, plain) {
		t.Errorf("sharded: %v", cmp.Diff(sharded, plain))
	}
	half := run(func(c *Config) { c.Reduce = "bf16" })
	if half[1].Loss == plain[1].Loss || relative(half[1].Loss, plain[1].Loss) > 1e-2 || relative(half[0].GradientNorm, plain[0].GradientNorm) > 1e-2 {
		t.Errorf("gradients in bf16: %v; in float32 %v", half, plain)
	}
}

func TestRanksThatDifferRefuseToStart(t *testing.T) {
	data := writeWavesAndTides(t)
	other := writeWavesAndTides(t)
	writeWaves(t, other, "tides", field.Field{Name: "height"}, field.Field{Name: "pressure"})
	c := sharedRun(t, data, filepath.Join(t.TempDir(), "run"))
	start := func(change func(*Config)) []error {
		return ranks.Together(2, time.Minute, func(g *ranks.Group) error {
			own := c
			if g.Rank() == 1 {
				change(&own)
			}
			r, err := OpenTogether(g, own, false, Observer{})
			if err == nil {
				err = r.Close()
			}
			return err
		})
	}
	for want, change := range map[string]func(*Config){
		"seed is 2 on rank 1 of 2 on memory and 1 on rank 0": func(c *Config) { c.Seed = 2 },
		"data.max_stride is 1 on rank 1":                     func(c *Config) { c.Data.MaxStride = 1 },
	} {
		for rank, err := range start(change) {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("rank %d: error %v; want one that says %q", rank, err, want)
			}
		}
	}
	// The same path leads to other data, as on a machine's own disk.
	errs := ranks.Together(2, time.Minute, func(g *ranks.Group) error {
		r := &Run{config: c, ranks: g}
		own := c
		if g.Rank() == 1 {
			own.Data.Sets = []SetConfig{c.Data.Sets[0], {Path: filepath.Join(other, "tides")}}
		}
		s, err := openSources(own, trainSplit, 1, 2)
		if err != nil {
			return err
		}
		defer s.Close()
		r.data = s
		return r.compare(func() ([]ranks.Fact, error) { return r.filesOf(trainSplit, s) })
	})
	for rank, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "file tides.hdf5 of tides, train is 2 trajectories of 8 frames in") {
			t.Errorf("rank %d: error %v; want one about the file", rank, err)
		}
	}
	if errs := trainTogether(t, c, 16, false, 0); !strings.Contains(errs[0].Error(), "16 ranks share a step of 2 batches of at most 4 samples") {
		t.Errorf("16 ranks: %v", errs[0])
	}
}

func TestALossThatIsNotFiniteNamesItsRankAndData(t *testing.T) {
	data := writeWavesAndTides(t)
	c := sharedRun(t, data, filepath.Join(t.TempDir(), "run"))
	rate := 1e38 // the weights are lost after the first step
	c.Optimizer.Groups = Groups{{Match: []string{"*"}, LearningRate: &rate}}
	c.Validation.Every = 0
	for rank, err := range trainTogether(t, c, 2, false, 0) {
		var trouble *TroubleError
		if !errors.As(err, &trouble) || !strings.Contains(err.Error(), "rank 1 of 2 on memory: the loss is NaN on ") || !strings.Contains(err.Error(), "trajectory") {
			t.Errorf("rank %d: error %v", rank, err)
		}
	}
}

// Statistics of a part of a batch are not those of the batch.
func TestRanksThatShareABatchRefuseRunningAverages(t *testing.T) {
	c := smallBaseline(t, writeWavesAndTides(t), filepath.Join(t.TempDir(), "run"), "{kind: unet, hidden: 2}", "waves")
	c.Data.Accumulation = 1
	for rank, err := range trainTogether(t, c, 2, false, 0) {
		if err == nil || !strings.Contains(err.Error(), "2 ranks have to share a batch") || !strings.Contains(err.Error(), "data.accumulation of at least 2") {
			t.Errorf("rank %d: error %v", rank, err)
		}
	}
}

func TestLayoutsShareEveryBatchOnce(t *testing.T) {
	for _, c := range []struct{ ranks, batches, shard, devices, together int }{
		{1, 3, 1, 2, 1}, {4, 4, 1, 1, 1}, {4, 1, 1, 1, 4}, {4, 2, 1, 1, 2}, {4, 4, 2, 1, 2}, {8, 3, 2, 1, 4}, {6, 4, 1, 2, 2}, {96, 96, 4, 1, 4},
	} {
		samples := 8 * c.devices
		seen := map[[2]int]int{} // by batch and sample
		for rank := range c.ranks {
			l, err := newLayout(c.ranks, rank, c.batches, c.shard, c.devices)
			if err != nil {
				t.Fatal(err)
			}
			if l.together != c.together {
				t.Errorf("%+v: %d ranks share a batch", c, l.together)
			}
			from, to := l.part(samples)
			if (to-from)%c.devices != 0 {
				t.Errorf("%+v: samples %d to %d on %d devices", c, from, to, c.devices)
			}
			for i := range l.own() {
				n := l.number(5, i)
				for k := from; k < to; k++ {
					seen[[2]int{n, k}]++
				}
			}
		}
		for n := 5 * c.batches; n < 6*c.batches; n++ {
			for k := range samples {
				if seen[[2]int{n, k}] != 1 {
					t.Errorf("%+v: sample %d of batch %d is seen %d times", c, k, n, seen[[2]int{n, k}])
				}
			}
		}
		if len(seen) != c.batches*samples {
			t.Errorf("%+v: %d samples seen, want %d", c, len(seen), c.batches*samples)
		}
	}
	if _, err := newLayout(4, 0, 4, 3, 1); err == nil {
		t.Error("three of four ranks share")
	}
}

func TestRanksOfAMachineTakeTheirOwnGPUs(t *testing.T) {
	for _, c := range []struct {
		config  string
		devices int
		visible string // $CUDA_VISIBLE_DEVICES
		want    [2]string
	}{
		{"xla:cuda", 1, "", [2]string{"xla:cuda,visible_devices=0", "xla:cuda,visible_devices=1"}},
		{"xla:cuda,tf32", 2, "", [2]string{"xla:cuda,tf32,visible_devices=0;1", "xla:cuda,tf32,visible_devices=2;3"}},
		{"xla:cuda", 2, "4,5", [2]string{"xla:cuda", "xla:cuda"}}, // the launcher's choice
		{"xla:cuda,visible_devices=3", 1, "", [2]string{"xla:cuda,visible_devices=3", "xla:cuda,visible_devices=3"}},
		{"xla:cpu", 2, "", [2]string{"xla:cpu", "xla:cpu"}}, // its plugin refuses the option
		{"cpu:devices=2", 2, "", [2]string{"cpu:devices=2", "cpu:devices=2"}},
	} {
		for rank, g := range ranks.InMemory(2, time.Second) {
			if got := ownDevices(c.config, c.devices, g, func(string) string { return c.visible }); got != c.want[rank] {
				t.Errorf("%+v: rank %d gets %q", c, rank, got)
			}
		}
	}
}
