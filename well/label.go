package well

import (
	"fmt"
	"slices"
)

// Labels are names that tell data sets apart in a table: those in the files, or where several sets share one the folders', or
// where these are the same too the paths. The same set given twice is numbered.
func Labels(sets []*Dataset) []string {
	labels := make([]string, len(sets))
	given := map[string]int{}
	for i, d := range sets {
		path := func(d *Dataset) string { return d.files[0].Path }
		for _, of := range []func(*Dataset) string{(*Dataset).Name, (*Dataset).Folder, path} {
			labels[i] = of(d)
			if !slices.ContainsFunc(sets, func(other *Dataset) bool { return of(other) == labels[i] && path(other) != path(d) }) {
				break
			}
		}
		given[labels[i]]++
		if n := given[labels[i]]; n > 1 {
			labels[i] = fmt.Sprintf("%s (%d)", labels[i], n)
		}
	}
	return labels
}
