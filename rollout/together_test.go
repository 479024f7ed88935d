package rollout

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/score"
)

// Three processes that share the forecasts of two data sets get the scores of one alone, and each forecast is made once.
func TestProcessesTogetherScoreAsOne(t *testing.T) {
	p := score.DefaultProtocol()
	p.First, p.Windows = score.FromTheStart, []score.Window{{First: 1, Last: 3}}
	var sets []Set
	work := 0
	for _, name := range []string{"evalset_equal", "evalset_unequal_mask"} {
		d := openReleased(t, name)
		s := Set{Data: d, Setting: settingOf(t, "persistence"), Evaluation: Evaluation{Protocol: p, DataSet: name, History: 6, Stride: 4}}
		var err error
		if s.Plan, err = s.Evaluation.Plan(d, s.Setting); err != nil {
			t.Fatal(err)
		}
		sets = append(sets, s)
		work += s.Plan.Work()
	}
	made := map[string]int{}
	var mutex sync.Mutex
	evaluate := func(g *ranks.Group) (*score.Result, error) {
		return Evaluate(context.Background(), g, p, sets, func(dataSet string) {
			mutex.Lock()
			defer mutex.Unlock()
			made[dataSet]++
		})
	}
	alone, err := evaluate(ranks.Alone())
	if err != nil {
		t.Fatal(err)
	}
	once := made
	if n := once[sets[0].Evaluation.DataSet] + once[sets[1].Evaluation.DataSet]; n != work || len(once) != 2 {
		t.Errorf("%d forecasts were made (%v); the plans have %d", n, once, work)
	}
	made = map[string]int{}
	results := make([]*score.Result, 3)
	for rank, err := range ranks.Together(len(results), ranks.DefaultSilence, func(g *ranks.Group) (err error) {
		results[g.Rank()], err = evaluate(g)
		return err
	}) {
		if err != nil {
			t.Fatalf("rank %d: %v", rank, err)
		}
	}
	if !cmp.Equal(once, made) {
		t.Errorf("forecasts by data set: %v together, %v alone", made, once)
	}
	same := cmpopts.EquateNaNs()
	for rank, r := range results {
		if got, want := r.Scores(), alone.Scores(); len(want) == 0 || !cmp.Equal(got, want, same) {
			t.Errorf("rank %d: %d scores that are not the %d of one process: %s", rank, len(got), len(want), cmp.Diff(want, got, same))
		}
	}
}
