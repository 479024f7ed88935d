package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nlpodyssey/safetensors"
)

func tensor(t testing.TB, name string, shape []int, data ...float32) Tensor {
	t.Helper()
	made, err := NewTensor(name, shape, data)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestSafetensorsOfEveryTypeRead(t *testing.T) {
	header := `{"__metadata__":{"format":"pt"},
		"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},
		"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},
		"h":{"dtype":"F16","shape":[],"data_offsets":[12,14]},
		"none":{"dtype":"F32","shape":[3,0],"data_offsets":[14,14]},
		"u":{"dtype":"U8","shape":[2],"data_offsets":[14,16]}}   `
	data := append(floats(1.5, -2), 0x80, 0x3f, 0x00, 0x40, 0x00, 0x38, 3, 255)
	c := open(t, written(t, "x", safetensorsFile(header, data)))
	if c.Format != Safetensors || c.Metadata["format"] != "pt" {
		t.Errorf("format %v, metadata %v", c.Format, c.Metadata)
	}
	want := map[string][]float32{"a": {1.5, -2}, "b": {1, 2}, "h": {0.5}, "none": {}, "u": {3, 255}}
	if len(c.Tensors()) != len(want) {
		t.Errorf("%d tensors, want %d", len(c.Tensors()), len(want))
	}
	for name, expected := range want {
		stored, ok := c.Tensor(name)
		if !ok {
			t.Errorf("%s was not found", name)
		} else if got := values(t, stored); !slices.Equal(got, expected) {
			t.Errorf("%s is %v, want %v", name, got, expected)
		}
	}
}

func TestHostileSafetensorsAreErrors(t *testing.T) {
	one := func(dtype, shape, offsets string) []byte {
		return safetensorsFile(fmt.Sprintf(`{"w":{"dtype":%s,"shape":%s,"data_offsets":%s}}`, dtype, shape, offsets), make([]byte, 8))
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a long header":          {append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, '{', '}'), "header of 18446744073709551615 bytes"},
		"a header past the end":  {append([]byte{99, 0, 0, 0, 0, 0, 0, 0}, '{', '}'), "header of 99 bytes"},
		"broken JSON":            {safetensorsFile(`{"w":{"dtype":}`, nil), "header"},
		"unfinished JSON":        {safetensorsFile(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`, make([]byte, 8)), "header"},
		"JSON and more":          {safetensorsFile(`{} {}`, nil), "after the JSON object"},
		"deep JSON":              {safetensorsFile(`{"w":`+strings.Repeat("[", 100_000), nil), "depth"},
		"equal names":            {safetensorsFile(`{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, nil), "two entries"},
		"no offsets":             {safetensorsFile(`{"w":{"dtype":"U8","shape":[0]}}`, nil), "expected dtype, shape and data_offsets"},
		"no shape":               {safetensorsFile(`{"w":{"dtype":"U8","data_offsets":[0,1]}}`, make([]byte, 1)), "expected dtype, shape"},
		"an unknown type":        {one(`"F4"`, `[2]`, `[0,8]`), `unsupported dtype "F4"`},
		"a type of another kind": {one(`7`, `[2]`, `[0,8]`), "header"},
		"another size":           {one(`"F32"`, `[3]`, `[0,8]`), "8 bytes of data; F32 of shape [3] needs 12"},
		"a negative extent":      {one(`"F32"`, `[-2]`, `[0,8]`), "negative extent"},
		"a fraction":             {one(`"F32"`, `[1.5]`, `[0,8]`), "header"},
		"an overflow":            {one(`"F32"`, `[4294967296,4294967296]`, `[0,8]`), "larger than any file"},
		"reversed offsets":       {one(`"F32"`, `[2]`, `[8,0]`), "expected to begin at 0"},
		"negative offsets":       {one(`"F32"`, `[2]`, `[-8,0]`), "expected to begin at 0"},
		"a gap":                  {one(`"F32"`, `[1]`, `[4,8]`), "expected to begin at 0"},
		"less data":              {one(`"F32"`, `[4]`, `[0,16]`), "8 bytes of data; the header describes 16"},
		"more data":              {one(`"F32"`, `[1]`, `[0,4]`), "8 bytes of data; the header describes 4"},
		"overlapping tensors": {safetensorsFile(`{"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`,
			make([]byte, 8)), "expected to begin at 8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := openHostile(t, "x.safetensors", c.file)
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q; want one line with %q", err, c.want)
			}
		})
	}
}

func TestAFileThatShrinksAfterOpeningIsAnError(t *testing.T) {
	path := written(t, "x", safetensorsFile(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, ramp(2)))
	c := open(t, path)
	if err := os.Truncate(path, 40); err != nil {
		t.Fatal(err)
	}
	w, _ := c.Tensor("w")
	if _, err := w.Array(); err == nil || !strings.Contains(err.Error(), "the file ends") {
		t.Errorf("error %v; want one that says where the file ends", err)
	}
}

func TestWrittenFileIsWhatAnotherReaderExpects(t *testing.T) {
	tensors := []Tensor{tensor(t, "b", []int{2, 2}, 1, 2, 3, 4), tensor(t, "a", nil, 5), tensor(t, "\"é\n", []int{0})}
	path := filepath.Join(t.TempDir(), "x.safetensors")
	metadata := map[string]string{"format": "pt"}
	if err := Write(path, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := safetensors.Deserialize(raw)
	if err != nil {
		t.Fatal(err)
	}
	if other.Len() != len(tensors) {
		t.Errorf("the other reader finds %d tensors, want %d", other.Len(), len(tensors))
	}
	for _, want := range tensors {
		found, ok := other.Tensor(want.Name)
		if !ok {
			t.Errorf("the other reader does not find %q", want.Name)
			continue
		}
		if !bytes.Equal(found.Data(), floats(values(t, want)...)) {
			t.Errorf("%q: the other reader finds %v", want.Name, found.Data())
		}
	}
	ours := open(t, path)
	if diff := cmp.Diff(metadata, ours.Metadata); diff != "" {
		t.Errorf("metadata (-written +read)\n%s", diff)
	}
	for i, got := range ours.Tensors() {
		if got.Name != tensors[i].Name || !slices.Equal(values(t, got), values(t, tensors[i])) {
			t.Errorf("tensor %d is %q %v, want %q", i, got.Name, values(t, got), tensors[i].Name)
		}
	}
}

func TestFailedWriteLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.safetensors")
	if err := Write(path, []Tensor{tensor(t, "old", []int{1}, 1)}, nil); err != nil {
		t.Fatal(err)
	}
	stopped := errors.New("stopped")
	several := []Tensor{tensor(t, "a", []int{1}, 1), tensor(t, "b", []int{1}, 2)}
	if err := WriteWith(path, several, WriteOptions{Written: func(int64) error { return stopped }}); !errors.Is(err, stopped) {
		t.Errorf("error %v, want the one that stopped it", err)
	}
	broken := several[0]
	broken.values = stored{file: bytes.NewReader(nil), shape: []int{1}}
	if err := Write(path, []Tensor{several[1], broken}, nil); err == nil {
		t.Error("a tensor that can not be read was written")
	}
	if err := Write(path, []Tensor{several[0], several[0]}, nil); err == nil {
		t.Error("two tensors of one name were written")
	}
	if c := open(t, path); len(c.Tensors()) != 1 || c.Tensors()[0].Name != "old" {
		t.Errorf("the old file is gone: %v", c.Tensors())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestMatchListsEveryDifference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	err := Write(path, []Tensor{
		tensor(t, "same", []int{1}, 1), tensor(t, "other shape", []int{2}, 1, 2), tensor(t, "extra 2", nil, 1), tensor(t, "extra 1", nil, 1),
		tensor(t, "blocks.0.space_mixing.rotary_emb.freqs", []int{1}, 1), tensor(t, "blocks.0.space_mixing.rotary_emb.freqs.0", []int{1}, 1),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]int{"same": {1}, "other shape": {1, 2}, "absent": {3}, "blocks.1.space_mixing.rotary_emb.freqs": {1}}
	var mismatch *MismatchError
	if err := Match(want, open(t, path)); !errors.As(err, &mismatch) {
		t.Fatalf("error %v, want a MismatchError", err)
	}
	expected := &MismatchError{
		Path: path, Missing: []string{"absent"},
		Unexpected: []string{"blocks.0.space_mixing.rotary_emb.freqs.0", "extra 1", "extra 2"},
		Misshapen:  []Misshapen{{"other shape", []int{2}, []int{1, 2}}},
	}
	if diff := cmp.Diff(expected, mismatch); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, part := range []string{"1 missing (absent)", "extra 1, extra 2", "other shape [2], expected [1 2]"} {
		if !strings.Contains(mismatch.Error(), part) {
			t.Errorf("message %q lacks %q", mismatch, part)
		}
	}
}

func TestDirectoriesOpenByTheirWeights(t *testing.T) {
	dir := t.TempDir()
	save := func(name string) {
		t.Helper()
		if err := Write(filepath.Join(dir, name), []Tensor{tensor(t, name, nil, 1)}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "no weights") {
		t.Errorf("an empty directory: %v", err)
	}
	for _, c := range []struct{ add, want string }{{"walrus.pt", "walrus.pt"}, {"walrus.safetensors", "walrus.safetensors"}, {"model.safetensors", "model.safetensors"}} {
		save(c.add)
		if got := open(t, dir); got.Tensors()[0].Name != c.want {
			t.Errorf("after adding %s: opened %s", c.add, got.Path)
		}
	}
	os.Remove(filepath.Join(dir, WeightsFile))
	save("second.safetensors")
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "second.safetensors, walrus.safetensors") {
		t.Errorf("two candidates: %v", err)
	}
}
