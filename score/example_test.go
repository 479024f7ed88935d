package score_test

import (
	"context"
	"fmt"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/score"
)

// Scoring predictions of any program: forecasts come one at a time, and only their scores are kept. Here a quantity doubles at
// every step, and the prediction is a quarter too small.
func ExampleEvaluate() {
	protocol := score.DefaultProtocol()
	protocol.Windows = []score.Window{{First: 1, Last: 2}}

	forecasts := func(yield func(score.Forecast, error) bool) {
		for trajectory := range 3 {
			f := score.Forecast{
				DataSet: "doubling", Name: fmt.Sprintf("trajectory %d", trajectory), Trajectory: trajectory,
				Fields: []string{"density"}, Last: frames(1), Truth: frames(2, 4), Prediction: frames(1.5, 3),
			}
			if !yield(f, nil) {
				return
			}
		}
	}
	result, err := score.Evaluate(context.Background(), protocol, forecasts)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range result.Scores() {
		fmt.Printf("%s, %s, steps %s of %d rollouts: %s %.3f, persistence %.3f, better: %v\n",
			s.DataSet, s.Field, s.Window, s.Count, s.Metric, s.Model.Median, s.Persistence.Median, s.Better())
	}
	// Output: doubling, density, steps 1:2 of 3 rollouts: VRMSE 0.530, persistence 1.326, better: true
}

// frames are a ramp over four points times the factors, one a step; a single factor gives a frame without a time axis.
func frames(factors ...float32) field.Array {
	a := field.NewArray(len(factors), 2, 2, 1)
	for step, factor := range factors {
		for point := range 4 {
			a.Data[4*step+point] = factor * float32(1+point)
		}
	}
	if len(factors) == 1 {
		return a.Index(0)
	}
	return a
}
