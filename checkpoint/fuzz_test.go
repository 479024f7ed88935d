package checkpoint

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// readAll reads every tensor; a parser that promises more than the input holds would show as a huge allocation here.
func readAll(t *testing.T, tensors []Tensor, size int) {
	for _, tensor := range tensors {
		if n := tensor.Len(); n > size {
			t.Fatalf("tensor %q promises %d values from %d bytes", tensor.Name, n, size)
		}
		if _, err := tensor.Array(); err != nil {
			t.Logf("%v", err) // values may be out of float32's range; reading must not panic
		}
	}
}

func FuzzPickle(f *testing.F) {
	f.Add(underAppModel(view{"w", "FloatStorage", "0", 4, 0, []int64{2, 2}, []int64{2, 1}}))
	f.Add([]byte("\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bG?\xf0\x00\x00\x00\x00\x00\x00u."))
	f.Add([]byte("\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94]\x94K\x01as."))
	f.Add([]byte("(K\x01K\x02l0(K\x01\x85d1N."))
	f.Fuzz(func(t *testing.T, program []byte) {
		root, err := unpickle(program)
		if err != nil {
			return
		}
		if dict, err := findStateDict(root); err == nil && len(dict.keys) > len(program) {
			t.Errorf("%d entries from %d bytes", len(dict.keys), len(program))
		}
	})
}

func FuzzSafetensors(f *testing.F) {
	f.Add(safetensorsFile(`{"__metadata__":{"a":"b"},"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`, make([]byte, 4)))
	f.Add(safetensorsFile(`{"w":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},"v":{"dtype":"I64","shape":[],"data_offsets":[0,8]}}`, make([]byte, 8)))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, _, err := openSafetensors(bytes.NewReader(file), int64(len(file)))
		if err == nil {
			readAll(t, tensors, len(file))
		}
	})
}

func FuzzZip(f *testing.F) {
	for _, name := range []string{"views.pt", "training.pt"} {
		file, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
	}
	f.Add(archive(f, underAppModel(view{"w", "FloatStorage", "0", 4, 0, []int64{2, 2}, []int64{1, 2}}), map[string][]byte{"0": ramp(4)}, nil))
	f.Add(archive(f, underAppModel(view{"w", "BoolStorage", "k", 2, 1, nil, nil}), map[string][]byte{"k": {1, 0}}, nil))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := openTorch(bytes.NewReader(file), int64(len(file)))
		if err == nil {
			readAll(t, tensors, len(file))
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(minimal))
	f.Add([]byte(minimal + "  module_parameters:\n    well_dataset_info: {s: {step_downsample_factor: 0.5, field_transforms: {p: torch.log10}}, 't.u': null}\n" +
		"walrus_go: {tokens: 8, data_sets: {s: {grid: [8, 8], network_points: {66: 64}, min_dt_stride: 2}}}\nlogger: {1: [{true: x}]}\n"))
	f.Add([]byte("a: [{b: 'c'}, |\n  d\n]\n? e\n: f\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		written, err := c.YAML()
		if err != nil {
			t.Fatalf("accepted but not written: %v", err)
		}
		if _, err := ParseConfig(written); err != nil {
			t.Fatalf("written but not read: %v\n%s", err, written)
		}
	})
}
