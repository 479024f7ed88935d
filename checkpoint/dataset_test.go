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
        step_downsample_factor: 0.5
        field_transforms:
          density: torch.log10
          temperature: torch.log10
`)))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]DataSetInfo{
		"active_matter":           {InputSteps: 6},
		"supernova_explosion_128": {InputSteps: 3, Transforms: map[string]string{"density": "torch.log10", "temperature": "torch.log10"}},
	} {
		if got, found, err := c.DataSet(name); err != nil || !found || !cmp.Equal(got, want) {
			t.Errorf("%s: %+v, %v, %v; want %+v", name, got, found, err, want)
		}
	}
	if got, found, err := c.DataSet("shear_flow"); err != nil || found || got.InputSteps != 6 {
		t.Errorf("a data set that is not listed: %+v, %v, %v", got, found, err)
	}
	for _, bad := range []string{"field_transforms: [a]", "field_transforms: {a: 3}", "step_downsample_factor: -1", "step_downsample_factor: .nan", "step_downsample_factor: x"} {
		c, err := ParseConfig([]byte(with("      s: {" + bad + "}\n")))
		if err != nil {
			continue // refused even earlier
		}
		if _, _, err := c.DataSet("s"); err == nil || !strings.Contains(err.Error(), "well_dataset_info.s") {
			t.Errorf("%s: error %v, want one that names its place", bad, err)
		}
	}
}
