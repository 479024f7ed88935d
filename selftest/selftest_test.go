package selftest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
)

// goldenFolder is the whole golden data where the specification is at hand, else the part that is kept here.
func goldenFolder() string {
	shared := os.Getenv("WALRUS_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "shared")
	}
	if whole := filepath.Join(shared, "golden"); exists(filepath.Join(whole, "config.json")) {
		return whole
	}
	return filepath.Join("testdata", "golden")
}

// results runs a folder on the default engine.
func results(t *testing.T, folder, only string) ([]Result, error) {
	t.Helper()
	e, err := engine.Open("")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var all []Result
	err = Run(context.Background(), e, folder, Options{Case: only}, func(r Result) { all = append(all, r) })
	return all, err
}

// thorough is true where everything that the whole specification holds is to be compared: where WALRUS_SHARED names it, or with WALRUS_LONG=1.
func thorough() bool { return os.Getenv("WALRUS_SHARED") != "" || os.Getenv("WALRUS_LONG") != "" }

// goldenCases names the cases of the golden folder to compare: all, but that the ordinary suite leaves out the gradients and training steps of the
// whole specification, which take half a minute. Those of testdata/finetuned are always compared.
func goldenCases(t *testing.T) []string {
	t.Helper()
	if thorough() {
		return []string{""}
	}
	f := &folder{path: goldenFolder()}
	var names []string
	for _, prefix := range []string{"fwd_", "rollout_"} {
		stems, err := f.cases(prefix)
		if err != nil {
			t.Fatal(err)
		}
		for _, stem := range stems {
			if !exists(filepath.Join(f.path, stem+".grad.safetensors")) {
				names = append(names, stem)
			}
		}
	}
	return names
}

func TestEveryGoldenNumberIsReproduced(t *testing.T) {
	var all []Result
	for _, name := range goldenCases(t) {
		some, err := results(t, goldenFolder(), name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	if len(all) < 3 {
		t.Errorf("only %d comparisons in %s", len(all), goldenFolder())
	}
	for _, r := range all {
		t.Logf("%-32s %-15s %9.2e of %9.2e  %s", r.Case, r.What, r.Error, r.Allowed, r.Worst)
		if !r.Passed {
			t.Errorf("%s, %s: error %.3g at %s, allowed %.3g", r.Case, r.What, r.Error, r.Worst, r.Allowed)
		}
	}
}

// TestFineTunedGoldenNumbersAreReproduced uses numbers of the specification's PyTorch twin in another configuration: 6
// columns, one head, 2-D only, frequencies and positions as fine-tuned weights have them, a scale encoder_dummy that is not 1.
func TestFineTunedGoldenNumbersAreReproduced(t *testing.T) {
	all, err := results(t, filepath.Join("testdata", "finetuned"), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Errorf("%d comparisons; expected output, intermediates and gradients", len(all))
	}
	for _, r := range all {
		if !r.Passed {
			t.Errorf("%s, %s: error %.3g at %s, allowed %.3g", r.Case, r.What, r.Error, r.Worst, r.Allowed)
		}
	}
}

// spoil copies the small golden folder with one change to one file.
func spoil(t *testing.T, file string, change func([]byte) []byte) string {
	t.Helper()
	return spoilIn(t, "golden", file, change)
}

// spoilIn is spoil for a folder of testdata. A change to nothing removes the file.
func spoilIn(t *testing.T, folder, file string, change func([]byte) []byte) string {
	t.Helper()
	to := t.TempDir()
	from := filepath.Join("testdata", folder)
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if e.Name() == file {
			if data = change(bytes.Clone(data)); data == nil {
				continue
			}
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

func TestAWrongNumberIsFound(t *testing.T) {
	folder := spoil(t, "fwd_g1_singleton_d.safetensors", func(b []byte) []byte {
		b[len(b)-1] ^= 0x01 // the exponent of the last output value
		return b
	})
	all, err := results(t, folder, "fwd_g1")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 1 || all[0].Passed || !strings.Contains(all[0].Worst, "[1 0 1") && !strings.Contains(all[0].Worst, "output") {
		t.Errorf("one wrong output value: %+v", all)
	}
}

func TestBrokenFoldersAreErrors(t *testing.T) {
	manifest := "fwd_g1_singleton_d.json"
	replace := func(old, new string) func([]byte) []byte {
		return func(b []byte) []byte {
			if !bytes.Contains(b, []byte(old)) {
				t.Fatalf("%q is not in the file", old)
			}
			return bytes.Replace(b, []byte(old), []byte(new), 1)
		}
	}
	for name, folder := range map[string]string{
		"no such folder":      filepath.Join(t.TempDir(), "nothing"),
		"truncated manifest":  spoil(t, manifest, func(b []byte) []byte { return b[:len(b)/2] }),
		"truncated tensors":   spoil(t, "fwd_g1_singleton_d.safetensors", func(b []byte) []byte { return b[:len(b)-9] }),
		"a file outside":      spoil(t, manifest, replace(`"fwd_g1_singleton_d.safetensors"`, `"../../etc/passwd"`)),
		"other architecture":  spoil(t, manifest, replace(`"hidden_dim": 64`, `"hidden_dim": 32`)),
		"impossible heads":    spoil(t, "config.json", replace(`"heads": 4`, `"heads": 7`)),
		"unknown field index": spoil(t, manifest, replace(`"field_indices"`, `"other"`)),
	} {
		if _, err := results(t, folder, "fwd"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// editJSON applies a change to a manifest.
func editJSON(t *testing.T, change func(map[string]any)) func([]byte) []byte {
	return func(text []byte) []byte {
		var m map[string]any
		if err := json.Unmarshal(text, &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		out, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// editTensors applies a change to a file of tensors.
func editTensors(t *testing.T, change func(map[string]field.Array)) func([]byte) []byte {
	return func(data []byte) []byte {
		path := filepath.Join(t.TempDir(), "edited.safetensors")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := checkpoint.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		arrays := map[string]field.Array{}
		for _, tensor := range file.Tensors() {
			if arrays[tensor.Name], err = tensor.Array(); err != nil {
				t.Fatal(err)
			}
		}
		change(arrays)
		var tensors []checkpoint.Tensor
		for name, a := range arrays {
			tensor, err := checkpoint.NewTensor(name, a.Shape, a.Data)
			if err != nil {
				t.Fatal(err)
			}
			tensors = append(tensors, tensor)
		}
		if err := checkpoint.Write(path, tensors, nil); err != nil {
			t.Fatal(err)
		}
		if data, err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
		return data
	}
}

func TestNoGoldenNumberIsSkipped(t *testing.T) {
	const forward, trace = "fwd_finetuned", "rollout_2d_mask_padded"
	without := func(key string) func([]byte) []byte {
		return editJSON(t, func(m map[string]any) {
			if _, exists := m[key]; !exists {
				t.Fatalf("no entry %s", key)
			}
			delete(m, key)
		})
	}
	drop := func(name string) func(map[string]field.Array) {
		return func(arrays map[string]field.Array) {
			if _, exists := arrays[name]; !exists {
				t.Fatalf("no tensor %s", name)
			}
			delete(arrays, name)
		}
	}
	reshape := func(name string, shape ...int) func(map[string]field.Array) {
		return func(arrays map[string]field.Array) {
			arrays[name] = field.Array{Shape: shape, Data: arrays[name].Data}
		}
	}
	type fault struct {
		name, folder, file string
		change             func([]byte) []byte
	}
	faults := []fault{
		{"a manifest that is gone", "finetuned", forward + ".json", func([]byte) []byte { return nil }},
		{"a file of gradients that the manifest does not name", "finetuned", forward + ".json", without("grad_file")},
		{"intermediates that the manifest does not describe", "finetuned", forward + ".json", without("intermediates")},
		{"an unlisted intermediate", "finetuned", forward + ".json", editJSON(t, func(m map[string]any) {
			delete(m["intermediates"].(map[string]any), "encoded")
		})},
		{"an output that is gone", "finetuned", forward + ".safetensors", editTensors(t, drop("output"))},
		{"an output turned", "finetuned", forward + ".safetensors", editTensors(t, reshape("output", 2, 1, 2, 64, 32))},
		{"a gradient that is gone", "finetuned", forward + ".grad.safetensors", editTensors(t, drop("param.encoder_dummy"))},
		{"a gradient too many", "finetuned", forward + ".grad.safetensors", editTensors(t, func(a map[string]field.Array) {
			a["param.ape2"] = a["param.encoder_dummy"]
		})},
		{"a gradient without its noise", "finetuned", forward + ".json", editJSON(t, func(m map[string]any) {
			delete(m["grad_noise"].(map[string]any), "input")
		})},
		{"a block without rolls", "finetuned", forward + ".json", editJSON(t, func(m map[string]any) { m["block_rolls"] = []any{} })},
		{"other frames", "finetuned", forward + ".json", editJSON(t, func(m map[string]any) { m["T"] = 3 })},
		{"weights that are gone", "finetuned", "weights.safetensors", editTensors(t, drop("ape"))},
		{"no step", "golden", trace + ".json", editJSON(t, func(m map[string]any) { m["steps"] = 0 })},
		{"fewer steps", "golden", trace + ".json", editJSON(t, func(m map[string]any) { m["steps"] = 2 })},
		{"another floor of the scales", "golden", trace + ".json", editJSON(t, func(m map[string]any) { m["norm_epsilon"] = 1e-3 })},
		{"an output of the network that is gone", "golden", trace + ".safetensors", editTensors(t, drop("step0.model_out_last"))},
		{"scales of another shape", "golden", trace + ".safetensors", editTensors(t, reshape("sample_std", 4, 4, 1))},
	}
	for _, key := range forwardKeys {
		faults = append(faults, fault{"no " + key, "finetuned", forward + ".json", without(key)})
	}
	for _, key := range traceKeys {
		faults = append(faults, fault{"no " + key, "golden", trace + ".json", without(key)})
	}
	for _, f := range faults {
		only := trace
		if f.folder == "finetuned" {
			only = forward
		}
		all, err := results(t, spoilIn(t, f.folder, f.file, f.change), only)
		wrong := slices.ContainsFunc(all, func(r Result) bool { return !r.Passed })
		if err == nil && !wrong || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, %+v; expected an error of one line or a failed comparison", f.name, err, all)
		}
	}
}

func TestACaseThatCanNotBeRunStopsNoOther(t *testing.T) {
	folder := spoil(t, "fwd_g1_singleton_d.json", func([]byte) []byte { return []byte("{}") })
	all, err := results(t, folder, "")
	if err == nil || !strings.Contains(err.Error(), "spatial_shape") || len(all) == 0 {
		t.Errorf("an empty manifest: error %v, %d comparisons of other cases", err, len(all))
	}
}

func TestPythonsNotANumberIsNoFigure(t *testing.T) {
	const text = `{"a\"NaN": NaN, "b": [-Infinity, Infinity, -1], "c": "NaN"}`
	if got := string(withoutNaN([]byte(text))); got != `{"a\"NaN": null, "b": [null, null, -1], "c": "NaN"}` {
		t.Errorf("%s became %s", text, got)
	}
}
