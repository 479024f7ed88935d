package main

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/released"
	"github.com/gowalrus/walrus/sample"
	"github.com/gowalrus/walrus/well"
)

// runStats runs walrus data stats on a data set of the released numbers.
func runStats(t *testing.T, set string, arguments ...string) error {
	t.Helper()
	root := rootCommand()
	root.SetArgs(append([]string{"data", "stats", filepath.Join(released.Folder(t), "data", set)}, arguments...))
	root.SetOut(new(bytes.Buffer))
	root.SetErr(new(bytes.Buffer))
	return root.ExecuteContext(t.Context())
}

func TestStatsOfTransformedFieldsServeAModelThatSeesThem(t *testing.T) {
	out := filepath.Join(t.TempDir(), "logged_stats_stride_2.yaml")
	if err := runStats(t, "layout_xy", "--transform", "density=log10", "--stride", "2", "--out", out); err != nil {
		t.Fatal(err)
	}
	d, err := well.OpenDataset(filepath.Join(released.Folder(t), "data", "layout_xy"), "train", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	fields, err := sample.WellFieldsScaled(d, sample.DataSetWide, out)
	if err != nil {
		t.Fatal(err)
	}
	// density is 1 + n/8 with n from 0 to 23: 6 points in each of 4 frames.
	var values, changes float64
	for n := range 24 {
		v := math.Log10(1 + float64(n)/8)
		values += v * v / 24
		if n >= 12 {
			change := v - math.Log10(1+float64(n-12)/8)
			changes += change * change / 12
		}
	}
	s := fields.Scales["density"]
	for got, want := range map[float32]float64{s.Value: math.Sqrt(values), s.Delta: math.Sqrt(changes)} {
		if math.Abs(float64(got)-want) > 1e-4*want { // the file has five digits
			t.Errorf("scale %v, want %v", got, want)
		}
	}
	log := map[string]sample.Transform{"density": sample.Log10}
	if note := fields.StatisticsNote(2, 2, log); note != "" {
		t.Error(note)
	}
	if note := fields.StatisticsNote(1, 1, log); !strings.Contains(note, out) {
		t.Errorf("a run of stride 1 with statistics of stride 2: %q, want a note that names the file", note)
	}
}

func TestStatsThatCanNotBeMadeWriteNothing(t *testing.T) {
	out := filepath.Join(t.TempDir(), "stats.yaml")
	for want, arguments := range map[string][]string{
		"a_long.hdf5: t0_fields/mask: ": {"--split", "valid", "--transform", "mask=log10"},
		"no field warmth":               {"--split", "valid", "--transform", "warmth=log10"},
		"44 apart":                      {"--split", "valid", "--stride", "44"},
	} {
		if err := runStats(t, "evalset_unequal_mask", append(arguments, "--out", out)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one that says %q", arguments, err, want)
		}
	}
	for _, arguments := range [][]string{{"--stride", "0"}, {"--transform", "mask"}, {"--transform", "mask=cube"}, {"--transform", "mask=zeros_like"}} {
		if err := runStats(t, "evalset_unequal_mask", append(arguments, "--out", out)...); !errors.As(err, new(usageError)) {
			t.Errorf("%v: error %v, want a usage error", arguments, err)
		}
	}
	if err := runStats(t, "layout_xy", "--stride", "2"); !errors.As(err, new(usageError)) {
		t.Errorf("error %v; statistics of another stride must not take the place of stats.yaml", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s was written (%v)", out, err)
	}
}
