package score

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/metric"
)

// distance is a metric whose values can be seen at a glance: the mean absolute difference of each channel.
func distance(prediction, truth field.Array) ([]float64, error) {
	channels := truth.Axis(-1)
	d := make([]float64, channels)
	for i := range truth.Data {
		d[i%channels] += math.Abs(float64(prediction.Data[i]-truth.Data[i])) * float64(channels) / float64(len(truth.Data))
	}
	return d, nil
}

func meanDistance() metric.Named { return metric.Named{Name: "distance", Func: distance} }

// constant is an array of (steps, 2, 2, 2) whose first channel is the given number at each step, the second twice that.
func constant(values ...float32) field.Array {
	a := field.NewArray(len(values), 2, 2, 2)
	for i := range a.Data {
		a.Data[i] = values[i/8] * float32(1+i%2)
	}
	return a
}

// trajectory starts at 0; its truth at step i is i+1, and the model is off by the given errors.
func trajectory(steps int, errors ...float32) Trajectory {
	t := Trajectory{DataSet: "shear_flow", Name: "a", Fields: []string{"tracer", "pressure"}, Last: constant(0).Index(0)}
	truth, prediction := make([]float32, steps), make([]float32, len(errors))
	for i := range truth {
		truth[i] = float32(i + 1)
	}
	for i := range prediction {
		prediction[i] = float32(i+1) + errors[i]
	}
	t.Truth, t.Prediction = constant(truth...), constant(prediction...)
	return t
}

func all(list ...Trajectory) Trajectories {
	return func(yield func(Trajectory, error) bool) {
		for _, t := range list {
			if !yield(t, nil) {
				return
			}
		}
	}
}

func evaluate(t *testing.T, windows string, list ...Trajectory) *Result {
	t.Helper()
	w, err := ParseWindows(windows)
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(context.Background(), Config{Metric: meanDistance(), Windows: w}, all(list...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScoresAreMeansOverWindowsAndMediansOverTrajectories(t *testing.T) {
	r := evaluate(t, "1:2,3:9",
		trajectory(4, 1, 3, 5, 7), // window means 2 and 6
		trajectory(4, 0, 0, 0, 0),
		trajectory(4, 10, 10, 10, 10))
	persistence := func(v float64) Summary { return Summary{v, v} }
	want := []Score{
		{"shear_flow", "tracer", "one-step", 3, Summary{1, 11. / 3}, persistence(1)},
		{"shear_flow", "pressure", "one-step", 3, Summary{2, 22. / 3}, persistence(2)},
		{"shear_flow", AllFields, "one-step", 3, Summary{1.5, 5.5}, persistence(1.5)},
		{"shear_flow", "tracer", "1:2", 3, Summary{2, 4}, persistence(1.5)},
		{"shear_flow", "pressure", "1:2", 3, Summary{4, 8}, persistence(3)},
		{"shear_flow", AllFields, "1:2", 3, Summary{3, 6}, persistence(2.25)},
		// The window 3:9 ends where the data does.
		{"shear_flow", "tracer", "3:4", 3, Summary{6, 16. / 3}, persistence(3.5)},
		{"shear_flow", "pressure", "3:4", 3, Summary{12, 32. / 3}, persistence(7)},
		{"shear_flow", AllFields, "3:4", 3, Summary{9, 8}, persistence(5.25)},
	}
	near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-6 })
	if diff := cmp.Diff(want, r.Scores(), near); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestSingleStepsComeFirst(t *testing.T) {
	a := trajectory(2, 9, 9)
	a.OneStep = Steps{Before: constant(1, 2, 3), Truth: constant(2, 4, 6), Prediction: constant(2.5, 4.5, 8)}
	s := evaluate(t, "", a).Scores()[0]
	if s.Model.Median != 1 || s.Persistence.Median != 2 {
		t.Errorf("one step: %g beside persistence %g, want 1 beside 2", s.Model.Median, s.Persistence.Median)
	}
}

func TestStoppedAndExplodedRolloutsCountAsInfinitelyWrong(t *testing.T) {
	for name, broken := range map[string]Trajectory{
		"stopped":  trajectory(4, 1),
		"exploded": trajectory(4, 1, float32(math.NaN()), float32(math.Inf(1)), 0),
	} {
		r := evaluate(t, "1:1,1:4", broken, trajectory(4, 1, 1, 1, 1), trajectory(4, 1, 1, 1, 1))
		for _, s := range r.Scores() {
			if s.Field != "tracer" {
				continue
			}
			wantMean := 1.0
			if s.Window == "1:4" {
				wantMean = math.Inf(1)
			}
			if s.Model.Median != 1 || s.Model.Mean != wantMean || s.Trajectories != 3 {
				t.Errorf("%s, %s: %+v, want median 1, mean %g of 3 trajectories", name, s.Window, s, wantMean)
			}
		}
		if c := r.Curves()[0]; !math.IsInf(c.High[2], 1) || c.Score[2] != 1.5 {
			t.Errorf("%s: curve %+v, want a finite median and an infinite upper quartile at step 3", name, c)
		}
	}
}

func TestOnlyTheChosenChannelsAreScored(t *testing.T) {
	a := trajectory(2, 1, 1)
	a.Channels = []int{1}
	for i := range a.Truth.Data {
		if i%2 == 0 {
			a.Truth.Data[i] = float32(math.NaN()) // not scored, so it may be
		}
	}
	scores := evaluate(t, "1:2", a).Scores()
	if len(scores) != 2 || scores[0].Field != "pressure" || scores[1].Model.Median != 2 {
		t.Errorf("scores %+v, want pressure alone", scores)
	}
}

func TestTheUsualMetricIsTheVRMSE(t *testing.T) {
	a := trajectory(1, 0)
	for i := range a.Truth.Data {
		a.Truth.Data[i] = float32(i % 5)
		a.Prediction.Data[i] = a.Truth.Data[i] + 0.5
	}
	want, err := metric.VRMSE(a.Prediction.Index(0), a.Truth.Index(0))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(context.Background(), Config{}, all(a))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range r.Scores()[:2] {
		if s.Model.Median != want[i] {
			t.Errorf("%s: %g, want the VRMSE %g", s.Field, s.Model.Median, want[i])
		}
	}
	if title := r.Table().Title; title != "VRMSE" {
		t.Errorf("the table is titled %q", title)
	}
}

func TestDataSetsKeepTheirOrderAndWindows(t *testing.T) {
	short := trajectory(2, 1, 1)
	short.DataSet = "active_matter"
	r := evaluate(t, "1:2,3:4", trajectory(4, 1, 1, 1, 1), short)
	var lines []string
	for _, s := range r.Scores() {
		if s.Field == AllFields {
			lines = append(lines, s.DataSet+" "+s.Window)
		}
	}
	want := []string{"shear_flow one-step", "shear_flow 1:2", "shear_flow 3:4", "active_matter one-step", "active_matter 1:2"}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var text strings.Builder
	if err := r.Overview().WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	want = []string{
		"median distance",
		"data set       field       one-step  persistence one-step  steps 1:2  persistence 1:2  steps 3:4  persistence 3:4",
		"─────────────  ──────────  ────────  ────────────────────  ─────────  ───────────────  ─────────  ───────────────",
		"shear_flow     tracer         1.000                 1.000      1.000            1.500      1.000            3.500",
		"shear_flow     pressure       2.000                 2.000      2.000            3.000      2.000            7.000",
		"shear_flow     all fields     1.500                 1.500      1.500            2.250      1.500            5.250",
		"active_matter  tracer         1.000                 1.000      1.000            1.500          –                –",
		"active_matter  pressure       2.000                 2.000      2.000            3.000          –                –",
		"active_matter  all fields     1.500                 1.500      1.500            2.250          –                –",
		"",
	}
	if diff := cmp.Diff(want, strings.Split(text.String(), "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if rows := len(r.Table().Rows); rows != 15 {
		t.Errorf("the full table has %d rows, want 15", rows)
	}
}

// TestTrajectoriesAreTakenOneAtATime checks that a trajectory is done with before the next is asked for: the producer reuses its memory.
func TestTrajectoriesAreTakenOneAtATime(t *testing.T) {
	one := trajectory(3, 1, 1, 1)
	source := func(yield func(Trajectory, error) bool) {
		for i := range 5 {
			for j := range one.Prediction.Data {
				one.Prediction.Data[j] = one.Truth.Data[j] + float32(i)
			}
			if !yield(one, nil) {
				return
			}
		}
	}
	r, err := Evaluate(context.Background(), Config{Metric: meanDistance(), Windows: []Window{{1, 3}}}, source)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Scores() {
		if s.Model.Median != 2 || s.Model.Mean != 2 || s.Trajectories != 5 {
			t.Errorf("%+v, want median and mean 2 of 5 trajectories", s)
		}
	}
}

func TestImpossibleTrajectoriesAreErrors(t *testing.T) {
	good := trajectory(3, 1, 1, 1)
	change := func(f func(*Trajectory)) []Trajectory {
		bad := trajectory(3, 1, 1, 1)
		bad.Name = "file.hdf5, trajectory 7"
		f(&bad)
		return []Trajectory{good, bad}
	}
	for name, c := range map[string]struct {
		list []Trajectory
		want string
	}{
		"none":                {nil, "no trajectory"},
		"names":               {change(func(t *Trajectory) { t.Fields = []string{"a"} }), "1 channels"},
		"other fields":        {change(func(t *Trajectory) { t.Fields = []string{"a", "b"} }), `["a" "b"]`},
		"a channel too many":  {change(func(t *Trajectory) { t.Channels = []int{2} }), "channel 2"},
		"no channel":          {change(func(t *Trajectory) { t.Channels = []int{} }), "no channel"},
		"another space":       {change(func(t *Trajectory) { t.Truth = field.NewArray(3, 2, 4, 2) }), "truth has shape [3 2 4 2]"},
		"missing values":      {change(func(t *Trajectory) { t.Truth.Data = t.Truth.Data[1:] }), "23 values"},
		"more than the truth": {change(func(t *Trajectory) { t.Prediction = constant(1, 2, 3, 4) }), "4 predicted steps"},
		"nothing to score":    {change(func(t *Trajectory) { t.Truth, t.Prediction = field.Array{}, field.Array{} }), "neither"},
		"uneven single steps": {change(func(t *Trajectory) { t.OneStep.Truth = constant(1) }), "single steps"},
		"truth not finite":    {change(func(t *Trajectory) { t.Truth.Data[9] = float32(math.NaN()) }), "field pressure, step 2"},
	} {
		_, err := Evaluate(context.Background(), Config{Metric: meanDistance()}, all(c.list...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		} else if len(c.list) > 0 && !strings.Contains(err.Error(), "file.hdf5, trajectory 7") {
			t.Errorf("%s: error %v does not name the trajectory", name, err)
		}
	}
}

func TestErrorsOfTheSourceAndTheMetricAreReported(t *testing.T) {
	broken := errors.New("disk on fire")
	source := func(yield func(Trajectory, error) bool) { yield(Trajectory{}, broken) }
	if _, err := Evaluate(context.Background(), Config{Metric: meanDistance()}, source); !errors.Is(err, broken) {
		t.Errorf("source: %v", err)
	}
	failing := func(field.Array, field.Array) ([]float64, error) { return nil, fmt.Errorf("metric: %w", broken) }
	if _, err := Evaluate(context.Background(), Config{Metric: metric.Named{Name: "broken", Func: failing}}, all(trajectory(1, 0))); !errors.Is(err, broken) {
		t.Errorf("metric: %v", err)
	}
	short := func(field.Array, field.Array) ([]float64, error) { return []float64{1}, nil }
	if _, err := Evaluate(context.Background(), Config{Metric: metric.Named{Name: "short", Func: short}}, all(trajectory(1, 0))); err == nil {
		t.Error("a metric with one number for two fields was accepted")
	}
	correlation := metric.Named{Name: "PearsonR", Func: metric.PearsonR}
	if _, err := Evaluate(context.Background(), Config{Metric: correlation}, all(trajectory(1, 0))); err == nil {
		t.Error("a metric that is not an error was accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Evaluate(ctx, Config{Metric: meanDistance()}, all(trajectory(1, 0))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestWindowsAreParsed(t *testing.T) {
	got, err := ParseWindows("1:20, 21:60")
	if diff := cmp.Diff(PretrainingWindows(), got); diff != "" || err != nil {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
	for _, bad := range []string{"1", "0:3", "5:4", "1:x", "x:1", "1:2,", "1:2:3", "99999999999999999999:1"} {
		if got, err := ParseWindows(bad); err == nil {
			t.Errorf("%q gave %v, want an error", bad, got)
		}
	}
}

func TestQuantilesInterpolate(t *testing.T) {
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{3, 1, 2}, 0.5, 2},
		{[]float64{4, 1, 2, 3}, 0.5, 2.5},
		{[]float64{0, 10}, 0.25, 2.5},
		{[]float64{5}, 0.75, 5},
		{[]float64{1, math.Inf(1)}, 0.5, math.Inf(1)},
		{[]float64{1, 2, math.Inf(1)}, 0.5, 2},
	} {
		if got := quantile(c.values, c.q); got != c.want {
			t.Errorf("quantile(%v, %g) = %g, want %g", c.values, c.q, got, c.want)
		}
	}
}
