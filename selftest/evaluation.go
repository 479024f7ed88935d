package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/surrogate/standin"
	"github.com/gowalrus/walrus/well"
)

// evaluated is a case of the files: single steps or rollouts of one set.
type evaluated struct {
	DataSet          string `json:"data_set"`
	Predictor        string
	History          int `json:"n_steps_input"`
	Stride           int
	Windows          int
	WindowsByFile    []int                              `json:"windows_per_trajectory_by_file"`
	Files            []string                           `json:"files"`
	Ends             [][4]int                           `json:"window_file_trajectory_t0_first_and_last_of_each_trajectory"`
	Loss             float64                            `json:"validation_loss_MAE"`
	Aggregates       map[string]number                  `json:"aggregates"`
	ByWindow         map[string][]float64               `json:"VRMSE_by_window"`
	Start            int                                `json:"start_rollout_valid_output_at_t"`
	Trajectories     int                                `json:"trajectories"`
	Output           int                                `json:"n_steps_output"`
	FirstInput       int                                `json:"first_input_frame"`
	Predicted        int                                `json:"predicted_steps"`
	ByTrajectory     map[string][][]float64             `json:"VRMSE_by_trajectory_and_step"`
	ByStep           map[string][]float64               `json:"VRMSE_by_step_over_trajectories"`
	CountedFromOne   map[string]map[string]torchSummary `json:"windows_counted_from_1"`
	RolloutEnsemble  int                                `json:"validation_full_trajectory_ensemble_size"`
	OneStepEnsemble  int                                `json:"validation_one_step_ensemble_size"`
	TrajectoriesUsed []int                              `json:"order_of_trajectories"`
}

type torchSummary struct {
	Mean   float64 `json:"torch.mean"`
	Median float64 `json:"torch.median"`
}

// protocol has all windows that a case speaks of.
func (c evaluated) protocol() (score.Protocol, error) {
	p := score.DefaultProtocol()
	p.First, p.Windows, p.RolloutsOnly = c.Start, nil, c.Predicted > 0
	var err error
	if p.Metrics, err = metric.Parse("vrmse,nrmse,pearson,mae", metric.ValidationEpsilon); err != nil {
		return p, err
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
			return p, err
		}
		p.Windows = append(p.Windows, w)
	}
	return p, nil
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

// ourField is the name here of a released field.
func ourField(name string) string {
	if name == "full" {
		return score.AllFields
	}
	return name
}

// comparison compares the scores of a case with the released numbers.
type comparison struct {
	evaluated
	*group
	result    *score.Result
	scores    map[string]score.Score
	tolerance float64
}

// check compares a result with all numbers of a case.
func (c evaluated) check(g *group, r *score.Result, tolerance float64) error {
	k := comparison{c, g, r, map[string]score.Score{}, tolerance}
	for _, s := range r.Scores() {
		k.scores[s.Field+" "+s.Metric+" "+s.Window] = s
	}
	for _, compare := range []func() error{k.aggregates, k.windows, k.steps, k.singles, k.trajectories} {
		if err := compare(); err != nil {
			return err
		}
	}
	if c.Loss != 0 {
		window := score.OneStepName
		if c.Predicted > 0 {
			window = score.Window{First: 1, Last: c.Predicted}.String()
		}
		k.same(k.find("full", "MAE", window).Model.Mean, c.Loss, "validation loss")
	}
	return nil
}

// same compares a number.
func (k comparison) same(got, want float64, what string, args ...any) {
	k.number(fmt.Sprintf(what, args...), got, want, k.tolerance)
}

// spread compares a standard deviation, a difference of nearly equal numbers: float32 noise of the scores themselves counts.
func (k comparison) spread(what string, s score.Score, want float64) {
	if math.IsNaN(want) || math.IsNaN(s.Model.Std) {
		k.same(s.Model.Std, want, "%s", what)
		return
	}
	k.add(what, math.Abs(s.Model.Std-want), k.tolerance*(want+math.Abs(s.Model.Mean)))
}

// find is the score of a released field over a window.
func (k comparison) find(field, metric, window string) score.Score {
	s, found := k.scores[ourField(field)+" "+metric+" "+window]
	if !found {
		k.add(fmt.Sprintf("no score of %s, %s over %s", field, metric, window), 1, 0)
	}
	return s
}

// aggregates compares means, medians and deviations over everything.
func (k comparison) aggregates() error {
	for key, want := range k.Aggregates {
		_, name, _ := strings.Cut(key, "/")
		name, _, _ = strings.Cut(name, "_T=")
		at := strings.LastIndex(name, "_")
		w, statistic, reaches := aggregateWindow(key)
		if !reaches {
			if !math.IsNaN(float64(want)) {
				k.add(key+" is over no step", 1, 0)
			}
			continue
		}
		window := score.OneStepName
		if k.Predicted > 0 {
			w.Last = min(w.Last, k.Predicted)
			window = w.String()
		}
		s := k.find(name[:at], name[at+1:], window)
		switch statistic {
		case "mean":
			k.same(s.Model.Mean, float64(want), "%s", key)
		case "median":
			k.same(s.Model.Median, float64(want), "%s", key)
		case "std":
			k.spread(key, s, float64(want))
		default:
			return fmt.Errorf("%s: statistic %q is not known", key, statistic)
		}
	}
	return nil
}

// windows compares means over steps that are counted from 1.
func (k comparison) windows() error {
	for key, byField := range k.CountedFromOne {
		var w score.Window
		if _, err := fmt.Sscanf(key, "%d:%d", &w.First, &w.Last); err != nil {
			return fmt.Errorf("window %q: %w", key, err)
		}
		w.Last = min(w.Last, k.Predicted)
		for field, want := range byField {
			s := k.find(field, "VRMSE", w.String())
			k.same(s.Model.Mean, want.Mean, "mean of %s over %s", field, key)
			k.same(s.Model.Median, want.Median, "median of %s over %s", field, key)
		}
	}
	return nil
}

// steps compares every step's statistics over the trajectories.
func (k comparison) steps() error {
	for key, want := range k.ByStep {
		name, statistic, _ := strings.Cut(key, "_VRMSE_rollout_")
		for step, v := range want {
			s := k.find(name, "VRMSE", score.Window{First: step + 1, Last: step + 1}.String())
			got := map[string]float64{"mean": s.Model.Mean, "median": s.Model.Median, "std": s.Model.Std}[statistic]
			if statistic == "std" {
				k.spread(fmt.Sprintf("%s, step %d", key, step), s, v)
				continue
			}
			k.same(got, v, "%s, step %d", key, step)
		}
	}
	return nil
}

// singles compares every window one step ahead.
func (k comparison) singles() error {
	got := map[string][]float64{}
	for _, s := range k.result.SingleSteps() {
		if s.Metric == "VRMSE" {
			got[s.Field] = append(got[s.Field], s.Score...)
		}
	}
	for field, want := range k.ByWindow {
		if len(got[ourField(field)]) != len(want) {
			return fmt.Errorf("%s: %d windows, released %d", field, len(got[ourField(field)]), len(want))
		}
		for i, v := range want {
			k.same(got[ourField(field)][i], v, "%s, window %d", field, i)
		}
	}
	return nil
}

// trajectories compares every step of every rollout.
func (k comparison) trajectories() error {
	for field, want := range k.ByTrajectory {
		got := map[int][]float64{}
		for _, s := range k.result.Rollouts() {
			if s.Metric == "VRMSE" && s.Field == ourField(field) {
				got[s.Trajectory] = s.Score
			}
		}
		for trajectory, row := range want {
			if len(got[trajectory]) != len(row) {
				return fmt.Errorf("%s, trajectory %d: %d steps, released %d", field, trajectory, len(got[trajectory]), len(row))
			}
			for step, v := range row {
				k.same(got[trajectory][step], v, "%s, trajectory %d, step %d", field, trajectory, step)
			}
		}
	}
	return nil
}

// checkPlan compares what is scored with what the release scored.
func (c evaluated) checkPlan(g *group, d *well.Dataset, p score.Plan) {
	if c.Windows > 0 {
		g.exact("windows", []int{p.Windows, p.AllWindows}, []int{c.Windows, c.Windows})
	}
	if len(c.WindowsByFile) > len(d.Files()) || len(c.WindowsByFile) > len(c.Files) {
		g.exact("files", len(d.Files()), len(c.WindowsByFile))
		return
	}
	for i, want := range c.WindowsByFile {
		f := d.Files()[i]
		g.exact(fmt.Sprintf("file %d", i), filepath.Base(f.Path), c.Files[i])
		g.exact(f.Path+": windows a trajectory", score.OneStepWindows(f.Steps, c.History, c.Stride), want)
	}
	if c.Predicted > 0 {
		g.exact("steps, possible steps, trajectories, first input frame", []int{p.Steps, p.Possible, p.Rollouts, p.First - c.History*c.Stride},
			[]int{c.Predicted, c.Output, c.Trajectories, c.FirstInput})
	}
}

// checkEnds compares the order of the windows: number, file, trajectory in the file and first frame of each trajectory's first and last.
func (c evaluated) checkEnds(g *group, d *well.Dataset, r *score.Result) {
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
	g.exact("first and last windows", got, c.Ends)
}

// evaluationFile is evaluation.json, or network_evaluation.json, which has the first two entries only.
type evaluationFile struct {
	About   json.RawMessage `json:"about"`
	OneStep []evaluated     `json:"one_step"`
	Rollout []evaluated     `json:"rollout"`
	Checks  []struct {
		DataSet   string `json:"data_set"` // empty, or with a remark: the set of the first rollout, or of the first word
		Start     int    `json:"start"`
		Stride    int    `json:"stride"`
		History   int    `json:"n_steps_input"`
		Accepted  bool   `json:"accepted"`
		Steps     int    `json:"n_steps_output"`
		ErrorType string `json:"error_type"`
	} `json:"start_frame_checks"`
	Strides map[string][2]int `json:"strides_with_min1_max5"`
	Caps    []struct {
		Trainer   int `json:"trainer.max_rollout_steps"`
		Data      int `json:"data.module_parameters.max_rollout_steps"`
		Available int `json:"available"`
		Predicted int `json:"predicted_steps"`
	} `json:"max_rollout_steps"`
	Ensembles []evaluated `json:"ensembles"`
	Partial   struct {
		Rule    string `json:"rule"`
		Windows int    `json:"evalset_equal_windows"`
		First   []int  `json:"permutation_first_40"`
	} `json:"partial"`
}

// evaluation compares windows, rollouts, averages and ensembles with stand-ins for the network.
func (r *runner) evaluation(ctx context.Context, name string) ([]Result, error) {
	var file evaluationFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	var results []Result
	for _, c := range append(file.OneStep, file.Rollout...) {
		s, _, err := standIn(c.Predictor)
		if err != nil {
			return results, err
		}
		result, err := r.evaluate(ctx, name, c, s, releaseTolerance)
		if err != nil {
			return results, fmt.Errorf("%s: %w", result.Case, err)
		}
		results = append(results, result)
	}
	if len(file.Rollout) == 0 {
		return results, nil
	}
	for _, compare := range []func(context.Context, string, evaluationFile) (Result, error){r.startFrames, r.ensembles, r.rules} {
		result, err := compare(ctx, name, file)
		if err != nil {
			return results, err
		}
		results = append(results, result)
	}
	return results, nil
}

// networkEvaluation is evaluation with the released network, made without jitter.
func (r *runner) networkEvaluation(ctx context.Context, name string) ([]Result, error) {
	var file evaluationFile
	if err := r.folder.whole(name, &file); err != nil {
		return nil, err
	}
	path, err := r.weights()
	if err != nil {
		return nil, err
	}
	m, err := surrogate.Open(r.engine, path, surrogate.Options{NoJitter: true})
	if err != nil {
		return nil, err
	}
	defer m.Close()
	var results []Result
	for _, c := range append(file.OneStep, file.Rollout...) {
		d, err := r.data(c.DataSet)
		if err != nil {
			return results, err
		}
		s, err := m.For(d)
		d.Close()
		if err != nil {
			return results, err
		}
		s.Frame.NoJitterPadding = true
		tolerance := 1e-4
		if c.Predicted > 0 {
			tolerance = 1e-3 // errors grow with the steps
		}
		result, err := r.evaluate(ctx, name, c, s, tolerance)
		if err != nil {
			return results, fmt.Errorf("%s: %w", result.Case, err)
		}
		results = append(results, result)
	}
	return results, nil
}

// standIn is a predictor of the released numbers as a model.
func standIn(name string) (surrogate.Setting, *standin.Increment, error) {
	p, err := standin.New(name)
	return standin.Setting(p), p, err
}

// data opens the one split that a data set of the folder has.
func (r *runner) data(name string) (*well.Dataset, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("selftest: %s: the data set %q leaves the folder", r.folder.path, name)
	}
	return well.OpenDataset(filepath.Join(r.folder.path, "data", name), "", well.Options{})
}

// evaluate evaluates a case and compares everything.
func (r *runner) evaluate(ctx context.Context, name string, c evaluated, s surrogate.Setting, tolerance float64) (Result, error) {
	what := "one step"
	if c.Predicted > 0 {
		what = fmt.Sprintf("from %d", c.Start)
	}
	g := newGroup(fmt.Sprintf("%s %s %s", stemOf(name), c.DataSet, c.Predictor), fmt.Sprintf("%s, stride %d", what, c.Stride))
	d, err := r.data(c.DataSet)
	if err != nil {
		return g.Result, err
	}
	defer d.Close()
	p, err := c.protocol()
	if err != nil {
		return g.Result, err
	}
	e := rollout.Evaluation{Protocol: p, Stride: c.Stride, History: c.History}
	plan, err := e.Plan(d, s)
	if err != nil {
		return g.Result, err
	}
	c.checkPlan(g, d, plan)
	scores, err := score.Evaluate(ctx, e.Protocol, rollout.Forecasts(ctx, d, s, e))
	if err != nil {
		return g.Result, err
	}
	if err := c.check(g, scores, tolerance); err != nil {
		return g.Result, err
	}
	if c.Ends != nil {
		c.checkEnds(g, d, scores)
	}
	return g.Result, nil
}

// startFrames compares which start frames are accepted.
func (r *runner) startFrames(_ context.Context, name string, file evaluationFile) (Result, error) {
	g := newGroup(stemOf(name), "start frames")
	for _, c := range file.Checks {
		set, _, _ := strings.Cut(c.DataSet, " ")
		if set == "" {
			set = file.Rollout[0].DataSet
		}
		d, err := r.data(set)
		if err != nil {
			return g.Result, err
		}
		s, _, err := standIn("persistence")
		if err != nil {
			return g.Result, err
		}
		p := score.DefaultProtocol()
		p.First, p.Windows = c.Start, []score.Window{score.WholeRollout}
		plan, err := rollout.Evaluation{Protocol: p, Stride: c.Stride, History: c.History}.Plan(d, s)
		d.Close()
		where := fmt.Sprintf("%s from %d, stride %d", set, c.Start, c.Stride)
		g.exact(where, err == nil, c.Accepted)
		if c.Accepted && err == nil {
			g.exact(where+": steps", plan.Steps, c.Steps)
		}
	}
	return g.Result, nil
}

// ensembles compares both kinds of ensemble, with the stand-in whose outputs differ from call to call.
func (r *runner) ensembles(ctx context.Context, name string, file evaluationFile) (Result, error) {
	g := newGroup(stemOf(name), "ensembles")
	first := file.Rollout[0]
	d, err := r.data(first.DataSet)
	if err != nil {
		return g.Result, err
	}
	defer d.Close()
	for _, c := range file.Ensembles {
		g.exact("order of trajectories", score.Permutation(d.Trajectories()), c.TrajectoriesUsed)
		p := score.DefaultProtocol()
		p.First, p.Windows = first.Start, []score.Window{{First: 1, Last: c.Predicted}}
		e := rollout.Evaluation{
			Protocol: p, Stride: first.Stride, History: first.History, Trajectories: c.TrajectoriesUsed,
			Options: rollout.Options{Ensemble: c.RolloutEnsemble, StepEnsemble: c.OneStepEnsemble},
		}
		s, predictor, err := standIn("alternating")
		if err != nil {
			return g.Result, err
		}
		predictor.Renumber(c.releasedCall)
		rollouts := func(yield func(score.Forecast, error) bool) {
			for f, err := range rollout.Forecasts(ctx, d, s, e) {
				if err == nil && f.OneStep { // the release runs its loops one after the other
					predictor.Restart()
					continue
				}
				if !yield(f, err) {
					return
				}
			}
		}
		scores, err := score.Evaluate(ctx, p, rollouts)
		if err != nil {
			return g.Result, err
		}
		if err := c.check(g, scores, releaseTolerance); err != nil {
			return g.Result, err
		}
	}
	return g.Result, nil
}

// releasedCall is the number of a call of the predictor in the release, which rolls the members of an ensemble out one after the other; here they go
// side by side. Trajectories come one after the other in both.
func (c evaluated) releasedCall(call int) int {
	members, draws := max(1, c.RolloutEnsemble), max(1, c.OneStepEnsemble)
	trajectory, rest := (call-1)/(members*draws*c.Predicted), (call-1)%(members*draws*c.Predicted)
	step, member, draw := rest/(members*draws), rest/draws%members, rest%draws
	return ((trajectory*members+member)*c.Predicted+step)*draws + draw + 1
}

// rules compares strides, caps on rollouts, and which windows a partial validation takes.
func (r *runner) rules(_ context.Context, name string, f evaluationFile) (Result, error) {
	g := newGroup(stemOf(name), "rules")
	d, err := r.data(f.Rollout[0].DataSet)
	if err != nil {
		return g.Result, err
	}
	defer d.Close()
	s, _, err := standIn("persistence")
	if err != nil {
		return g.Result, err
	}
	s.MinStride, s.MaxStride, s.History = f.Strides["train"][0], f.Strides["train"][1], f.Rollout[0].History
	plan, err := rollout.Evaluation{Protocol: score.DefaultProtocol()}.Plan(d, s)
	if err != nil {
		return g.Result, err
	}
	for split, want := range f.Strides {
		if split != "train" {
			g.exact("strides of "+split, [2]int{plan.Stride, plan.Stride}, want)
		}
	}
	for _, c := range f.Caps {
		g.exact(fmt.Sprintf("steps of %+v", c), score.CappedSteps(c.Available, c.Data, c.Trainer, f.Rollout[0].History), c.Predicted)
	}
	if len(f.Partial.First) > 0 {
		p := score.DefaultProtocol()
		p.Sample = len(f.Partial.First)
		g.exact("windows of a partial validation", p.Selection(f.Partial.Windows), f.Partial.First)
	}
	return g.Result, nil
}
