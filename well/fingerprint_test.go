package well

import (
	"bytes"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// Small files are told apart by every byte, large ones by their pieces, which reach from the first byte to the last.
func TestFingerprintsTellFilesApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.hdf5")
	const size = 1000
	of := func(changed int, s Sampling) (uint32, []byte) {
		t.Helper()
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i)
		}
		if changed >= 0 {
			content[changed] ^= 1
		}
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		var read bytes.Buffer
		n, err := Fingerprint(&read, path, s)
		if err != nil || n != size {
			t.Fatalf("size %d, %v; want %d", n, err, size)
		}
		return crc32.ChecksumIEEE(read.Bytes()), read.Bytes()
	}
	whole, pieces := Sampling{Whole: size, Pieces: 2, Length: 1}, Sampling{Pieces: 4, Length: 10}
	unchanged, all := of(-1, whole)
	if len(all) != size {
		t.Errorf("%d bytes of a small file were read, want all %d", len(all), size)
	}
	for _, i := range []int{0, 499, size - 1} {
		if changed, _ := of(i, whole); changed == unchanged {
			t.Errorf("byte %d of a small file changed and its fingerprint did not", i)
		}
	}
	unchanged, some := of(-1, pieces)
	want := []byte{}
	for _, start := range []int{0, 330, 660, 990} {
		for i := range 10 {
			want = append(want, byte(start+i))
		}
	}
	if !bytes.Equal(some, want) {
		t.Errorf("pieces %v; want %v", some, want)
	}
	for i, seen := range map[int]bool{0: true, 335: true, size - 1: true, 500: false} {
		if changed, _ := of(i, pieces); (changed != unchanged) != seen {
			t.Errorf("byte %d of a large file changed: fingerprint changed %v, want %v", i, !seen, seen)
		}
	}
	if n, err := Fingerprint(&bytes.Buffer{}, path, Sampling{Pieces: 8, Length: 4096}); err != nil || n != size {
		t.Errorf("a file shorter than a piece: %d bytes, %v", n, err)
	}
	if _, err := Fingerprint(&bytes.Buffer{}, path+"x", whole); err == nil {
		t.Error("a file that is not there has a fingerprint")
	}
}
