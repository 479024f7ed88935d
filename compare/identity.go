package compare

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gowalrus/walrus/baseline"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/well"
)

// WeightsIdentity is a hash of the values of the weights at a path and of their configuration (config, or the one beside them), or the name of a model
// without weights.
func WeightsIdentity(path, config string) (string, error) {
	if _, untrained := baseline.FindUntrained(path); untrained {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
	}
	weights, err := checkpoint.Open(path)
	if err != nil {
		return "", err
	}
	defer weights.Close() // it was only read
	values, err := checkpoint.Hash(weights.Tensors())
	if err != nil {
		return "", err
	}
	c, err := checkpoint.ReadConfigOf(path, config)
	if err != nil {
		return "", err
	}
	text, err := c.YAML()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append([]byte(values), text...))
	return hex.EncodeToString(sum[:]), nil
}

// content is what of a data file stands for it: up to 64 MiB all, of larger ones pieces, with the size and the time of the last change.
var content = well.Sampling{Whole: 64 << 20, Pieces: 64, Length: 64 << 10}

// dataIdentity is a hash of the files of a data set: names and contents.
func dataIdentity(d *well.Dataset) (string, error) {
	h := sha256.New()
	for _, f := range d.Files() {
		info, err := os.Stat(f.Path)
		if err != nil {
			return "", fmt.Errorf("compare: %w", err)
		}
		fmt.Fprintf(h, "%s\x00%d\x00", filepath.Base(f.Path), info.Size())
		if info.Size() > content.Whole {
			fmt.Fprintf(h, "%d\x00", info.ModTime().UnixNano())
		}
		if _, err := well.Fingerprint(h, f.Path, content); err != nil {
			return "", fmt.Errorf("compare: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// identity is all that the scores of a model on a data set depend on. Its hash names their folder.
type identity struct {
	Version  int      `json:"version"`
	Weights  string   `json:"weights"`
	Data     string   `json:"data"`
	DataSet  string   `json:"data_set"`
	Split    string   `json:"split"`
	First    int      `json:"first"`
	Steps    int      `json:"steps"`
	Windows  int      `json:"windows"`
	Rollouts int      `json:"rollouts"`
	Sample   int      `json:"sample"`
	Metrics  []string `json:"metrics"`
	Epsilon  float64  `json:"epsilon"`
	Earliest int      `json:"earliest"`
	History  int      `json:"history"`
	Stride   int      `json:"stride"`
	Grid     []int    `json:"grid"`
	Members  int      `json:"members"`
	Kind     string   `json:"ensemble_kind"`
	Jitter   bool     `json:"jitter"`
	Seed     uint64   `json:"seed"`
	Settings []string `json:"settings"` // what else a command line says of how models compute
}

// key is the identity's hash.
func (i identity) key() string {
	text, err := json.Marshal(i)
	if err != nil {
		panic(fmt.Sprintf("compare: %v", err)) // numbers and texts always marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// distinct gives entrants names that tell them apart: the last part of their paths, or as much as is needed.
func distinct(paths []string) []string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(strings.TrimSuffix(p, string(filepath.Separator)))
	}
	seen := map[string]int{}
	for _, n := range names {
		seen[n]++
	}
	for i, n := range names {
		if seen[n] > 1 {
			names[i] = paths[i]
		}
	}
	return names
}

// Names reads entrants as a command line has them, PATH or NAME=PATH, and gives each a name of its own.
func Names(arguments []string) (names, paths []string, err error) {
	given := make([]string, len(arguments))
	for i, text := range arguments {
		path := text
		if name, rest, found := strings.Cut(text, "="); found && name != "" && rest != "" && !strings.Contains(name, "/") {
			given[i], path = name, rest
		}
		paths = append(paths, path)
	}
	names = distinct(paths)
	seen := map[string]bool{}
	for i := range names {
		if given[i] != "" {
			names[i] = given[i]
		}
		if seen[names[i]] {
			return nil, nil, fmt.Errorf("compare: two models are called %s; name them, as a=%s", names[i], paths[i])
		}
		seen[names[i]] = true
	}
	return names, paths, nil
}
