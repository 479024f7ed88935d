package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shared finds a file of the golden data: in $WALRUS_SHARED, or in the folder shared beside the repository.
func shared(t *testing.T, name string) string {
	t.Helper()
	root := os.Getenv("WALRUS_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	path := filepath.Join(root, "golden", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("golden data not found (%v); set WALRUS_SHARED to the folder that holds golden/", err)
	}
	return path
}

func open(t *testing.T, path string) *Checkpoint {
	t.Helper()
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func values(t *testing.T, tensor Tensor) []float32 {
	t.Helper()
	a, err := tensor.Array()
	if err != nil {
		t.Fatal(err)
	}
	return a.Data
}

func TestTorchAndSafetensorsHoldTheSameGoldenTensors(t *testing.T) {
	torch, safe := open(t, shared(t, "walrus_tiny.pt")), open(t, shared(t, "weights.safetensors"))
	if torch.Format != Torch || safe.Format != Safetensors {
		t.Fatalf("formats %v and %v", torch.Format, safe.Format)
	}
	if len(torch.Tensors()) != 80 || len(safe.Tensors()) != 80 {
		t.Fatalf("%d and %d tensors, want 80 in each", len(torch.Tensors()), len(safe.Tensors()))
	}
	for _, a := range torch.Tensors() {
		b, ok := safe.Tensor(a.Name)
		if !ok {
			t.Errorf("%s is not in the safetensors file", a.Name)
			continue
		}
		if !slices.Equal(a.Shape, b.Shape) {
			t.Errorf("%s: shapes %v and %v", a.Name, a.Shape, b.Shape)
			continue
		}
		if !slices.Equal(values(t, a), values(t, b)) {
			t.Errorf("%s: values differ", a.Name)
		}
	}
}

func TestGoldenConfigurationMatchesItsShortForm(t *testing.T) {
	c, err := ReadConfig(shared(t, "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var short struct {
		Config struct {
			Hidden     int   `json:"hidden_dim"`
			Heads      int   `json:"heads"`
			HeadDim    int   `json:"head_dim"`
			Inner      int   `json:"intermediate_dim"`
			Blocks     int   `json:"blocks"`
			States     int   `json:"n_states"`
			Dimensions []int `json:"include_d"`
			Causal     bool  `json:"causal_in_time"`
			Jitter     bool  `json:"jitter_patches"`
		} `json:"config"`
		StateDict  map[string][]int `json:"state_dict"`
		Parameters int              `json:"n_params"`
	}
	text, err := os.ReadFile(shared(t, "config.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &short); err != nil {
		t.Fatal(err)
	}
	s := short.Config
	want := []any{s.Hidden, s.Heads, s.HeadDim, s.Inner, s.Blocks, s.States, s.Dimensions, s.Causal, s.Jitter}
	got := []any{c.Hidden, c.Heads, c.HeadDim(), c.Inner, c.Blocks, c.States(), c.Dimensions, c.CausalInTime, c.JitterPatches}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("configuration (-short form +read)\n%s", diff)
	}
	if err := Match(short.StateDict, open(t, shared(t, "walrus_tiny.pt"))); err != nil {
		t.Error(err)
	}
	training := c.Training
	if training.LearningRate != 2e-4 || training.WeightDecay != 1e-4 || training.Epsilon != 1e-10 || training.ClipNorm != 10 ||
		training.LossMultiplier != 100 || training.GradientAccumulation != 1 || training.MaxStride != 5 || training.InputSteps != 6 {
		t.Errorf("training settings %+v", training)
	}
}

func TestGoldenConfigurationRoundTrips(t *testing.T) {
	c, err := ReadConfig(shared(t, "extended_config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	checkRoundTrip(t, c)
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := c.Write(path); err != nil {
		t.Fatal(err)
	}
	again, err := ReadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	if value, _ := lookUp(again.document, "logger.wandb_project_name"); value != "walrus_Training_Attempts" {
		t.Errorf("a key without a meaning here was lost: found %v", value)
	}
}
