package train

import (
	"slices"
	"testing"

	"github.com/gowalrus/walrus/checkpoint"
)

func TestDataSetsAreNotedOnceAndToldApart(t *testing.T) {
	var saved checkpoint.Config
	for _, set := range []SetConfig{
		{Path: "data/waves"}, {Path: "more/waves"}, {Path: "data/waves"}, {Path: "data/waves", Stride: 2}, {Path: "more/waves"},
		{Path: "data/waves", Stride: 3}, {Path: "data/waves", Stride: 2}, {Path: "tides"}, {Path: "tides", Stride: 2},
	} {
		saved.DataSets = noted(saved, DataConfig{MinStride: 1, MaxStride: 1}.info(set))
	}
	var names []string
	for _, info := range saved.DataSets {
		names = append(names, info.Name)
	}
	if want := []string{"waves", "more/waves", "data/waves", "data/waves (2)", "tides", "tides (1)"}; !slices.Equal(names, want) {
		t.Errorf("noted %q; expected %q", names, want)
	}
}
