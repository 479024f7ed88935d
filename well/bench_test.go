package well

import (
	"context"
	"os"
	"testing"
)

// BenchmarkReadWindow reads windows of six frames, with all fields, from the file named by WALRUS_BENCH_FILE (see README).
func BenchmarkReadWindow(b *testing.B) {
	path := os.Getenv("WALRUS_BENCH_FILE")
	if path == "" {
		b.Skip("set WALRUS_BENCH_FILE to a large file")
	}
	f, err := Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	const steps = 6
	starts := f.Steps() - steps
	i := 0
	for b.Loop() {
		w, err := f.ReadWindow(context.Background(), i%f.Trajectories(), 7*i%starts, 1, steps)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(4 * len(w.Frames.Data)))
		i++
	}
}
