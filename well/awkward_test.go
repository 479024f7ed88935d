package well

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/hdf5"
)

func TestFieldsTooSmallForTheNetworkAreSaidOnce(t *testing.T) {
	for _, c := range []struct {
		size float32
		said bool
	}{{1e-24, true}, {1, false}, {1e24, false}, {0, false}} {
		folder := t.TempDir()
		path := filepath.Join(folder, "a.hdf5")
		h := allKinds(1)
		for i := range h.Fields {
			h.Fields[i].Positive = false
		}
		w, err := Create(path, h)
		if err != nil {
			t.Fatal(err)
		}
		w.AllowRepeats()
		writeAll(t, w, h, func(f FieldInfo, trajectory, frame int) []float32 {
			values := make([]float32, f.frameSize(h.sizes()))
			for i := range values {
				values[i] = c.size * float32(1+i+frame)
			}
			return values
		})
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		d, err := OpenDataset(path, "", Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		d.WarnOfSmallFields()
		said := strings.Count(log.String(), "below the smallest scale")
		d.WarnOfSmallFields()
		if again := strings.Count(log.String(), "below the smallest scale"); again != said || c.said != (said == len(d.Variable())) || !c.said && said > 0 {
			t.Errorf("values of about %v: said %d times, then %d, of %d fields: %s", c.size, said, again, len(d.Variable()), &log)
		}
	}
}

func TestUnevenStepsAreWarnings(t *testing.T) {
	h := allKinds(1)
	if found := UnevenSteps(h); len(found) > 0 {
		t.Errorf("an even header: %v", found)
	}
	h.Time = []float32{0, 1, 2.5}
	for i := range h.Axes {
		h.Axes[i].Coordinates = slices.Clone(h.Axes[i].Coordinates)
	}
	h.Axes[0].Coordinates[len(h.Axes[0].Coordinates)-1] += 1e6
	if found := UnevenSteps(h); len(found) != 2 || !strings.Contains(found[0], "time steps vary from 1 to 1.5") || !strings.Contains(found[1], "spacing along "+h.Axes[0].Name) {
		t.Errorf("found %q; want time and the first axis", found)
	}
	// Rounding to float32 makes no steps uneven.
	for i := range h.Time {
		h.Time[i] = 1e6 + 0.1*float32(i)
	}
	if found := UnevenSteps(Header{Time: h.Time}); len(found) > 0 {
		t.Errorf("steps that are even but for rounding: %v", found)
	}
}

// TestAttributesThatChangeValuesAreRefused writes such attributes into a file that follows the format otherwise.
func TestAttributesThatChangeValuesAreRefused(t *testing.T) {
	source, err := hdf5.Create(filepath.Join(t.TempDir(), "s.h5"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	d, err := source.CreateFloat32("u", []int{2}, hdf5.Storage{})
	if err != nil {
		t.Fatal(err)
	}
	if err := refusePacked(source, "u", d); err != nil {
		t.Errorf("without attributes: %v", err)
	}
	if err := source.WriteNumbers("u", "_FillValue", []float64{7}); err != nil {
		t.Fatal(err)
	}
	if err := refusePacked(source, "u", d); err != nil {
		t.Errorf("a marker: %v", err)
	}
	if err := source.WriteNumbers("u", "scale_factor", []float64{0.5}); err != nil {
		t.Fatal(err)
	}
	if err := refusePacked(source, "u", d); err == nil || !strings.Contains(err.Error(), "scale_factor") {
		t.Errorf("a scale: error %v", err)
	}
}
