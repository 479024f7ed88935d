package train

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// planFeed is a training step of a small preset on 128 x 128 points.
func planFeed(t *testing.T, operands dtypes.DType, recompute int) network.Feed {
	t.Helper()
	g, err := frame.NewGeometry([]int{128, 128}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := model.Config{Hidden: 128, Inner: 32, Heads: 4, Blocks: 4, States: 8, Dimensions: []int{2}, Causal: true}
	net := model.Net{Config: c, Geometry: g, Samples: 1, Frames: 4, Recompute: recompute, Operands: operands}
	return network.Feed{Net: net, Channels: 4}
}

func TestTheEstimateOfMemoryIsNearTheEnginesPlan(t *testing.T) {
	e, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, recompute := range []int{0, 2, 1} {
		feed := planFeed(t, dtypes.Float32, recompute)
		p, err := PlanStep(e, feed, true)
		if err != nil {
			t.Fatal(err)
		}
		ratio := float64(p.Activations) / float64(p.Planned)
		t.Logf("recompute %d: estimated %.1f MiB, planned %.1f MiB", recompute, float64(p.Activations)/(1<<20), float64(p.Planned)/(1<<20))
		if !(ratio > 0.5 && ratio < 2) {
			t.Errorf("recompute %d: %d bytes estimated, %d planned: %.2f times", recompute, p.Activations, p.Planned, ratio)
		}
		trained := 4 * int64(feed.Net.Count())
		if p.Gradients != trained || p.Moments != 2*trained || p.Weights < trained {
			t.Errorf("weights %d, gradients %d, moments %d bytes of %d trained", p.Weights, p.Gradients, p.Moments, trained)
		}
		if p.Total() != p.Weights+p.Gradients+p.Moments+p.Inputs+p.Planned {
			t.Errorf("the total %d is not the sum of %+v", p.Total(), p)
		}
	}
}

func TestTheEstimateOfMemoryFollowsTheSettings(t *testing.T) {
	estimate := func(lean bool, recompute int, fused bool) int64 {
		feed := planFeed(t, dtypes.Float32, recompute)
		if feed.Net.Lean = lean; lean {
			feed.Net.Operands = dtypes.BFloat16
		}
		p, err := PlanStep(nil, feed, fused)
		if err != nil {
			t.Fatal(err)
		}
		return p.Activations
	}
	all := estimate(false, 0, true)
	if half := estimate(false, 2, true); half >= all {
		t.Errorf("%d bytes with recomputation, %d without", half, all)
	}
	if rounded := estimate(true, 0, true); rounded >= all {
		t.Errorf("%d bytes in a lean network, %d in float32", rounded, all)
	}
	if stored := estimate(false, 0, false); stored <= all {
		t.Errorf("%d bytes with the attention's matrices, %d without", stored, all)
	}
}

// On this program's own engine products round their operands themselves: nothing is stored that float32 does not store.
func TestTrainingInBFloat16IsPlannedInTheMemoryOfFloat32(t *testing.T) {
	e, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var planned []int64
	for _, operands := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16} {
		p, err := PlanStep(e, planFeed(t, operands, 0), true)
		if err != nil {
			t.Fatal(err)
		}
		planned = append(planned, p.Planned)
	}
	if planned[0] != planned[1] {
		t.Errorf("%.1f MiB planned in float32, %.1f MiB in bf16", mib(planned[0]), mib(planned[1]))
	}
}

// Without the fused operation the matrix of tokens x tokens exists, but not once a block.
func TestOneBlockAtATimeHoldsTheMatrixOfItsAttention(t *testing.T) {
	e, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const unfused = dtypes.Float16 // the fused operation of this engine takes no operands of it
	plan := func(operands dtypes.DType, blocks int) Plan {
		feed := planFeed(t, operands, 0)
		feed.Net.Blocks = blocks
		plan, err := PlanStep(e, feed, operands != unfused)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	perBlock := func(operands dtypes.DType) int64 { return (plan(operands, 4).Planned - plan(operands, 2).Planned) / 2 }
	const tokens, heads, frames, wide = 32 * 32, 4, 4, 4
	const matrix = int64(frames * heads * tokens * tokens * wide)
	fused, stored := perBlock(dtypes.Float32), perBlock(unfused)
	t.Logf("a block keeps %.1f MiB with the fused operation and %.1f MiB without; the matrix takes %.1f MiB", mib(fused), mib(stored), mib(matrix))
	if stored > fused+matrix/2 {
		t.Errorf("a block keeps %.1f MiB, and %.1f MiB with the fused operation; the matrix takes %.1f MiB", mib(stored), mib(fused), mib(matrix))
	}
	four := plan(unfused, 4)
	if four.Planned-plan(dtypes.Float32, 4).Planned < matrix/2 {
		t.Errorf("%.1f MiB planned: the matrix of %.1f MiB is not there, the test shows nothing", mib(four.Planned), mib(matrix))
	}
	if ratio := float64(four.Activations) / float64(four.Planned); !(ratio > 0.5 && ratio < 2) {
		t.Errorf("%.1f MiB estimated, %.1f MiB planned", mib(four.Activations), mib(four.Planned))
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }
