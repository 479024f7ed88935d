package train

import (
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/cpu/kernel"
	"github.com/gowalrus/walrus/internal/yamltext"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/well"
)

// programFacts are what ranks compare before they open anything: the program, what its kernels are, and the configuration key by
// key.
func programFacts(c Config) ([]ranks.Fact, error) {
	program, err := thisProgram()
	if err != nil {
		return nil, fmt.Errorf("train: this program's own file: %w", err)
	}
	facts := []ranks.Fact{
		{Name: "the program", Value: program},
		// Other kernels round in other places, and the ranks' weights would part.
		{Name: "the processor's kernels", Value: kernel.Detect().String()},
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	var tree any
	if err = yamltext.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("train: %w", err)
	}
	return append(facts, leaves("", tree)...), nil
}

// thisProgram is the name and the checksum of the file that runs.
var thisProgram = sync.OnceValues(func() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli)) // against mistakes: a second to start is more than that is worth
	_, err = io.Copy(sum, file)
	return fmt.Sprintf("%s with checksum %08x", filepath.Base(path), sum.Sum32()), err
})

// leaves lists the values of a tree of keys by their paths.
func leaves(path string, node any) (facts []ranks.Fact) {
	under := func(key string) string {
		if path == "" {
			return key
		}
		return path + "." + key
	}
	switch node := node.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			facts = append(facts, leaves(under(key), node[key])...)
		}
	case []any:
		for i, element := range node {
			facts = append(facts, leaves(under(fmt.Sprint(i)), element)...)
		}
	default:
		facts = []ranks.Fact{{Name: path, Value: fmt.Sprint(node)}}
	}
	return facts
}

// dataFacts are what ranks compare before they train: the files of the data, where the run stands and the weights.
func (r *Run) dataFacts() ([]ranks.Fact, error) {
	facts, err := r.filesOf(trainSplit, r.data)
	if err != nil {
		return nil, err
	}
	for _, split := range slices.Sorted(maps.Keys(r.scored)) {
		files, err := r.filesOf(split, r.scored[split])
		if err != nil {
			return nil, err
		}
		facts = append(facts, files...)
	}
	sum, err := r.weightsSum()
	return append(facts, ranks.Fact{Name: "the number of steps done", Value: fmt.Sprint(r.state.Step)}, ranks.Fact{Name: "the sum of the weights", Value: sum}), err
}

// filesOf are the files of one split of the data.
func (r *Run) filesOf(split string, s *sources) (facts []ranks.Fact, err error) {
	for i, d := range s.datasets {
		for _, f := range d.Files() {
			value, err := fileFact(f)
			if err != nil {
				return nil, fmt.Errorf("train: %w", err)
			}
			facts = append(facts, ranks.Fact{Name: fmt.Sprintf("file %s of %s, %s", filepath.Base(f.Path), d.Name(), split), Value: value})
		}
		facts = append(facts, ranks.Fact{Name: fmt.Sprintf("the number of windows of %s, %s", d.Name(), split), Value: fmt.Sprint(s.entries[i].Source.Windows())})
	}
	return facts, nil
}

// glance is what of a data file ranks compare.
var glance = well.Sampling{Pieces: 8, Length: 4096}

// fileFact is a file's size, extent and a checksum of pieces of it.
func fileFact(f well.FileSummary) (string, error) {
	sum := crc32.NewIEEE()
	size, err := well.Fingerprint(sum, f.Path, glance)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d trajectories of %d frames in %d bytes (checksum %08x)", f.Trajectories, f.Steps, size, sum.Sum32()), nil
}

// weightsSum is a checksum of all weights.
func (r *Run) weightsSum() (string, error) {
	table := crc32.MakeTable(crc32.Castagnoli)
	var sum uint32
	for _, w := range r.stepper.Network.Weights() {
		err := r.stepper.Network.Weight(w.Name).Read(func(flat []float32) error {
			var bytes [4 << 10]byte
			for len(flat) > 0 {
				n := min(len(flat), len(bytes)/4)
				for i, x := range flat[:n] {
					bits := math.Float32bits(x)
					bytes[4*i], bytes[4*i+1], bytes[4*i+2], bytes[4*i+3] = byte(bits), byte(bits>>8), byte(bits>>16), byte(bits>>24)
				}
				sum = crc32.Update(sum, table, bytes[:4*n])
				flat = flat[n:]
			}
			return nil
		})
		if err != nil {
			return "", fmt.Errorf("train: weight %s: %w", w.Name, err)
		}
	}
	return fmt.Sprintf("%08x", sum), nil
}
