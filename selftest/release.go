package selftest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// releaseFiles are the files of numbers that the released code computed for what surrounds the network, and what compares
// this program with each. A folder has any of them; a file whose comparisons need no engine leaves it alone.
var releaseFiles = []struct {
	name string
	run  func(r *runner, ctx context.Context, name string) ([]Result, error)
}{
	{"jitter.json", (*runner).jitter},
	{"metrics.json", (*runner).metrics},
	{"reductions.json", (*runner).reductions},
}

// releaseTolerance is how far relative to the value a float32 number of the released code may be from ours.
const releaseTolerance = 2e-5

// fileNames lists the files that a folder may have, for messages.
func fileNames() string {
	var names []string
	for _, f := range releaseFiles {
		names = append(names, f.name)
	}
	return strings.Join(names, ", ")
}

// goldenWeights are the places of the weights that belong to a folder of released numbers, beside their configuration.
var goldenWeights = []string{"../golden/walrus_tiny.pt", "../golden/weights.safetensors", "walrus_tiny.pt", "weights.safetensors"}

// released opens the weights that the numbers were computed with, and what their configuration and they say together.
func (r *runner) released() (*checkpoint.Checkpoint, model.Config, error) {
	path := r.options.Weights
	if path == "" {
		at := slices.IndexFunc(goldenWeights, func(name string) bool { return exists(filepath.Join(r.folder.path, name)) })
		if at < 0 {
			return nil, model.Config{}, fmt.Errorf("selftest: %s: no weights at %s; name them with --weights", r.folder.path, strings.Join(goldenWeights, ", "))
		}
		path = filepath.Join(r.folder.path, goldenWeights[at])
	}
	c, err := checkpoint.ReadConfigOf(path, "")
	if err != nil {
		return nil, model.Config{}, err
	}
	weights, err := checkpoint.Open(path)
	if err != nil {
		return nil, model.Config{}, err
	}
	config, err := network.Architecture(c, weights)
	if err != nil {
		weights.Close()
	}
	return weights, config, err
}

// entries reads a file whose top level is an object.
func (f *folder) entries(name string) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	return all, f.json(name, &all)
}

// whole decodes a file, all of whose keys must be known.
func (f *folder) whole(name string, into any) error {
	var text json.RawMessage
	if err := f.json(name, &text); err != nil {
		return err
	}
	return f.strict(name, "all", text, into)
}

// strict decodes an entry, all of whose keys must be known: a number that nothing is compared with would be one that no one
// checks.
func (f *folder) strict(name, key string, text json.RawMessage, into any) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("selftest: %s: %s: %w", filepath.Join(f.path, name), key, err)
	}
	return nil
}

// exact adds integers or texts that have to be equal: the error is 1 where they differ.
func (g *group) exact(where string, got, want any) {
	different := 0.0
	if fmt.Sprint(got) != fmt.Sprint(want) {
		different, where = 1, fmt.Sprintf("%s: %v, not %v", where, got, want)
	}
	g.add(where, different, 0)
}

// number adds one number with the tolerance of the released ones; both may be NaN or the same infinity.
func (g *group) number(where string, got, want, tolerance float64) {
	if finite := want-want == 0 && got-got == 0; !finite {
		g.exact(where, got, want)
		return
	}
	g.add(fmt.Sprintf("%s: %.9g, not %.9g", where, got, want), math.Abs(got-want), tolerance*math.Abs(want))
}
