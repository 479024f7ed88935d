package surrogate

import (
	"path/filepath"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// What a configuration says of the normalisation must reach the batches: the file of the statistics, and the least scale.
func TestSettingNormalisesAsItsConfigurationSays(t *testing.T) {
	d, err := well.OpenDataset(filepath.Join(released.Folder(t), "data", "layout_xy"), "train", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	window, err := d.Read(t.Context(), well.WindowSpec{Stride: 1, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	batch := func(s Setting) *sample.Batch {
		t.Helper()
		s.Vocabulary = sample.ReleasedVocabulary()
		layout, err := s.Layout(d)
		if err != nil {
			t.Fatal(err)
		}
		b, err := layout.Prepare(sample.WellWindow(window, 2))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for path, want := range map[string]float32{"": 2, "logged_stats.yaml": 20} { // the RMS of the density, the first channel
		b := batch(Setting{Normalization: sample.DataSetWide, Statistics: path, Transforms: map[string]sample.Transform{"warmth": sample.Log10}})
		if got := b.Scales[0].Value; got != want {
			t.Errorf("statistics %q: scale %v, want %v", path, got, want)
		}
	}
	b := batch(Setting{Normalization: sample.SamplewiseMeanStd, Epsilon: 1e-8})
	if m := b.Measurement; b.Scales != nil || !m.Centred || m.Epsilon != 1e-8 {
		t.Errorf("scales %v, measured as %+v; want each window's own, centred, at least 1e-8", b.Scales, m)
	}
	if _, err := (Setting{Normalization: sample.DataSetWide, Statistics: "absent.yaml"}).Layout(d); err == nil {
		t.Error("statistics that are not there were accepted")
	}
}
