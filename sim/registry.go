package sim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/sim/scenario"
	"github.com/gowalrus/walrus/sim/spectral"
	"github.com/gowalrus/walrus/sim/volume"
)

// All lists the scenarios by name.
func All() []scenario.Scenario {
	all := append(volume.Scenarios(), spectral.Scenarios()...)
	slices.SortFunc(all, func(a, b scenario.Scenario) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	return all
}

// Find returns the scenario of a name. The error of an unknown name lists the nearest ones.
func Find(name string) (scenario.Scenario, error) {
	all := All()
	for _, s := range all {
		if s.Name == name {
			return s, nil
		}
	}
	return scenario.Scenario{}, fmt.Errorf("sim: no scenario %q; nearest: %s", name, strings.Join(nearest(name, all), ", "))
}

// nearest lists the three names that take the fewest edits; those that contain what was asked for come first.
func nearest(name string, all []scenario.Scenario) []string {
	wanted := strings.ToLower(name)
	distance := func(s scenario.Scenario) int {
		have := strings.ToLower(s.Name)
		if wanted != "" && strings.Contains(have, wanted) {
			return 0
		}
		return edits(wanted, have)
	}
	slices.SortStableFunc(all, func(a, b scenario.Scenario) int { return distance(a) - distance(b) })
	names := make([]string, 0, 3)
	for _, s := range all[:min(3, len(all))] {
		names = append(names, s.Name)
	}
	return names
}

// edits is the Levenshtein distance between two names.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
