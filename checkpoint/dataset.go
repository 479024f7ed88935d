package checkpoint

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/goccy/go-yaml"
)

// dataSets is where a configuration lists the data sets of the training, by the names of their folders.
const dataSets = "data.module_parameters.well_dataset_info"

// DataSetInfo is what a model's training did with one data set, and so what predicting it has to do again.
type DataSetInfo struct {
	Name              string            // of its folder
	Path              string            // where it lay; empty where the configuration does not say
	Transforms        map[string]string // of fields, as "torch.log10"
	NormalizationPath string            // of its statistics, relative to the data set's folder or absolute; empty for stats.yaml beside the data
	Include, Exclude  []string          // parts of the paths of files that were kept and dropped; nil keeps all

	InputSteps, OutputSteps int // frames that the network saw, and frames to predict
	MinStride, MaxStride    int // frames between two steps
	BatchSize               int // samples in a micro-batch

	// Grid is what the data was interpolated to before anything else was done with it; nil for its own grid.
	Grid []int
	// NetworkPoints has the extents that the network computes on another number of points, as 66: 64; the fields are
	// interpolated on their way in and out. nil for what the released model does with a data set of this name.
	NetworkPoints map[int]int
	// Pad is how data whose grid no stride fits are continued: "auto", or empty for not at all.
	Pad string
	// Tokens are the numbers of tokens that its batches were drawn with, if they are its own; nil for those of all data sets.
	Tokens []int
}

// DataSet is what the training did with a data set; found is false if it was not among those that the configuration lists,
// and info then has what holds for all of them.
func (c Config) DataSet(name string) (info DataSetInfo, found bool) {
	for _, info := range c.DataSets {
		if info.Name == name {
			return info, true
		}
	}
	return c.Training.dataSet(name), false
}

// dataSet is a data set with no settings of its own.
func (t Training) dataSet(name string) DataSetInfo {
	return DataSetInfo{
		Name: name, InputSteps: t.InputSteps, OutputSteps: t.OutputSteps, MinStride: t.MinStride, MaxStride: t.MaxStride, BatchSize: t.BatchSize,
	}
}

// dataSetSetting ties a key of a data set to a field of DataSetInfo.
type dataSetSetting struct {
	key    string
	target any
}

// released lists the keys below a data set in well_dataset_info.
func (info *DataSetInfo) released() []dataSetSetting {
	return []dataSetSetting{
		{"path", &info.Path},
		{"include_filters", &info.Include},
		{"exclude_filters", &info.Exclude},
		{"field_transforms", &info.Transforms},
		{"normalization_path", &info.NormalizationPath},
	}
}

// ours lists the keys below a data set in our own section.
func (info *DataSetInfo) ours() []dataSetSetting {
	return []dataSetSetting{
		{"n_steps_input", &info.InputSteps},
		{"n_steps_output", &info.OutputSteps},
		{"min_dt_stride", &info.MinStride},
		{"max_dt_stride", &info.MaxStride},
		{"batch_size", &info.BatchSize},
		{"grid", &info.Grid},
		{"network_points", &info.NetworkPoints},
		{"tokens", &info.Tokens},
		{"pad", &info.Pad},
	}
}

// padAuto is the one value of a data set's pad.
const padAuto = "auto"

// The factors of a data set by which its history and batch are smaller than those of the others.
const (
	historyFactor = "step_downsample_factor"
	batchFactor   = "batch_downsample_factor"
)

// readDataSets reads the data sets of a document in their order.
func readDataSets(doc document, t Training) ([]DataSetInfo, error) {
	value, _ := lookUp(doc, dataSets)
	sets, isMapping := value.(document)
	if value != nil && !isMapping {
		return nil, fmt.Errorf("%s: found %s; expected the settings of each data set", dataSets, printable(fmt.Sprint(value)))
	}
	var list []DataSetInfo
	for _, item := range sets {
		name, isText := item.Key.(string)
		if !isText {
			return nil, fmt.Errorf("%s: found %s; expected the name of a data set", dataSets, printable(fmt.Sprint(item.Key)))
		}
		info := t.dataSet(name)
		if err := info.read(item.Value, dataSets+"."+name, info.released()); err != nil {
			return nil, err
		}
		settings, _ := item.Value.(document)
		for _, factor := range []struct {
			key    string
			target *int
		}{{historyFactor, &info.InputSteps}, {batchFactor, &info.BatchSize}} {
			if value, exists := lookUp(settings, factor.key); exists && value != nil {
				var share float64
				if err := assign(&share, value); err != nil || !(share > 0 && share <= 1) {
					return nil, fmt.Errorf("%s.%s.%s: found %v; expected a number above 0 and at most 1", dataSets, name, factor.key, value)
				}
				*factor.target = max(1, int(float64(*factor.target)*share))
			}
		}
		own, _ := lookUp(doc, ownSection+".data_sets")
		ownSets, _ := own.(document)
		for _, o := range ownSets {
			if o.Key == item.Key {
				if err := info.read(o.Value, ownSection+".data_sets."+name, info.ours()); err != nil {
					return nil, err
				}
			}
		}
		if err := info.check(); err != nil {
			return nil, fmt.Errorf("data set %s: %w", printable(name), err)
		}
		list = append(list, info)
	}
	return list, nil
}

// read fills the settings from a mapping; null leaves them as they are.
func (info *DataSetInfo) read(value any, where string, settings []dataSetSetting) error {
	mapping, isMapping := value.(document)
	if value != nil && !isMapping {
		return fmt.Errorf("%s: found %s; expected settings", where, printable(fmt.Sprint(value)))
	}
	for _, s := range settings {
		if value, exists := lookUp(mapping, s.key); exists && value != nil {
			if err := assign(s.target, value); err != nil {
				return fmt.Errorf("%s.%s: %w", where, s.key, err)
			}
		}
	}
	return nil
}

// check reports numbers that can not be.
func (info DataSetInfo) check() error {
	for _, limit := range []struct {
		name       string
		value, low int
	}{
		{"n_steps_input", info.InputSteps, 1}, {"n_steps_output", info.OutputSteps, 1},
		{"min_dt_stride", info.MinStride, 1}, {"max_dt_stride", info.MaxStride, info.MinStride}, {"batch_size", info.BatchSize, 1},
	} {
		if err := within(limit.name, limit.value, limit.low, maxCount); err != nil {
			return err
		}
	}
	if err := withinEach("grid", info.Grid); err != nil {
		return err
	}
	if info.Pad != "" && info.Pad != padAuto {
		return fmt.Errorf("pad: found %s; expected %s", printable(info.Pad), padAuto)
	}
	if err := withinEach("tokens", info.Tokens); err != nil {
		return err
	}
	for _, from := range slices.Sorted(maps.Keys(info.NetworkPoints)) {
		if err := within(fmt.Sprintf("network_points.%d", from), info.NetworkPoints[from], 2, maxCount); err != nil {
			return err
		}
	}
	return nil
}

// writeDataSets puts the data sets into a document; those that it describes so already stay as they are.
func writeDataSets(doc document, sets []DataSetInfo, t Training) (document, error) {
	read, err := readDataSets(doc, t)
	if err != nil {
		return nil, err
	}
	if reflect.DeepEqual(read, sets) {
		return doc, nil
	}
	list, own := document{}, document{}
	for _, info := range sets {
		plain := t.dataSet(info.Name)
		list = append(list, yaml.MapItem{Key: info.Name, Value: changed(info.released(), plain.released())})
		if settings := changed(info.ours(), plain.ours()); len(settings) > 0 {
			own = append(own, yaml.MapItem{Key: info.Name, Value: settings})
		}
	}
	doc = replaced(doc, dataSets, list)
	if _, exists := lookUp(doc, ownSection+".data_sets"); exists || len(own) > 0 {
		doc = replaced(doc, ownSection+".data_sets", own)
	}
	return doc, nil
}

// changed lists the settings that differ from others.
func changed(settings, others []dataSetSetting) document {
	out := document{}
	for i, s := range settings {
		if value := plain(s.target); !reflect.DeepEqual(value, plain(others[i].target)) {
			out = append(out, yaml.MapItem{Key: s.key, Value: value})
		}
	}
	return out
}
