package well

// Labels are names that tell data sets apart in a table: those in the files, or where several sets share one the folders', or
// where these are the same too the paths.
func Labels(sets []*Dataset) []string {
	labels := make([]string, len(sets))
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
	}
	return labels
}
