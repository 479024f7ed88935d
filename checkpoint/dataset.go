package checkpoint

import (
	"fmt"
	"math"

	"github.com/goccy/go-yaml"
)

// dataSets is where a configuration lists the data sets of the training, by the names of their folders.
const dataSets = "data.module_parameters.well_dataset_info"

// DataSetInfo is what a model's training did with one data set.
type DataSetInfo struct {
	Transforms map[string]string // of fields, as "torch.log10"
	InputSteps int               // frames that the network saw
}

// DataSet is what the training did with a data set; found is false if it was not among those that the configuration lists.
func (c Config) DataSet(name string) (info DataSetInfo, found bool, err error) {
	info.InputSteps = c.Training.InputSteps
	value, _ := lookUp(c.document, dataSets)
	sets, _ := value.(document)
	for _, item := range sets {
		if item.Key != name {
			continue
		}
		if err := info.read(item.Value); err != nil {
			return info, true, fmt.Errorf("checkpoint: configuration: %s.%s.%w", dataSets, name, err)
		}
		return info, true, nil
	}
	return info, false, nil
}

// read fills info from a data set's settings.
func (info *DataSetInfo) read(settings any) error {
	mapping, ok := settings.(document)
	if !ok {
		return nil // a data set without settings
	}
	if value, exists := lookUp(mapping, "step_downsample_factor"); exists {
		var factor float64
		if err := assign(&factor, value); err != nil || !(factor > 0 && factor <= 1) {
			return fmt.Errorf("step_downsample_factor: found %v; expected a number above 0 and at most 1", value)
		}
		info.InputSteps = max(1, int(math.Floor(float64(info.InputSteps)*factor)))
	}
	value, exists := lookUp(mapping, "field_transforms")
	if !exists || value == nil {
		return nil
	}
	transforms, ok := value.(document)
	if !ok {
		return fmt.Errorf("field_transforms: found %v; expected a transform for each field", value)
	}
	info.Transforms = map[string]string{}
	for _, t := range transforms {
		if err := info.addTransform(t); err != nil {
			return err
		}
	}
	return nil
}

func (info *DataSetInfo) addTransform(t yaml.MapItem) error {
	field, isField := t.Key.(string)
	name, isName := t.Value.(string)
	if !isField || !isName {
		return fmt.Errorf("field_transforms: found %v: %v; expected a field and the name of a transform", t.Key, t.Value)
	}
	info.Transforms[field] = name
	return nil
}
