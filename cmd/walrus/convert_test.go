package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/convert"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/well/welltest"
)

// smallWeights writes weights with released names for a small architecture, and the configuration beside them.
func smallWeights(t *testing.T) (path string, config checkpoint.Config) {
	t.Helper()
	config, err := checkpoint.ReleasedConfig()
	if err != nil {
		t.Fatal(err)
	}
	config.Hidden, config.Inner, config.Heads, config.Blocks = 16, 4, 2, 1
	config.Fields = map[string]int{"closed_boundary": 0, "open_boundary": 1, "bias_correction": 2, "A": 3}
	var tensors []checkpoint.Tensor
	for _, w := range network.ConfigOf(config).Weights() {
		data := make([]float32, field.Volume(w.Shape))
		for i := range data {
			data[i] = float32(math.Sin(float64(i + len(tensors))))
		}
		tensor, err := checkpoint.NewTensor(w.Name, w.Shape, data)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, tensor)
	}
	dir := t.TempDir()
	path = filepath.Join(dir, "small.safetensors")
	if err := checkpoint.Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	if err := config.Write(filepath.Join(dir, "extended_config.yaml")); err != nil {
		t.Fatal(err)
	}
	return path, config
}

// runConvert runs the command and returns what it prints.
func runConvert(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := convertCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(new(bytes.Buffer))
	cmd.SetArgs(args)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func TestConvertKeepsEveryValue(t *testing.T) {
	in, config := smallWeights(t)
	out := filepath.Join(t.TempDir(), "folder")
	printed, err := runConvert(t, in, out, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var result convert.Result
	if err := json.Unmarshal([]byte(printed), &result); err != nil {
		t.Fatalf("%v: %s", err, printed)
	}
	before, err := checkpoint.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	after, err := checkpoint.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer after.Close()
	if result.Tensors != len(before.Tensors()) || len(after.Tensors()) != len(before.Tensors()) {
		t.Errorf("%d tensors reported, %d written, %d expected", result.Tensors, len(after.Tensors()), len(before.Tensors()))
	}
	for i, tensor := range before.Tensors() {
		want, err := tensor.Array()
		if err != nil {
			t.Fatal(err)
		}
		got, err := after.Tensors()[i].Array()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want.Data, got.Data) || after.Tensors()[i].Name != tensor.Name {
			t.Errorf("%s changed", tensor.Name)
		}
	}
	written, err := checkpoint.ReadConfig(filepath.Join(out, checkpoint.ConfigFile))
	if err != nil || written.Hidden != config.Hidden || written.States() != config.States() {
		t.Errorf("configuration %+v, %v", written, err)
	}
}

// A run and what convert makes of it must predict the same to the last digit: transforms, statistics, history, stride, tokens and
// jitter are in the configuration that is converted, and train.yaml is not needed.
func TestConvertedRunScoresTheSame(t *testing.T) {
	base := t.TempDir()
	data := filepath.Join(base, "data", "waves")
	for _, split := range []string{"train", "valid"} {
		welltest.Flow{
			Name: "waves in files", Grid: [2]int{16, 32}, Frames: 9, Trajectories: 2, Boundaries: []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)},
			Variable: []field.Field{{Name: "density"}, {Name: "velocity", Rank: field.Vector}},
			Value: func(trajectory, frame, channel, x, y int) float64 {
				return 2 + math.Sin(float64(trajectory+channel)+2*math.Pi*float64(x+frame)/16)*math.Cos(math.Pi*(float64(y)+0.5)/32)
			},
		}.Write(t, filepath.Join(data, "data", split, "a.hdf5"))
	}
	run := func(args ...string) string {
		t.Helper()
		root := rootCommand()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetErr(io.Discard)
		root.SetArgs(args)
		if err := root.ExecuteContext(context.Background()); err != nil {
			t.Fatalf("walrus %s: %v", strings.Join(args, " "), err)
		}
		return out.String()
	}
	run("data", "stats", data, "--out", filepath.Join(data, "mine.yaml"), "--transform", "density=log10", "--stride", "2")
	run("train", "--set", "out="+filepath.Join(base, "run"),
		"--set", "data.sets=[{path: "+data+", field_transforms: {density: log10}, normalization_path: mine.yaml, stride: 2, history: 2}]",
		"--set", "data.normalization=dataset", "--set", "data.rotation=none", "--set", "model.tokens=8", "--set", "model.jitter=false",
		"--set", "model.hidden=16", "--set", "model.intermediate=4", "--set", "model.heads=2", "--set", "model.blocks=1", "--set", "validation.every=0",
		"--set", "schedule={epochs: 1, steps_per_epoch: 2, warmup_epochs: 0, cooldown_epochs: 0, learning_rate: 0.01}")
	run("convert", filepath.Join(base, "run"), filepath.Join(base, "mine.safetensors"))
	scores := func(model string, args ...string) string {
		t.Helper()
		var result struct {
			Scores json.RawMessage
			Steps  int
		}
		text := run(append([]string{"rollout", model, data, "--split", "valid", "--steps", "2", "--json", "--out", filepath.Join(base, "out")}, args...)...)
		if err := json.Unmarshal([]byte(text), &result); err != nil || result.Steps != 2 || !strings.Contains(string(result.Scores), "log10_density") {
			t.Fatalf("%v: %s", err, text)
		}
		return string(result.Scores)
	}
	first, second := scores(filepath.Join(base, "run")), scores(filepath.Join(base, "mine.safetensors"))
	if first != second {
		t.Errorf("the run scores\n%s\nand what was converted\n%s", first, second)
	}
	if other := scores(filepath.Join(base, "mine.safetensors"), "--stride", "1"); other == first {
		t.Errorf("stride 1 scores as stride 2 does: %s", other)
	}
}

func TestConvertAddsFields(t *testing.T) {
	in, config := smallWeights(t)
	out := filepath.Join(t.TempDir(), "grown.safetensors")
	if _, err := runConvert(t, in, out, "--add-field", "salinity"); err != nil {
		t.Fatal(err)
	}
	grown, err := checkpoint.ReadConfigOf(out, "")
	if err != nil {
		t.Fatal(err)
	}
	if grown.Fields["salinity"] != config.States() {
		t.Errorf("salinity has column %d, want %d", grown.Fields["salinity"], config.States())
	}
	weights, err := checkpoint.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer weights.Close()
	if _, err := network.Architecture(grown, weights); err != nil {
		t.Error(err)
	}
}

func TestConvertHalvesTheFile(t *testing.T) {
	in, _ := smallWeights(t)
	dir := t.TempDir()
	size := map[string]int64{}
	for _, dtype := range []string{"float32", "float16", "bfloat16"} {
		printed, err := runConvert(t, in, filepath.Join(dir, dtype), "--dtype", dtype, "--json")
		if err != nil {
			t.Fatal(err)
		}
		var result convert.Result
		if err := json.Unmarshal([]byte(printed), &result); err != nil {
			t.Fatal(err)
		}
		size[dtype] = result.Bytes
	}
	if float64(max(size["float16"], size["bfloat16"])) > 0.6*float64(size["float32"]) {
		t.Errorf("bytes %v; want the second and third to be about half of the first", size)
	}
	// Once rounded, nothing is lost: back in float32 and rounded again it is the same.
	again := filepath.Join(dir, "again")
	for _, step := range [][]string{{filepath.Join(dir, "float16"), filepath.Join(dir, "wide")}, {filepath.Join(dir, "wide"), again, "--dtype", "float16"}} {
		if _, err := runConvert(t, step...); err != nil {
			t.Fatal(err)
		}
	}
	first, err := os.ReadFile(filepath.Join(dir, "float16", checkpoint.WeightsFile))
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(again, checkpoint.WeightsFile))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("weights changed on the way through float32 (%v)", err)
	}
}

// savedPart writes a checkpoint of what LoRA adds to weights, with numbers as a training leaves them.
func savedPart(t *testing.T, weights string) string {
	t.Helper()
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	freezing := network.Freezing{Frozen: func(string) bool { return true }, LoRA: model.LoRA{Rank: 2, Alpha: 3, Attention: true}}
	n, config, err := network.Load(e, weights, network.LoadOptions{Fields: []string{"dye"}, Freezing: &freezing})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	before, err := checkpoint.ReadConfigOf(weights, "")
	if err != nil {
		t.Fatal(err)
	}
	base, err := checkpoint.BaseOf(weights)
	if err != nil {
		t.Fatal(err)
	}
	state := checkpoint.State{Config: config, Part: network.PartOf(n.Config, base, before.Fields, config.Fields, checkpoint.Growth{})}
	for _, w := range n.Config.Weights() {
		if !w.Trained() {
			continue
		}
		p := checkpoint.Parameter{Name: w.Name, Shape: w.Shape, Value: make([]float32, field.Volume(w.Shape))}
		for i := range p.Value {
			p.Value[i] = float32(math.Cos(float64(i)))
		}
		state.Parameters = append(state.Parameters, p)
	}
	path, err := checkpoint.SaveRun(t.TempDir(), state, 0, "best")
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(filepath.Dir(path), "best")
}

func TestConvertMergesWhatWasTrainedIntoWholeWeights(t *testing.T) {
	in, _ := smallWeights(t)
	part := savedPart(t, in)
	whole := filepath.Join(t.TempDir(), "whole.safetensors")
	for _, c := range []struct{ args, want string }{
		{part + " " + whole, "--merge writes whole weights"}, {"--merge --base " + part + " " + part + " " + whole, "holds other weights"},
	} {
		if _, err := runConvert(t, strings.Fields(c.args)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want one with %q", c.args, err, c.want)
		}
	}
	if _, err := runConvert(t, "--merge", part, "--out", whole); err != nil {
		t.Fatal(err)
	}
	want, err := checkpoint.Open(part)
	if err != nil {
		t.Fatal(err)
	}
	defer want.Close()
	expected, err := checkpoint.Hash(want.Tensors())
	if err != nil {
		t.Fatal(err)
	}
	// The whole needs nothing beside it.
	if err := os.Remove(in); err != nil {
		t.Fatal(err)
	}
	got, err := checkpoint.Open(whole)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Close()
	if hash, err := checkpoint.Hash(got.Tensors()); err != nil || hash != expected || got.Part != nil {
		t.Errorf("the whole weights are not those that the part opens as (%v)", err)
	}
	config, err := checkpoint.ReadConfigOf(whole, "")
	if err != nil || config.Fields["dye"] != 4 {
		t.Errorf("dye has column %d, %v", config.Fields["dye"], err)
	}
	if _, err := checkpoint.Open(part); err == nil || !strings.Contains(err.Error(), in) {
		t.Errorf("without its base: error %v", err)
	}
}

func TestConvertRefuses(t *testing.T) {
	in, config := smallWeights(t)
	dir := t.TempDir()
	config.Blocks = 2
	other := filepath.Join(dir, "other.yaml")
	if err := config.Write(other); err != nil {
		t.Fatal(err)
	}
	existing := filepath.Join(dir, "existing.safetensors")
	if err := os.WriteFile(existing, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"another architecture": {[]string{in, filepath.Join(dir, "a"), "--config", other}, "missing (blocks.1."},
		"an existing file":     {[]string{in, existing}, "--force"},
		"a missing file":       {[]string{filepath.Join(dir, "none.pt"), filepath.Join(dir, "b")}, "none.pt"},
		"two places":           {[]string{in, filepath.Join(dir, "d"), "--out", filepath.Join(dir, "e")}, "one place"},
		"whole weights":        {[]string{in, filepath.Join(dir, "d"), "--merge"}, "holds whole weights already"},
		"a base of the whole":  {[]string{in, filepath.Join(dir, "d"), "--base", in}, "--base is for --merge"},
		"an unknown type":      {[]string{in, filepath.Join(dir, "c"), "--dtype", "fp8"}, "bfloat16, float16, float32"},
		"one argument":         {[]string{in}, "one place to write to is expected"},
	} {
		if _, err := runConvert(t, c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v; want one with %q", name, err, c.want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAnInterruptedConversionGoesOn(t *testing.T) {
	in, _ := smallWeights(t)
	out := filepath.Join(t.TempDir(), "out")
	if _, err := runConvert(t, in, out); err != nil {
		t.Fatal(err)
	}
	weights, config := filepath.Join(out, checkpoint.WeightsFile), filepath.Join(out, checkpoint.ConfigFile)
	whole, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(weights); err != nil { // killed before the weights had their name
		t.Fatal(err)
	}
	if _, err := runConvert(t, in, out); err != nil {
		t.Fatal(err)
	}
	if again, err := os.ReadFile(weights); err != nil || !bytes.Equal(whole, again) {
		t.Errorf("other weights than of a conversion that was not interrupted (%v)", err)
	}
	if err := errors.Join(os.Remove(weights), os.WriteFile(config, []byte("mine: 1\n"), 0o666)); err != nil {
		t.Fatal(err)
	}
	if _, err := runConvert(t, in, out); err == nil || !strings.Contains(err.Error(), "--force") {
		t.Errorf("error %v; want one for a configuration that is somebody else's", err)
	}
}
