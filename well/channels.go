package well

import (
	"fmt"
	"slices"
	"strings"
)

// ChannelsOf are the channels, among those that vary in time, of fields (all components of each) or single components by their names, in the order given.
// No names give nil.
func (d *Dataset) ChannelsOf(names []string) (channels []int, err error) {
	all := d.VariableChannels()
	for _, name := range names {
		components := []string{name}
		for _, info := range d.Variable() {
			if info.Name == name {
				components = info.Components(d.Axes())
			}
		}
		for _, c := range components {
			i := slices.Index(all, c)
			if i < 0 {
				return nil, fmt.Errorf("well: no field or component %q that varies in time; there are %s", name, strings.Join(all, ", "))
			}
			channels = append(channels, i)
		}
	}
	return channels, nil
}
