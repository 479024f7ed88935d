package checkpoint

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"
)

// Baseline describes a network other than Walrus. The released configuration has no place for it, so that it stands in the section
// "walrus_go.baseline", and the section "model", which is Walrus's, is absent.
type Baseline struct {
	Kind                string   // architecture: fno, unet, cnextunet
	Dimensions          int      // spatial axes of the data: 2 or 3
	History             int      // frames that it sees
	Width, Depth, Modes int      // sizes (package baseline)
	Variable, Constant  []string // fields of its channels
	Partial             bool     // some data of the training lacked fields
}

// What trainer.prediction_type may be.
const (
	PredictsChange = "delta" // the normalised change to the next frame
	PredictsFrame  = "full"  // the normalised next frame
)

const (
	modelSection    = "model"
	baselineSection = ownSection + ".baseline"
)

// AsBaseline is the configuration with a baseline in place of Walrus.
func (c Config) AsBaseline(b Baseline) Config {
	c = c.withoutModel()
	c.Baseline = &b
	return c
}

// withoutModel is a configuration that describes no Walrus, and a baseline without numbers yet.
func (c Config) withoutModel() Config {
	c.Hidden, c.Inner, c.Heads, c.Blocks, c.Dimensions, c.Tokens = 0, 0, 0, 0, nil, 0
	c.CausalInTime, c.JitterPatches, c.DropPath, c.FieldDrop, c.GradientCheckpointing = false, false, 0, 0, 0
	c.Baseline = &Baseline{}
	return c
}

// into is a document with the baseline's section in place of the model's, as it would be read back.
func (b *Baseline) into(doc document) (document, error) {
	doc = slices.DeleteFunc(slices.Clone(doc), func(item yaml.MapItem) bool { return item.Key == modelSection })
	for _, s := range b.settings() {
		doc = replaced(doc, s.path, plain(s.target))
	}
	text, err := encodeDocument(doc)
	if err != nil {
		return nil, err
	}
	return parseDocument(text)
}

// settings are the places of a baseline's numbers in the file.
func (b *Baseline) settings() []setting {
	return []setting{
		{baselineSection + ".kind", &b.Kind, true},
		{baselineSection + ".dimensions", &b.Dimensions, true},
		{baselineSection + ".history", &b.History, true},
		{baselineSection + ".width", &b.Width, true},
		{baselineSection + ".depth", &b.Depth, false},
		{baselineSection + ".modes", &b.Modes, false},
		{baselineSection + ".variable", &b.Variable, true},
		{baselineSection + ".constant", &b.Constant, false},
		{baselineSection + ".partial", &b.Partial, false},
	}
}

// check reports what no baseline can have; sizes are checked by who makes the network.
func (b *Baseline) check(fields map[string]int) error {
	if err := within(baselineSection+".history", b.History, 1, maxHidden); err != nil {
		return err
	}
	if len(b.Variable) == 0 {
		return fmt.Errorf("%s.variable is empty; expected at least one field", baselineSection)
	}
	for _, list := range [][]string{b.Variable, b.Constant} {
		for i, name := range list {
			if _, found := fields[name]; !found || slices.Contains(list[:i], name) {
				return fmt.Errorf("%s: field %s is twice in the list or not in data.field_index_map_override", baselineSection, printable(name))
			}
		}
	}
	return nil
}
