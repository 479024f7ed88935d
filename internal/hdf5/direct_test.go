package hdf5

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
)

// TestDirectReadsAreThoseOfTheLibrary compares random slabs of arrays in one piece and in chunks that do not divide them.
func TestDirectReadsAreThoseOfTheLibrary(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	shape := []int{3, 7, 11, 5}
	for _, storage := range []Storage{{}, {Chunk: []int{1, 3, 4, 5}, Gzip: 4}, {Chunk: []int{2, 1, 11, 2}, Gzip: 1}} {
		t.Run(fmt.Sprint(storage.Chunk), func(t *testing.T) {
			d := written(t, shape, storage, rng)
			if d.direct == nil {
				t.Fatal("the array is not read directly")
			}
			for range 300 {
				s := randomSlab(rng, shape)
				n, _ := volume(s.Count)
				direct, library := make([]float32, n), make([]float32, n)
				if err := d.ReadFloat32(direct, &s); err != nil {
					t.Fatal(err)
				}
				if err := transfer(d, float32s, library, &s, "read", d.read); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(direct, library) {
					t.Fatalf("%+v: %v directly, %v by the library", s, direct, library)
				}
			}
		})
	}
}

func randomSlab(rng *rand.Rand, shape []int) Slab {
	var s Slab
	for _, n := range shape {
		start, stride := rng.IntN(n), 1+rng.IntN(3)
		s.Start = append(s.Start, start)
		s.Stride = append(s.Stride, stride)
		s.Count = append(s.Count, 1+rng.IntN(1+(n-1-start)/stride))
	}
	if rng.IntN(2) == 0 { // often whole trailing axes, as windows have
		for axis := 1 + rng.IntN(3); axis < len(shape); axis++ {
			s.Start[axis], s.Stride[axis], s.Count[axis] = 0, 1, shape[axis]
		}
	}
	return s
}

// written makes a file with one array of random values and opens it.
func written(t *testing.T, shape []int, storage Storage, rng *rand.Rand) *Dataset {
	t.Helper()
	path := filepath.Join(t.TempDir(), "direct.hdf5")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.CreateFloat32("values", shape, storage)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := volume(shape)
	values := make([]float32, n)
	for i := range values {
		values[i] = rng.Float32()
	}
	if err := d.WriteFloat32(values, nil); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if d, err = f.Dataset("values"); err != nil {
		t.Fatal(err)
	}
	return d
}

// Chunks that were never written have no bytes; the library gives what they stand for.
func TestChunksThatWereNeverWrittenAreZero(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sparse.hdf5")
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := f.CreateFloat32("values", []int{4, 3}, Storage{Chunk: []int{1, 3}, Gzip: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteFloat32([]float32{1, 2, 3}, &Slab{Start: []int{2, 0}, Count: []int{1, 3}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if f, err = Open(path); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d, err = f.Dataset("values"); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 12)
	for i := range got {
		got[i] = 7
	}
	if err := d.ReadFloat32(got, nil); err != nil {
		t.Fatal(err)
	}
	if want := []float32{0, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0, 0}; !slices.Equal(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}
