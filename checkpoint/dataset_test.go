package checkpoint

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConfigurationTellsWhatWasDoneWithEachDataSet(t *testing.T) {
	released := string(releasedText)
	with := func(info string) string {
		return strings.Replace(released, "well_dataset_info: {}", "well_dataset_info:\n"+info, 1)
	}
	c, err := ParseConfig([]byte(with(`      active_matter:
        include_filters: []
      supernova_explosion_128:
        path: /data/supernova
        include_filters: ["1", "2"]
        normalization_path: logged_stats.yaml
        step_downsample_factor: 0.5
        batch_downsample_factor: 0.5
        field_transforms:
          density: torch.log10
          temperature: torch.log10
`)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]DataSetInfo{
		"active_matter": {InputSteps: 6, BatchSize: 2},
		"supernova_explosion_128": {
			InputSteps: 3, BatchSize: 1, Transforms: map[string]string{"density": "torch.log10", "temperature": "torch.log10"},
			NormalizationPath: "logged_stats.yaml", Path: "/data/supernova", Include: []string{"1", "2"},
		},
	} {
		want.Name, want.OutputSteps, want.MinStride, want.MaxStride = name, 1, 1, 5
		if got, found := c.DataSet(name); !found || !cmp.Equal(got, want) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
	}
	if got, found := c.DataSet("shear_flow"); found || got.InputSteps != 6 || got.MinStride != 1 {
		t.Errorf("a data set that is not listed: %+v, %v", got, found)
	}
	for bad, place := range map[string]string{
		"field_transforms: [a]": "s.field_transforms", "field_transforms: {a: 3}": "s.field_transforms",
		"step_downsample_factor: -1": "s.step_downsample_factor", "step_downsample_factor: .nan": "s.step_downsample_factor",
		"step_downsample_factor: x": "s.step_downsample_factor", "batch_downsample_factor: 2": "s.batch_downsample_factor",
		"include_filters: 3": "s.include_filters", "normalization_path: [a]": "s.normalization_path",
	} {
		if _, err := ParseConfig([]byte(with("      s: {" + bad + "}\n"))); err == nil || !strings.Contains(err.Error(), "well_dataset_info."+place) {
			t.Errorf("%s: error %v, want one that names its place", bad, err)
		}
	}
}

func TestDataSetsRoundTrip(t *testing.T) {
	c := releasedForTest(t)
	c.Tokens = 8
	c.DataSets = []DataSetInfo{
		{Name: "plain", InputSteps: 6, OutputSteps: 1, MinStride: 1, MaxStride: 5, BatchSize: 2},
		{
			Name: "null", Path: "data/a b", InputSteps: 3, OutputSteps: 2, MinStride: 2, MaxStride: 2, BatchSize: 4,
			Transforms: map[string]string{"no": "log10", "y": "zeros_like"}, NormalizationPath: "../stats.yaml", Exclude: []string{"12", "gamma_1.4"},
			Grid: []int{64, 32}, NetworkPoints: map[int]int{66: 64},
		},
		{Name: "as it is", InputSteps: 6, OutputSteps: 1, MinStride: 1, MaxStride: 5, BatchSize: 2, NetworkPoints: map[int]int{}},
	}
	checkRoundTrip(t, c)
	fewer := c
	fewer.DataSets = fewer.DataSets[:1]
	checkRoundTrip(t, fewer)
}
