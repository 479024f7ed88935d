package well

import "fmt"

// Labels are names that tell data sets apart in a table: those in the files, or where several sets share one the folders', or
// where these are the same too the paths. The same set given twice is numbered.
func Labels(sets []*Dataset) []string {
	labels := make([]string, len(sets))
	given := map[string]int{}
	for i, d := range sets {
		for _, of := range []func(*Dataset) string{(*Dataset).Name, (*Dataset).Folder, func(d *Dataset) string { return d.files[0].Path }} {
			labels[i] = of(d)
			shared := 0
			for _, other := range sets {
				if of(other) == labels[i] {
					shared++
				}
			}
			if shared == 1 {
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
