package tfevents

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A run that dies and goes on from an older step leaves each step once, also where its last record is cut short.
func TestARestartTakesStepsBack(t *testing.T) {
	folder := t.TempDir()
	begin := func(at int64) *Writer {
		w, err := create(folder, func() time.Time { return time.Unix(at, 0) })
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	first := begin(1_800_000_000)
	for step := range 5 {
		if err := first.Scalars(step, Scalar{"loss", float64(step)}); err != nil {
			t.Fatal(err)
		}
	}
	path := first.file.Name()
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()-3); err != nil {
		t.Fatal(err)
	}
	second := begin(1_800_000_001)
	for _, err := range []error{second.Restart(2), second.Scalars(2, Scalar{"loss", 20}), second.Scalars(3, Scalar{"loss", 30}), second.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	events, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{0, 1, 20, 30}
	if len(events) != len(want) {
		t.Fatalf("%v; expected values %v", events, want)
	}
	for i, e := range events {
		if e.Step != i || e.Value != want[i] {
			t.Errorf("event %d is %+v; expected step %d, value %g", i, e, i, want[i])
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "events.out.tfevents.1"), make([]byte, 40), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(folder); err == nil {
		t.Error("a file of zeros was read")
	}
}
