package importer

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// readCodecs gives what other programs' compressors made of the same numbers (testdata/zarrs.py).
func readCodecs(t testing.TB) map[string][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "codecs.json"))
	if err != nil {
		t.Fatal(err)
	}
	encoded := map[string]string{}
	if err := json.Unmarshal(text, &encoded); err != nil {
		t.Fatal(err)
	}
	made := map[string][]byte{}
	for name, v := range encoded {
		if made[name], err = base64.StdEncoding.DecodeString(v); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

func TestCompressionsOfOtherProgramsAreUndone(t *testing.T) {
	const n = 1300
	for name, data := range readCodecs(t) {
		codec, _, _ := strings.Cut(name, " ")
		got, err := decompress(codec, data, 2*n)
		if err != nil || len(got) != 2*n {
			t.Errorf("%s: %d bytes, %v; want %d", name, len(got), err, 2*n)
			continue
		}
		for i := range n {
			if v := binary.LittleEndian.Uint16(got[2*i:]); int(v) != 7*(i/5)%1000 {
				t.Errorf("%s: value %d is %d; want %d", name, i, v, 7*(i/5)%1000)
				break
			}
		}
		for _, cut := range []int{0, 1, len(data) / 2, len(data) - 1} {
			if got, err := decompress(codec, data[:cut], 2*n); err == nil && len(got) == 2*n && !strings.Contains("gzip zlib bz2", name) {
				t.Errorf("%s: %d of %d bytes were enough", name, cut, len(data))
			}
		}
	}
	if _, err := decompress("lzma", nil, 1); err == nil || !strings.Contains(err.Error(), "lzma") {
		t.Errorf("lzma: error %v; want one that names it", err)
	}
}

func FuzzBlosc(f *testing.F) {
	for name, data := range readCodecs(f) {
		if strings.HasPrefix(name, "blosc") {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const limit = 1 << 16
		if got, err := bloscDecode(data, limit); err == nil && len(got) > limit {
			t.Errorf("%d bytes; expected at most %d", len(got), limit)
		}
	})
}

func TestZarrOfBothVersionsIsRead(t *testing.T) {
	description := plainDescription(", variables: [flow/u]")
	for _, folder := range []string{"two.zarr", "three.zarr"} {
		path := filepath.Join("testdata", folder)
		if _, _, err := imported(t, description, path); err == nil || !strings.Contains(err.Error(), "_FillValue marks as missing") {
			t.Errorf("%s: error %v; want one about values that are marked as missing", folder, err)
		}
		f, _, err := imported(t, strings.Replace(description, "[flow/u]", "[flow/u], missing: -1", 1), path)
		if err != nil {
			t.Errorf("%s: %v", folder, err)
			continue
		}
		for i, v := range values(t, f, "u") {
			frame, x, y := i/30, i/5%6, i%5
			want := float32(100*frame + 10*x + y)
			if frame >= 2 && x >= 3 {
				want = -1
			}
			if v != want {
				t.Fatalf("%s: frame %d, (%d, %d): %v; want %v", folder, frame, x, y, v, want)
			}
		}
	}
	if _, _, err := imported(t, description, t.TempDir()); err == nil || !strings.Contains(err.Error(), "without Zarr arrays") {
		t.Errorf("an empty folder: error %v", err)
	}
}

// A damaged extent is named before times and coordinates for it are made.
func TestAnAbsurdExtentIsRefused(t *testing.T) {
	store := filepath.Join(t.TempDir(), "absurd.zarr")
	if err := os.CopyFS(store, os.DirFS(filepath.Join("testdata", "two.zarr"))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(store, "flow", "u", ".zarray")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	absurd := regexp.MustCompile(`"shape": \[\s*\d+`).ReplaceAll(text, []byte(`"shape": [2147483648`))
	if err := os.WriteFile(path, absurd, 0o666); err != nil {
		t.Fatal(err)
	}
	c, err := parseConfig([]byte("name: n\naxes: [{name: x, boundary: open}, {name: y, boundary: open}]\nlayout: [time, x, y]\nfields: [{name: u, variables: [flow/u]}]\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Import(t.Context(), c, []string{store}, filepath.Join(t.TempDir(), "o.hdf5"), Options{})
	if err == nil || !strings.Contains(err.Error(), "claims 2147483648 steps along time") {
		t.Errorf("error %v; want one that names the extent", err)
	}
}
