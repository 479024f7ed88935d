package weights

import (
	"embed"
	"io/fs"
	"slices"
)

//go:embed nano
var files embed.FS

// Names lists the models. A model's files lie in a folder of its name, as a saved run's do.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // only if the build were broken
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Has says whether there is a model of this name.
func Has(name string) bool { return slices.Contains(Names(), name) }

// Open opens a file, as nano/config.yaml. Its content can be read at any place (io.ReaderAt).
func Open(path string) (fs.File, error) { return files.Open(path) }
