package score

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/physics"
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

func meanDistance() metric.Metric { return metric.Of("distance", distance) }

// constant is an array of (steps, 2, 2, 2) whose first channel is the given number at each step, the second twice that.
func constant(values ...float32) field.Array {
	a := field.NewArray(len(values), 2, 2, 2)
	for i := range a.Data {
		a.Data[i] = values[i/8] * float32(1+i%2)
	}
	return a
}

// rollout starts at 0; its truth at step i is i+1, and the model is off by the given errors.
func rollout(steps int, errors ...float32) Forecast {
	f := Forecast{DataSet: "shear_flow", Name: "a", Fields: []string{"tracer", "pressure"}, Last: constant(0).Index(0)}
	truth, prediction := make([]float32, steps), make([]float32, len(errors))
	for i := range truth {
		truth[i] = float32(i + 1)
	}
	for i := range prediction {
		prediction[i] = float32(i+1) + errors[i]
	}
	f.Truth, f.Prediction = constant(truth...), constant(prediction...)
	return f
}

// single is a single step that is off by an error.
func single(error float32) Forecast {
	f := rollout(1, error)
	f.OneStep = true
	return f
}

func all(list ...Forecast) Forecasts {
	return func(yield func(Forecast, error) bool) {
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// protocol scores the distance over the given windows.
func protocol(t *testing.T, windows string) Protocol {
	t.Helper()
	p := DefaultProtocol()
	p.Metrics = []metric.Metric{meanDistance()}
	if err := p.ParseWindows(windows); err != nil {
		t.Fatal(err)
	}
	return p
}

func evaluate(t *testing.T, windows string, list ...Forecast) *Result {
	t.Helper()
	r, err := Evaluate(context.Background(), protocol(t, windows), all(list...))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestScoresAreMeansOverWindowsAndMediansOverTrajectories(t *testing.T) {
	r := evaluate(t, "1:2,3:9",
		rollout(4, 1, 3, 5, 7), // window means 2 and 6
		single(4), single(1), single(2),
		rollout(4, 0, 0, 0, 0),
		single(3),
		rollout(4, 10, 10, 10, 10))
	persistence := func(v float64) Summary { return Summary{Median: v, Mean: v, Low: v, High: v} }
	scale := func(s Summary, by float64) Summary {
		return Summary{s.Median * by, s.Mean * by, s.Std * by, s.Low * by, s.High * by}
	}
	var want []Score
	for _, c := range []struct {
		window      string
		count       int
		model       Summary
		persistence Summary
	}{
		{OneStepName, 4, Summary{2, 2.5, math.Sqrt(5.0 / 3), 1.75, 3.25}, persistence(1)}, // the lower of the two middle ones
		{"1:2", 3, Summary{2, 4, math.Sqrt(28), 1, 6}, persistence(1.5)},
		{"3:4", 3, Summary{6, 16.0 / 3, math.Sqrt(76.0 / 3), 3, 8}, persistence(3.5)}, // cut and labelled by what there is
	} {
		for i, f := range []string{"tracer", "pressure", AllFields} {
			by := []float64{1, 2, 1.5}[i]
			want = append(want, Score{
				DataSet: "shear_flow", Metric: "distance", Field: f, Window: c.window, Count: c.count,
				Model: scale(c.model, by), Persistence: scale(c.persistence, by),
			})
		}
	}
	if diff := cmp.Diff(want, r.Scores(), cmpopts.EquateApprox(1e-12, 0)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	curves := r.Curves()
	if len(curves) != 1 || curves[0].Score[0] != 1.5 || curves[0].Baseline[3] != 6 || curves[0].High[0] != 1.5*5.5 {
		t.Errorf("curves %+v", curves)
	}
}

// What processes score of forecasts that they share is what one process scores, the physics included.
func TestPartsJoinToTheResultOfOneProcess(t *testing.T) {
	side := []float64{0, 1}
	domain := physics.Domain{
		Quantities: []physics.Quantity{{Field: field.Field{Name: "tracer"}, Channels: []int{0}}, {Field: field.Field{Name: "pressure"}, Channels: []int{1}}},
		Grid:       physics.Cartesian, Axes: []string{"x", "y"}, Coordinates: [][]float64{side, side},
		Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)},
	}
	var list []Forecast
	for i := range 5 {
		f := rollout(3, float32(i), 1, 2)
		f.Trajectory, f.Domain, f.Times = i, &domain, []float64{1, 2, 3}
		other := single(float32(i))
		other.DataSet = "another"
		list = append(list, f, single(3), other)
	}
	p := protocol(t, "1:2,all")
	p.Physics = true
	document := func(r *Result, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(r.Document())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := document(Evaluate(t.Context(), p, all(list...)))
	if !strings.Contains(want, `"check":"total of pressure"`) {
		t.Fatalf("no physics in %s", want)
	}
	for _, processes := range []int{1, 2, 4} {
		parts := make([][]byte, processes)
		for i := range parts {
			var own []Forecast
			for k := i; k < len(list); k += processes {
				own = append(own, list[k])
			}
			var err error
			if parts[i], err = Part(t.Context(), p, all(own...)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, document(Join(p, parts))); diff != "" {
			t.Errorf("%d processes (-one +joined)\n%s", processes, diff)
		}
	}
}

// What windows and rollouts there are must not change the scores one step ahead.
func TestSingleStepsDoNotDependOnTheRollouts(t *testing.T) {
	want := evaluate(t, "none", single(1), single(5), single(2)).Scores()
	got := evaluate(t, "1:3,log", single(1), rollout(3, 0, 0, 0), single(5), rollout(3, 9, 9, 9), single(2)).Scores()
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("(-without rollouts +with)\n%s", diff)
	}
}

func TestStoppedAndExplodedRolloutsCountAsInfinitelyWrong(t *testing.T) {
	for name, broken := range map[string]Forecast{
		"stopped":  rollout(4, 1),
		"exploded": rollout(4, 1, float32(math.NaN()), float32(math.Inf(1)), 0),
	} {
		r := evaluate(t, "1:1,1:4", broken, rollout(4, 1, 1, 1, 1), rollout(4, 1, 1, 1, 1))
		for _, s := range r.Scores() {
			if s.Field != "tracer" {
				continue
			}
			wantMean := 1.0
			if s.Window == "1:4" {
				wantMean = math.Inf(1)
			}
			if s.Model.Median != 1 || s.Model.Mean != wantMean || s.Count != 3 {
				t.Errorf("%s, %s: %+v, want median 1, mean %g of 3 trajectories", name, s.Window, s, wantMean)
			}
		}
		if c := r.Curves()[0]; !math.IsInf(c.High[2], 1) || c.Score[2] != 1.5 {
			t.Errorf("%s: curve %+v, want a finite median and an infinite upper quartile at step 3", name, c)
		}
		text, err := json.Marshal(r.Document())
		if err != nil || !json.Valid(text) || !strings.Contains(string(text), `"Infinity"`) {
			t.Errorf("%s: JSON %s, error %v", name, text, err)
		}
	}
}

func TestOnlyTheChosenChannelsAreScored(t *testing.T) {
	a := rollout(2, 1, 1)
	a.Channels = []int{1}
	for i := range a.Truth.Data {
		if i%2 == 0 {
			a.Truth.Data[i] = float32(math.NaN()) // not scored, so it may be
		}
	}
	scores := evaluate(t, "1:2", a).Scores()
	if len(scores) != 1 || scores[0].Field != "pressure" || scores[0].Model.Median != 2 {
		t.Errorf("scores %+v, want pressure alone", scores)
	}
}

func TestTheUsualMetricIsTheVRMSE(t *testing.T) {
	a := rollout(1, 0)
	for i := range a.Truth.Data {
		a.Truth.Data[i] = float32(i % 5)
		a.Prediction.Data[i] = a.Truth.Data[i] + 0.5
	}
	want, err := metric.VRMSE(a.Prediction.Index(0), a.Truth.Index(0))
	if err != nil {
		t.Fatal(err)
	}
	r, err := Evaluate(context.Background(), DefaultProtocol(), all(a))
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range r.Scores()[:2] {
		if s.Model.Median != want[i] || s.Metric != "VRMSE" {
			t.Errorf("%s: %s %g, want the VRMSE %g", s.Field, s.Metric, s.Model.Median, want[i])
		}
	}
}

func TestSeveralMetricsComeFromTheSamePredictions(t *testing.T) {
	p := protocol(t, "all")
	var err error
	if p.Metrics, err = metric.Parse("mae,pearson,spectral", metric.Epsilon); err != nil {
		t.Fatal(err)
	}
	a := rollout(2, 1, 1)
	for i := range a.Truth.Data {
		a.Truth.Data[i] += float32(i % 3)
		a.Prediction.Data[i] += float32(i % 3)
	}
	a.Dimensions = 3 // the bands of two axes end at pi sqrt(3) then: another axis of one point
	r, err := Evaluate(context.Background(), p, all(a))
	if err != nil {
		t.Fatal(err)
	}
	bands, total := 0, 0.0
	for _, s := range r.Scores() {
		if s.Field != "tracer" {
			continue
		}
		switch {
		case s.Metric == "MAE" && s.Model.Median != 1:
			t.Errorf("MAE %g, want 1", s.Model.Median)
		case s.Metric == "PearsonR" && (!s.Grows || !s.Better() || s.Model.Median < 0.7):
			t.Errorf("correlation %+v, want one that beats that of a constant", s)
		case strings.HasPrefix(s.Metric, "spectral MSE"):
			bands, total = bands+1, total+s.Model.Median
		}
	}
	if bands != metric.SpectralBins || math.Abs(total-1) > 1e-6 {
		t.Errorf("%d bands with an MSE of %g, want 3 with 1", bands, total)
	}
	var csv strings.Builder
	if err := r.CurveTable().WriteCSV(&csv); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(csv.String()), "\n")
	if len(lines) != 1+2*3 || !strings.HasPrefix(lines[0], "data_set,sample,trajectory,field,step,MAE,persistence_MAE,PearsonR,") || !strings.HasPrefix(lines[2], "shear_flow,,0,tracer,2,1,") {
		t.Errorf("a row a field and step:\n%s", csv.String())
	}
}

func TestDataSetsKeepTheirOrderAndWindows(t *testing.T) {
	short := rollout(2, 1, 1)
	short.DataSet = "active_matter"
	one := single(1)
	other := one
	other.DataSet = short.DataSet
	r := evaluate(t, "1:2,3:4", one, rollout(4, 1, 1, 1, 1), other, short)
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
	text.Reset()
	for _, block := range r.Blocks("active_matter") {
		if err := block.WriteText(&text, false); err != nil {
			t.Fatal(err)
		}
	}
	want = []string{
		"active_matter: distance",
		"window     field       median   25 %   75 %   mean  std  persistence",
		"─────────  ──────────  ──────  ─────  ─────  ─────  ───  ───────────",
		"one-step   tracer       1.000  1.000  1.000  1.000  –          1.000",
		"           pressure     2.000  2.000  2.000  2.000  –          2.000",
		"           all fields   1.500  1.500  1.500  1.500  –          1.500",
		"steps 1:2  tracer       1.000  1.000  1.000  1.000  –          1.500",
		"           pressure     2.000  2.000  2.000  2.000  –          3.000",
		"           all fields   1.500  1.500  1.500  1.500  –          2.250",
		"",
	}
	if diff := cmp.Diff(want, strings.Split(text.String(), "\n")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestASampleIsLabelledEverywhere(t *testing.T) {
	r := evaluate(t, "1:2", single(1), rollout(2, 1, 1))
	r.Plans = []Plan{{DataSet: "shear_flow", Windows: 1, AllWindows: 40, Rollouts: 1, Trajectories: 2, Steps: 2, Possible: 9}}
	const label = "sample: 1 of 40 windows, 1 of 2 trajectories"
	var csv strings.Builder
	if err := r.Table().WriteCSV(&csv); err != nil {
		t.Fatal(err)
	}
	document, err := json.Marshal(r.Document())
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{
		"block": r.Blocks("shear_flow")[0].Title, "overview": r.Overview().Title, "table": r.Table().Title, "row of the paper": r.PaperRows("shear_flow")[0].Title,
		"CSV": csv.String(), "JSON": string(document),
	} {
		if !strings.Contains(text, label) {
			t.Errorf("%s does not say that it is a sample: %s", what, text)
		}
	}
	if text := r.Plans[0].String(); !strings.Contains(text, "SAMPLE") {
		t.Errorf("the line does not say that it is a sample: %s", text)
	}
	if text := (Plan{Windows: 40, AllWindows: 40, Rollouts: 2, Trajectories: 2}).Sampled(); text != "" {
		t.Errorf("a whole set is labelled %q", text)
	}
}

func TestTheLastIncompleteWindowIsLabelledByWhatItCovers(t *testing.T) {
	p := protocol(t, "1:500,20:30,25:26,all,1:24")
	if got := fmt.Sprint(p.WindowsOf(24)); got != "[1:24 20:24]" {
		t.Errorf("windows of 24 steps: %s, want 1:24 and 20:24", got)
	}
	p = protocol(t, "log,1:1")
	if got := fmt.Sprint(p.WindowsOf(10)); got != "[1:1 2:3 4:5 6:10]" {
		t.Errorf("logarithmic windows of 10 steps: %s", got)
	}
	if steps := protocol(t, "1:20,21:60").StepsToRoll(84); steps != 60 {
		t.Errorf("%d steps are rolled for windows that end at 60", steps)
	}
}

func TestThePaperHasOtherWindowsForItsPretraining(t *testing.T) {
	p := PaperProtocol()
	for name, want := range map[string]string{
		"shear_flow": "[1:20 21:60 2:3 4:9 10:27 28:83]", "supernova_explosion": "[1:20 21:60 2:3 4:9 10:27 28:83]",
		"CE-RM": "[1:10 11:30]", "flowbench_skelenton": "[1:10 11:30]",
	} {
		if got := fmt.Sprint(p.For(name).WindowsOf(100)); got != want {
			t.Errorf("%s: windows %s, want %s", name, got, want)
		}
	}
	one := single(1)
	one.DataSet = "CE-RM"
	far := rollout(40, make([]float32, 40)...)
	far.DataSet = one.DataSet
	p.Metrics = []metric.Metric{meanDistance()}
	r, err := Evaluate(context.Background(), p, all(one, far))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := r.PaperRows("CE-RM")[0].WriteText(&text, false); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one-step", "published (Walrus, fine-tuned)", "0.01180", "DPOT-H .1107", "steps 1:10", "steps 11:30"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the row lacks %q:\n%s", want, text.String())
		}
	}
}

// TestForecastsAreTakenOneAtATime checks that a forecast is done with before the next is asked for: the producer reuses its memory.
func TestForecastsAreTakenOneAtATime(t *testing.T) {
	one := rollout(3, 1, 1, 1)
	source := func(yield func(Forecast, error) bool) {
		for i := range 5 {
			for j := range one.Prediction.Data {
				one.Prediction.Data[j] = one.Truth.Data[j] + float32(i)
			}
			if !yield(one, nil) {
				return
			}
		}
	}
	r, err := Evaluate(context.Background(), protocol(t, "1:3"), source)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range r.Scores() {
		if s.Model.Median != 2 || s.Model.Mean != 2 || s.Count != 5 {
			t.Errorf("%+v, want median and mean 2 of 5 trajectories", s)
		}
	}
}

func TestImpossibleForecastsAreErrors(t *testing.T) {
	good := rollout(3, 1, 1, 1)
	change := func(change func(*Forecast)) []Forecast {
		bad := rollout(3, 1, 1, 1)
		bad.Name = "file.hdf5, trajectory 7"
		change(&bad)
		return []Forecast{good, bad}
	}
	for name, c := range map[string]struct {
		list []Forecast
		want string
	}{
		"none":                {nil, "nothing to score"},
		"names":               {change(func(f *Forecast) { f.Fields = []string{"a"} }), "1 channels"},
		"other fields":        {change(func(f *Forecast) { f.Fields = []string{"a", "b"} }), `["a" "b" "all fields"]`},
		"a channel too many":  {change(func(f *Forecast) { f.Channels = []int{2} }), "channel 2"},
		"no channel":          {change(func(f *Forecast) { f.Channels = []int{} }), "no channel"},
		"another space":       {change(func(f *Forecast) { f.Truth = field.NewArray(3, 2, 4, 2) }), "truth of step 1 has shape [2 4 2]"},
		"missing values":      {change(func(f *Forecast) { f.Truth.Data = f.Truth.Data[1:] }), "23 values"},
		"more than the truth": {change(func(f *Forecast) { f.Prediction = constant(1, 2, 3, 4) }), "4 predicted steps"},
		"nothing to score":    {change(func(f *Forecast) { f.Truth, f.Prediction = field.Array{}, field.Array{} }), "no step"},
		"a long single step":  {change(func(f *Forecast) { f.OneStep = true }), "single step"},
		"truth not finite":    {change(func(f *Forecast) { f.Truth.Data[9] = float32(math.NaN()) }), "field pressure, step 2"},
	} {
		_, err := Evaluate(context.Background(), protocol(t, "none"), all(c.list...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		} else if len(c.list) > 0 && !strings.Contains(err.Error(), "file.hdf5, trajectory 7") {
			t.Errorf("%s: error %v does not name the trajectory", name, err)
		}
	}
}

func TestErrorsOfTheSourceAndTheMetricAreReported(t *testing.T) {
	broken := errors.New("disk on fire")
	source := func(yield func(Forecast, error) bool) { yield(Forecast{}, broken) }
	p := protocol(t, "none")
	if _, err := Evaluate(context.Background(), p, source); !errors.Is(err, broken) {
		t.Errorf("source: %v", err)
	}
	p.Metrics[0] = metric.Of("broken", func(field.Array, field.Array) ([]float64, error) { return nil, fmt.Errorf("metric: %w", broken) })
	if _, err := Evaluate(context.Background(), p, all(single(0))); !errors.Is(err, broken) {
		t.Errorf("metric: %v", err)
	}
	p.Metrics[0] = metric.Of("short", func(field.Array, field.Array) ([]float64, error) { return []float64{1}, nil })
	if _, err := Evaluate(context.Background(), p, all(single(0))); err == nil {
		t.Error("a metric with one number for two fields was accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Evaluate(ctx, protocol(t, "none"), all(single(0))); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for name, change := range map[string]func(*Protocol){
		"metric": func(p *Protocol) { p.Metrics = nil }, "first": func(p *Protocol) { p.First = -2 }, "sample": func(p *Protocol) { p.Sample = -1 },
		"window": func(p *Protocol) { p.Windows = []Window{{0, 1}} },
	} {
		p := DefaultProtocol()
		change(&p)
		if _, err := Evaluate(context.Background(), p, all(single(0))); err == nil {
			t.Errorf("a protocol with an impossible %s was accepted", name)
		}
	}
}

func TestWindowsAreParsed(t *testing.T) {
	var p Protocol
	err := p.ParseWindows("1:20, 21:60")
	if diff := cmp.Diff(PretrainingWindows(), p.Windows); diff != "" || err != nil {
		t.Errorf("error %v (-want +got)\n%s", err, diff)
	}
	for _, bad := range []string{"", "1", "0:3", "5:4", "1:x", "x:1", "1:2,", "1:2:3", "99999999999999999999:1", "none,1:2"} {
		if err := p.ParseWindows(bad); err == nil {
			t.Errorf("%q gave %v, want an error", bad, p.Windows)
		}
	}
}
