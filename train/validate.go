package train

import (
	"context"
	"fmt"
	"math"

	"github.com/gowalrus/walrus/metric"
	"github.com/gowalrus/walrus/rollout"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// validator scores a network as an evaluation does, without any random draw.
type validator struct {
	config   ValidationConfig
	evaluate evaluator // nil for that of one process
	sets     []scoredSet
	show     func(Task, score.Forecast) // is given one forecast of each data set, held; nil for nobody
}

// scoredSet is a split of a data set with the model as it was made for it.
type scoredSet struct {
	label   string
	dataset *well.Dataset
	batch   int
	setting surrogate.Setting
}

func newValidator(s *sources, m *surrogate.Model, c ValidationConfig) (*validator, error) {
	v := &validator{config: c}
	for i, label := range well.Labels(s.datasets) {
		set := scoredSet{label: label, dataset: s.datasets[i], batch: s.entries[i].Batch}
		var err error
		if set.setting, err = m.For(set.dataset); err != nil {
			return nil, err
		}
		if c.RolloutEvery > 0 { // found out now and not after many epochs
			if _, err = set.evaluation(c, Rollout, false).Plan(set.dataset, set.setting); err != nil {
				return nil, fmt.Errorf("train: validation.first: %s: %w; or set validation.rollout_every=0", set.dataset.Folder(), err)
			}
		}
		v.sets = append(v.sets, set)
	}
	return v, nil
}

// evaluation is what a validation scores: the usual protocol, with the mean absolute error by which the best is picked. Short of the
// last epoch that is a part of the data, the same each time.
func (s scoredSet) evaluation(c ValidationConfig, kind string, full bool) rollout.Evaluation {
	p := score.DefaultProtocol()
	p.Metrics = append(p.Metrics, metric.Of("MAE", metric.MAE))
	p.Windows, p.First = nil, c.First
	batch := s.batch
	if kind == Rollout {
		p.Windows, p.RolloutsOnly = []score.Window{score.WholeRollout}, true
		p.Steps = score.CappedSteps(math.MaxInt, math.MaxInt, c.MaxRolloutSteps, s.setting.History)
		batch = 1
	}
	if !full || !c.FullAtEnd {
		p.Sample = or(c.Windows, c.Batches*batch)
	}
	return rollout.Evaluation{Protocol: p, DataSet: s.label}
}

// evaluator makes the result of an evaluation from its forecasts, alone or with other processes.
type evaluator func(ctx context.Context, e rollout.Evaluation, forecasts func(rollout.Evaluation) score.Forecasts) (*score.Result, error)

// evaluateAlone is the evaluator of one process.
func evaluateAlone(ctx context.Context, e rollout.Evaluation, forecasts func(rollout.Evaluation) score.Forecasts) (*score.Result, error) {
	return score.Evaluate(ctx, e.Protocol, forecasts(e))
}

// scores scores every data set.
func (v *validator) scores(ctx context.Context, t Task, full bool) ([]Score, error) {
	evaluate := v.evaluate
	if evaluate == nil {
		evaluate = evaluateAlone
	}
	list := make([]Score, len(v.sets))
	for i, set := range v.sets {
		e := set.evaluation(v.config, t.Kind, full)
		plan, err := e.Plan(set.dataset, set.setting)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.label, err)
		}
		result, err := evaluate(ctx, e, func(e rollout.Evaluation) score.Forecasts {
			return v.shown(t, rollout.Forecasts(ctx, set.dataset, set.setting, e))
		})
		if err != nil {
			return nil, err
		}
		list[i] = Score{Task: t, DataSet: set.label, Windows: plan.Windows + plan.Rollouts, Steps: max(1, plan.Steps)}
		for _, s := range result.Scores() { // the mean over fields comes last
			if s.Metric == "MAE" {
				list[i].MAE = s.Model.Mean
				continue
			}
			list[i].VRMSE, list[i].Persistence = s.Model.Median, s.Persistence.Median
		}
	}
	return list, nil
}
