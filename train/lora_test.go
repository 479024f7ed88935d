package train

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/surrogate"
)

// partialRuns are fine-tunings that leave weights as they are, over a field that the weights do not know.
var partialRuns = map[string]FinetuneConfig{
	"LoRA":                   {LoRA: LoRAConfig{Rank: 3}},
	"LoRA with more trained": {LoRA: LoRAConfig{Rank: 2, Alpha: 5, Targets: Targets{attentionTarget}, Also: []string{"embed.*", "*.norm1.weight"}}, AxisFrequencies: true},
	"frozen blocks":          {Freeze: []string{"blocks.*"}, NewColumns: checkpoint.PreservingColumns},
	"frozen encoder":         {Freeze: []string{"encoder.*", "blocks.0.*"}, Columns: map[string]int{"height": 3}},
}

// stop ends a run after so many steps and goes on in a new one, until the end.
func resumed(t *testing.T, c Config, stops ...int) checkpoint.State {
	t.Helper()
	train(t, c, false, stops[0])
	for _, until := range append(stops[1:], 0) {
		again, err := ReadRunConfig(c.Out)
		if err != nil {
			t.Fatal(err)
		}
		train(t, again, true, until)
	}
	state, err := checkpoint.LoadRun(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestPartialRunsResumeAsIfNeverStopped(t *testing.T) {
	second := smallFinetune(t, FinetuneConfig{})
	from := second.Finetune.From
	for name, f := range partialRuns {
		t.Run(name, func(t *testing.T) {
			whole := second
			whole.Finetune, whole.Finetune.From = f, from
			whole.Out = filepath.Join(t.TempDir(), "whole")
			cut := whole
			cut.Out += "-cut"
			train(t, whole, false, 0)
			want, err := checkpoint.LoadRun(whole.Out)
			if err != nil {
				t.Fatal(err)
			}
			got := resumed(t, cut, 1, 3)
			if diff := cmp.Diff(want.Parameters, got.Parameters); diff != "" || len(got.Parameters) == 0 {
				t.Errorf("weights or moments differ: %.2000s", diff)
			}
			if diff := cmp.Diff(stripClock(t, whole.Out), stripClock(t, cut.Out)); diff != "" {
				t.Errorf("the logs differ: %s", diff)
			}
			for _, p := range got.Parameters {
				if p.Updates == 0 && !strings.Contains(p.Name, "embed.3") && !strings.Contains(p.Name, "debed.3") {
					t.Errorf("%s is saved and was never trained", p.Name)
				}
			}
		})
	}
}
