package compare

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
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

// wholeFile is up to which size the content of a data file is hashed whole, in bytes; of larger ones samples evenly spread, the size and the time of
// the last change stand for the content.
const (
	wholeFile  = 64 << 20
	samples    = 64
	sampleSize = 64 << 10
)

// dataIdentity is a hash of the files of a data set: names and contents.
func dataIdentity(d *well.Dataset) (string, error) {
	h := sha256.New()
	for _, f := range d.Files() {
		info, err := os.Stat(f.Path)
		if err != nil {
			return "", fmt.Errorf("compare: %w", err)
		}
		fmt.Fprintf(h, "%s\x00%d\x00", filepath.Base(f.Path), info.Size())
		if info.Size() > wholeFile {
			fmt.Fprintf(h, "%d\x00", info.ModTime().UnixNano())
		}
		if err := hashFile(h, f.Path); err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// hashFile adds a file's content, or samples of it where it is larger than wholeFile.
func hashFile(h hash.Hash, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	if info.Size() <= wholeFile {
		if _, err := io.Copy(h, f); err != nil {
			return fmt.Errorf("compare: %w", err)
		}
		return nil
	}
	buffer := make([]byte, sampleSize)
	for i := range int64(samples) {
		n, err := f.ReadAt(buffer, (info.Size()-sampleSize)*i/(samples-1))
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("compare: %w", err)
		}
		h.Write(buffer[:n])
	}
	return nil
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
