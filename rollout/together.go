package rollout

import (
	"context"

	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate"
	"github.com/gowalrus/walrus/well"
)

// Set is a data set with what is scored of it.
type Set struct {
	Data       *well.Dataset
	Setting    surrogate.Setting // what the model's For gives for Data
	Evaluation Evaluation
	Plan       score.Plan // what the evaluation's Plan gives
}

// Evaluate scores the forecasts of several data sets by one protocol. The processes of a group share the forecasts, each taking its turn, and all get
// the same result. made is called after each forecast with the name of its data set.
func Evaluate(ctx context.Context, g *ranks.Group, protocol score.Protocol, sets []Set, made func(dataSet string)) (*score.Result, error) {
	if g.Size() == 1 {
		return score.Evaluate(ctx, protocol, forecastsOf(ctx, sets, nil, made))
	}
	part, err := score.Part(ctx, protocol, forecastsOf(ctx, sets, g.Turns(), made))
	if err = g.Agree(err); err != nil {
		return nil, err
	}
	parts, err := g.Share(part)
	if err != nil {
		return nil, err
	}
	return score.Join(protocol, parts)
}

// forecastsOf are the forecasts of all data sets, one after another; mine is asked before each whether this process makes it.
func forecastsOf(ctx context.Context, sets []Set, mine func() bool, made func(dataSet string)) score.Forecasts {
	return func(yield func(score.Forecast, error) bool) {
		for _, s := range sets {
			e := s.Evaluation
			e.Mine, e.Progress = mine, func() { made(s.Plan.DataSet) }
			for forecast, err := range Forecasts(ctx, s.Data, s.Setting, e) {
				if !yield(forecast, err) || err != nil {
					return
				}
			}
		}
	}
}
