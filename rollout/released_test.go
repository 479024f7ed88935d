package rollout

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// standIn takes the network's place: its normalised increment is the same number everywhere, and depends on how often it was asked.
type standIn struct {
	increment func(call int) float32 // calls counted from 1
	calls     int
}

// standIns are the predictors of the released numbers.
var standIns = map[string]func(call int) float32{
	"persistence":    func(int) float32 { return 0 },
	"unit_increment": func(int) float32 { return 1 },
	"alternating": func(call int) float32 {
		if call%2 == 1 {
			return 1
		}
		return -0.5
	},
}

func (s *standIn) Next(_ context.Context, d network.Data, x, constants field.Array, _ frame.Rolls) (field.Array, frame.Scales, error) {
	s.calls++
	joined, err := d.Join(x, constants)
	if err != nil {
		return field.Array{}, frame.Scales{}, err
	}
	scales, err := d.Normalisation(joined)
	if err != nil {
		return field.Array{}, frame.Scales{}, err
	}
	last := field.NewArray(append([]int{x.Shape[0]}, joined.Shape[2:]...)...)
	output := field.NewArray(last.Shape...)
	for b := range x.Shape[0] {
		copy(last.Index(b).Data, joined.Index(b).Index(x.Shape[1]-1).Data)
	}
	for i := range output.Data {
		output.Data[i] = s.increment(s.calls)
	}
	next := d.CutConstants(scales.Advance(last, output))
	d.Hide(next, constants)
	return next, scales, nil
}

// evaluated is a case of the files: single steps or rollouts of one set.
type evaluated struct {
	DataSet          string `json:"data_set"`
	Predictor        string
	History          int `json:"n_steps_input"`
	Stride           int
	Windows          int
	WindowsByFile    []int                       `json:"windows_per_trajectory_by_file"`
	Files            []string                    `json:"files"`
	Ends             [][4]int                    `json:"window_file_trajectory_t0_first_and_last_of_each_trajectory"`
	Loss             float64                     `json:"validation_loss_MAE"`
	Aggregates       map[string]released.Number  `json:"aggregates"`
	ByWindow         map[string][]float64        `json:"VRMSE_by_window"`
	Start            int                         `json:"start_rollout_valid_output_at_t"`
	Trajectories     int                         `json:"trajectories"`
	Output           int                         `json:"n_steps_output"`
	FirstInput       int                         `json:"first_input_frame"`
	Predicted        int                         `json:"predicted_steps"`
	ByTrajectory     map[string][][]float64      `json:"VRMSE_by_trajectory_and_step"`
	ByStep           map[string][]float64        `json:"VRMSE_by_step_over_trajectories"`
	CountedFromOne   map[string]map[string]torch `json:"windows_counted_from_1"`
	RolloutEnsemble  int                         `json:"validation_full_trajectory_ensemble_size"`
	OneStepEnsemble  int                         `json:"validation_one_step_ensemble_size"`
	TrajectoriesUsed []int                       `json:"order_of_trajectories"`
}

type torch struct {
	Mean   float64 `json:"torch.mean"`
	Median float64 `json:"torch.median"`
}

// openReleased opens the one split that a data set of the released numbers has.
func openReleased(t *testing.T, name string) *well.Dataset {
	t.Helper()
	d, err := well.OpenDataset(filepath.Join(released.Folder(t), "data", name), "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// settingOf is a stand-in as a model.
func settingOf(t *testing.T, predictor string) surrogate.Setting {
	t.Helper()
	increment := standIns[predictor]
	if increment == nil {
		t.Fatalf("predictor %q is not known", predictor)
	}
	return surrogate.Setting{
		Predictor: &standIn{increment: increment}, Vocabulary: sample.ReleasedVocabulary(), MinStride: 1, History: 1,
		Frame: frame.Options{Tokens: 4}, Jitter: true,
	}
}

// protocolOf has all windows that a case speaks of.
func (c evaluated) protocol(t *testing.T) score.Protocol {
	t.Helper()
	p := score.DefaultProtocol()
	p.First, p.Windows, p.RolloutsOnly = c.Start, nil, c.Predicted > 0
	var err error
	if p.Metrics, err = metric.Parse("vrmse,nrmse,pearson,mae", metric.ValidationEpsilon); err != nil {
		t.Fatal(err)
	}
	for step := range c.Predicted {
		p.Windows = append(p.Windows, score.Window{First: step + 1, Last: step + 1})
	}
	for key := range c.Aggregates {
		if w, _, ok := aggregateWindow(key); ok && c.Predicted > 0 {
			p.Windows = append(p.Windows, w)
		}
	}
	for key := range c.CountedFromOne {
		var w score.Window
		if _, err := fmt.Sscanf(key, "%d:%d", &w.First, &w.Last); err != nil {
			t.Fatal(err)
		}
		p.Windows = append(p.Windows, w)
	}
	return p
}

// aggregateWindow reads the released name of a mean over steps: "..._T=all_mean" or half-open "..._T=5:13_mean"; false for a window without a step.
func aggregateWindow(key string) (w score.Window, statistic string, ok bool) {
	_, rest, found := strings.Cut(key, "_T=")
	window, statistic, found2 := strings.Cut(rest, "_")
	if !found || !found2 {
		return w, "", false
	}
	if window == "all" {
		return score.WholeRollout, statistic, true
	}
	if _, err := fmt.Sscanf(window, "%d:%d", &w.First, &w.Last); err != nil {
		return w, "", false
	}
	w.First++
	return w, statistic, w.Last >= w.First
}

// ours is the name here of a released field.
func ours(name string) string {
	if name == "full" {
		return score.AllFields
	}
	return name
}

// relative checks numbers against released ones.
type relative struct {
	t         *testing.T
	tolerance float64
	checked   int
}

func (r *relative) same(got, want float64, what string, args ...any) {
	r.t.Helper()
	r.checked++
	if !(math.Abs(got-want) <= r.tolerance*math.Abs(want)+1e-9) && !(math.IsNaN(got) && math.IsNaN(want)) {
		r.t.Errorf("%s: %.9g, released %.9g", fmt.Sprintf(what, args...), got, want)
	}
}

// check compares a result with all numbers of a case.
func (c evaluated) check(t *testing.T, r *score.Result, tolerance float64) {
	t.Helper()
	n := &relative{t: t, tolerance: tolerance}
	scores := map[string]score.Score{}
	for _, s := range r.Scores() {
		scores[s.Field+" "+s.Metric+" "+s.Window] = s
	}
	find := func(field, metric, window string) score.Score {
		t.Helper()
		s, found := scores[ours(field)+" "+metric+" "+window]
		if !found {
			t.Errorf("no score of %s, %s over %s", field, metric, window)
		}
		return s
	}
	for key, want := range c.Aggregates {
		_, name, _ := strings.Cut(key, "/")
		name, _, _ = strings.Cut(name, "_T=")
		at := strings.LastIndex(name, "_")
		w, statistic, reaches := aggregateWindow(key)
		if !reaches {
			if !math.IsNaN(float64(want)) {
				t.Errorf("%s is %g, which is over no step", key, float64(want))
			}
			continue
		}
		window := score.OneStepName
		if c.Predicted > 0 {
			w.Last = min(w.Last, c.Predicted)
			window = w.String()
		}
		s := find(name[:at], name[at+1:], window)
		switch statistic {
		case "mean":
			n.same(s.Model.Mean, float64(want), "%s", key)
		case "median":
			n.same(s.Model.Median, float64(want), "%s", key)
		case "std":
			// A difference of nearly equal numbers: float32 noise of the scores themselves counts.
			if math.Abs(s.Model.Std-float64(want)) > tolerance*(float64(want)+math.Abs(s.Model.Mean)) {
				t.Errorf("%s: %.9g, released %.9g", key, s.Model.Std, float64(want))
			}
		default:
			t.Errorf("%s: statistic %q is not known", key, statistic)
		}
	}
	for key, byField := range c.CountedFromOne {
		var w score.Window
		if _, err := fmt.Sscanf(key, "%d:%d", &w.First, &w.Last); err != nil {
			t.Fatal(err)
		}
		w.Last = min(w.Last, c.Predicted)
		for field, want := range byField {
			s := find(field, "VRMSE", w.String())
			n.same(s.Model.Mean, want.Mean, "mean of %s over %s", field, key)
			n.same(s.Model.Median, want.Median, "median of %s over %s", field, key)
		}
	}
	for key, want := range c.ByStep {
		name, statistic, _ := strings.Cut(key, "_VRMSE_rollout_")
		for step, v := range want {
			s := find(name, "VRMSE", score.Window{First: step + 1, Last: step + 1}.String())
			got := map[string]float64{"mean": s.Model.Mean, "median": s.Model.Median, "std": s.Model.Std}[statistic]
			if statistic == "std" {
				if math.Abs(got-v) > tolerance*(v+s.Model.Mean) {
					t.Errorf("%s, step %d: %.9g, released %.9g", key, step, got, v)
				}
				continue
			}
			n.same(got, v, "%s, step %d", key, step)
		}
	}
	if c.ByWindow != nil {
		got := map[string][]float64{}
		for _, s := range r.SingleSteps() {
			if s.Metric == "VRMSE" {
				got[s.Field] = append(got[s.Field], s.Score...)
			}
		}
		for field, want := range c.ByWindow {
			if len(got[ours(field)]) != len(want) {
				t.Fatalf("%s: %d windows, released %d", field, len(got[ours(field)]), len(want))
			}
			for i, v := range want {
				n.same(got[ours(field)][i], v, "%s, window %d", field, i)
			}
		}
	}
	for field, want := range c.ByTrajectory {
		got := map[int][]float64{}
		for _, s := range r.Rollouts() {
			if s.Metric == "VRMSE" && s.Field == ours(field) {
				got[s.Trajectory] = s.Score
			}
		}
		for trajectory, row := range want {
			if len(got[trajectory]) != len(row) {
				t.Fatalf("%s, trajectory %d: %d steps, released %d", field, trajectory, len(got[trajectory]), len(row))
			}
			for step, v := range row {
				n.same(got[trajectory][step], v, "%s, trajectory %d, step %d", field, trajectory, step)
			}
		}
	}
	if c.Loss != 0 {
		window := score.OneStepName
		if c.Predicted > 0 {
			window = score.Window{First: 1, Last: c.Predicted}.String()
		}
		n.same(find("full", "MAE", window).Model.Mean, c.Loss, "validation loss")
	}
	if n.checked == 0 {
		t.Error("nothing was compared")
	}
}

// checkPlan compares what is scored with what the release scored.
func (c evaluated) checkPlan(t *testing.T, d *well.Dataset, p score.Plan) {
	t.Helper()
	if c.Windows > 0 && (p.Windows != c.Windows || p.AllWindows != c.Windows) {
		t.Errorf("%d of %d windows, released %d", p.Windows, p.AllWindows, c.Windows)
	}
	for i, want := range c.WindowsByFile {
		f := d.Files()[i]
		if filepath.Base(f.Path) != c.Files[i] {
			t.Errorf("file %d is %s, released %s", i, f.Path, c.Files[i])
		}
		if got := score.OneStepWindows(f.Steps, c.History, c.Stride); got != want {
			t.Errorf("%s: %d windows a trajectory, released %d", f.Path, got, want)
		}
	}
	if c.Predicted > 0 && (p.Steps != c.Predicted || p.Possible != c.Output || p.Rollouts != c.Trajectories || p.First-c.History*c.Stride != c.FirstInput) {
		t.Errorf("plan %+v; released %d of %d steps, %d trajectories, first input frame %d", p, c.Predicted, c.Output, c.Trajectories, c.FirstInput)
	}
}

// checkEnds compares the order of the windows: number, file, trajectory in the file and first frame of each trajectory's first and last.
func (c evaluated) checkEnds(t *testing.T, d *well.Dataset, r *score.Result) {
	t.Helper()
	var got [][4]int
	n, file, trajectory := 0, 0, 0
	for _, s := range r.SingleSteps() {
		if s.Metric != "VRMSE" || s.Field != score.AllFields {
			continue
		}
		for trajectory >= d.Files()[file].Trajectories {
			file, trajectory = file+1, 0
		}
		last := len(s.Frames) - 1
		got = append(got, [4]int{n, file, trajectory, s.Frames[0] - c.History*c.Stride}, [4]int{n + last, file, trajectory, s.Frames[last] - c.History*c.Stride})
		n += len(s.Frames)
		trajectory++
	}
	if fmt.Sprint(got) != fmt.Sprint(c.Ends) {
		t.Errorf("first and last windows %v, released %v", got, c.Ends)
	}
}

func TestEvaluationsAreThoseOfTheReleasedCode(t *testing.T) {
	var file struct {
		OneStep []evaluated `json:"one_step"`
		Rollout []evaluated
	}
	released.Read(t, "evaluation.json", &file)
	for _, c := range append(file.OneStep, file.Rollout...) {
		t.Run(fmt.Sprintf("%s %s stride %d start %d", c.DataSet, c.Predictor, c.Stride, c.Start), func(t *testing.T) {
			c.run(t, settingOf(t, c.Predictor), 2e-5)
		})
	}
}

// run evaluates a case and compares everything.
func (c evaluated) run(t *testing.T, s surrogate.Setting, tolerance float64) {
	t.Helper()
	d := openReleased(t, c.DataSet)
	e := Evaluation{Protocol: c.protocol(t), Stride: c.Stride, History: c.History}
	plan, err := e.Plan(d, s)
	if err != nil {
		t.Fatal(err)
	}
	c.checkPlan(t, d, plan)
	r, err := score.Evaluate(context.Background(), e.Protocol, Forecasts(context.Background(), d, s, e))
	if err != nil {
		t.Fatal(err)
	}
	c.check(t, r, tolerance)
	if c.Ends != nil {
		c.checkEnds(t, d, r)
	}
}

func TestStartFramesAreAcceptedAsByTheReleasedCode(t *testing.T) {
	var file struct {
		Checks []struct {
			DataSet  string `json:"data_set"`
			Start    int
			Stride   int
			History  int `json:"n_steps_input"`
			Accepted bool
			Steps    int `json:"n_steps_output"`
		} `json:"start_frame_checks"`
		Rollout []evaluated
	}
	released.Read(t, "evaluation.json", &file)
	if len(file.Checks) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Checks {
		name, _, _ := strings.Cut(c.DataSet, " ")
		if name == "" {
			name = file.Rollout[0].DataSet
		}
		p := score.DefaultProtocol()
		p.First, p.Windows = c.Start, []score.Window{score.WholeRollout}
		plan, err := Evaluation{Protocol: p, Stride: c.Stride, History: c.History}.Plan(openReleased(t, name), settingOf(t, "persistence"))
		if (err == nil) != c.Accepted {
			t.Errorf("%s from %d, stride %d: error %v, released accepted %v", name, c.Start, c.Stride, err, c.Accepted)
		}
		if c.Accepted && plan.Steps != c.Steps {
			t.Errorf("%s from %d, stride %d: %d steps, released %d", name, c.Start, c.Stride, plan.Steps, c.Steps)
		}
		if err != nil && !strings.Contains(err.Error(), "choose") {
			t.Errorf("the error does not say which frames there are: %v", err)
		}
	}
}

func TestEnsemblesAreThoseOfTheReleasedCode(t *testing.T) {
	var file struct {
		Ensembles []evaluated
		Rollout   []evaluated
	}
	released.Read(t, "evaluation.json", &file)
	if len(file.Ensembles) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Ensembles {
		t.Run(fmt.Sprintf("rollouts %d, steps %d", c.RolloutEnsemble, c.OneStepEnsemble), func(t *testing.T) {
			d := openReleased(t, file.Rollout[0].DataSet)
			if fmt.Sprint(score.Permutation(d.Trajectories())) != fmt.Sprint(c.TrajectoriesUsed) {
				t.Errorf("the release's order of trajectories is %v, ours %v", c.TrajectoriesUsed, score.Permutation(d.Trajectories()))
			}
			p := score.DefaultProtocol()
			p.First, p.Windows = file.Rollout[0].Start, []score.Window{{First: 1, Last: c.Predicted}}
			e := Evaluation{
				Protocol: p, Stride: file.Rollout[0].Stride, History: file.Rollout[0].History, Trajectories: c.TrajectoriesUsed,
				Options: Options{Ensemble: c.RolloutEnsemble, StepEnsemble: c.OneStepEnsemble},
			}
			s := settingOf(t, "alternating")
			rollouts := func(yield func(score.Forecast, error) bool) {
				for f, err := range Forecasts(context.Background(), d, s, e) {
					if err == nil && f.OneStep { // the release runs its loops one after the other
						s.Predictor.(*standIn).calls = 0
						continue
					}
					if !yield(f, err) {
						return
					}
				}
			}
			r, err := score.Evaluate(context.Background(), p, rollouts)
			if err != nil {
				t.Fatal(err)
			}
			c.check(t, r, 2e-5)
		})
	}
}

// Both kinds of ensemble reach the single steps too: there they are the same mean.
func TestBothEnsemblesReachTheSingleSteps(t *testing.T) {
	d := openReleased(t, "evalset_equal")
	p := score.DefaultProtocol()
	p.Windows = nil
	score1 := func(o Options) float64 {
		e := Evaluation{Protocol: p, History: 6, Options: o}
		r, err := score.Evaluate(context.Background(), p, Forecasts(context.Background(), d, settingOf(t, "alternating"), e))
		if err != nil {
			t.Fatal(err)
		}
		scores := r.Scores()
		return scores[len(scores)-1].Model.Median
	}
	one, rollouts, steps := score1(Options{}), score1(Options{Ensemble: 2}), score1(Options{StepEnsemble: 2})
	if rollouts != steps || math.Abs(one-rollouts) < 1e-3 {
		t.Errorf("median %g of one draw, %g of two rollouts, %g of two outputs; want the last two to be the same, and not the first", one, rollouts, steps)
	}
}

func TestStridesAndCapsAreThoseOfTheReleasedCode(t *testing.T) {
	var file struct {
		Strides map[string][2]int `json:"strides_with_min1_max5"`
		Caps    []struct {
			Trainer   int `json:"trainer.max_rollout_steps"`
			Data      int `json:"data.module_parameters.max_rollout_steps"`
			Available int
			Predicted int `json:"predicted_steps"`
		} `json:"max_rollout_steps"`
		Partial struct {
			Windows int   `json:"evalset_equal_windows"`
			First   []int `json:"permutation_first_40"`
		}
		Rollout []evaluated
	}
	released.Read(t, "evaluation.json", &file)
	if len(file.Strides) == 0 || len(file.Caps) == 0 || len(file.Partial.First) == 0 {
		t.Fatal("cases are missing")
	}
	lowest, highest := file.Strides["train"][0], file.Strides["train"][1]
	for split, want := range file.Strides {
		if got := score.ValidationStride(lowest, highest); split != "train" && (got != want[0] || got != want[1]) {
			t.Errorf("%s: stride %d, released %v", split, got, want)
		}
	}
	for _, c := range file.Caps {
		if got := score.CappedSteps(c.Available, c.Data, c.Trainer, file.Rollout[0].History); got != c.Predicted {
			t.Errorf("%+v: %d steps", c, got)
		}
	}
	p := score.DefaultProtocol()
	p.Sample = len(file.Partial.First)
	if got := p.Selection(file.Partial.Windows); fmt.Sprint(got) != fmt.Sprint(file.Partial.First) {
		t.Errorf("a sample of %d windows is %v, released %v", p.Sample, got, file.Partial.First)
	}
}

// The released network itself, made without jitter.
func TestTheNetworkScoresAsInTheReleasedCode(t *testing.T) {
	var file struct {
		OneStep []evaluated `json:"one_step"`
		Rollout []evaluated
	}
	released.Read(t, "network_evaluation.json", &file)
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	m, err := surrogate.Open(e, filepath.Join(released.Golden(t), "weights.safetensors"), surrogate.Options{NoJitter: true})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, c := range append(file.OneStep, file.Rollout...) {
		t.Run(fmt.Sprintf("stride %d start %s", c.Stride, strconv.Itoa(c.Start)), func(t *testing.T) {
			s, err := m.For(openReleased(t, c.DataSet))
			if err != nil {
				t.Fatal(err)
			}
			s.Frame.NoJitterPadding = true
			tolerance := 1e-4
			if c.Predicted > 0 {
				tolerance = 1e-3
			}
			c.run(t, s, tolerance)
		})
	}
}
