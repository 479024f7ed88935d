package checkpoint

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Parameter is a tensor of a training run with the optimizer's memory of it.
type Parameter struct {
	Name          string
	Shape         []int
	Value         []float32 // row-major
	First, Second []float32 // AdamW's moving averages of the gradient and its square; nil before the first update
	Updates       int       // how often the optimizer has changed it: parameters without a gradient are skipped
}

// State is all that a training run needs to go on as if it had never stopped.
type State struct {
	Config      Config
	Parameters  []Parameter       // with Part those that are trained
	Part        *Part             // where the others stay as they were: what they are; nil for whole weights
	Epoch, Step int               // Step counts optimizer updates from the run's beginning
	Random      map[string][]byte // the state of each random generator, by its purpose (rand.PCG.MarshalBinary)
	Notes       map[string]string // what else the loop wants back; plain text
}

// runRecord is state.json.
type runRecord struct {
	Version int               `json:"version"`
	Epoch   int               `json:"epoch"`
	Step    int               `json:"step"`
	Names   []string          `json:"names,omitempty"` // beside Last; an interrupted save may not have given them yet
	Updates map[string]int    `json:"updates"`
	Random  map[string][]byte `json:"random,omitempty"`
	Notes   map[string]string `json:"notes,omitempty"`
}

const (
	runVersion     = 1
	maxRecordBytes = 64 << 20

	stepPrefix   = "step-"
	unfinished   = ".saving-" // a directory that is being written
	firstMoment  = "first."   // prefixes in optimizer.safetensors
	secondMoment = "second."
)

// Last is the name in a run's directory of its newest state.
const Last = "last"

// SaveRun writes the state into a new directory below dir, named after its step, and returns its path. The directory appears
// complete or not at all; a second save at the same step stands beside the first, as STEP.1, until it is complete, and then
// replaces it. Last and the given names become symbolic links to it, each replaced at once. After it the oldest are removed
// until keep are left; keep 0 keeps all, and what a link other than Last points to always stays.
func SaveRun(dir string, state State, keep int, names ...string) (string, error) {
	if err := checkNames(names); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	temporary, err := os.MkdirTemp(dir, unfinished)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	defer os.RemoveAll(temporary) // gone already when all went well
	if err := writeRun(temporary, state, names); err != nil {
		return "", err
	}
	final, err := publish(temporary, dir, state.Step)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	return final, settle(dir, final, names, keep)
}

// FinishSave does what a save below dir that was interrupted has left to do once the state itself was complete: names and removals, as
// SaveRun describes them.
func FinishSave(dir string, keep int) error {
	newest, err := newestStep(dir)
	if err != nil {
		return err
	}
	record, err := readRecord(filepath.Join(newest, stateFile))
	if err != nil {
		return err
	}
	if err := checkNames(record.Names); err != nil {
		return err
	}
	return settle(dir, newest, record.Names, keep)
}

// checkNames refuses names that are not those of links in a run's directory.
func checkNames(names []string) error {
	for _, name := range names {
		if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, stepPrefix) || strings.HasPrefix(name, ".") {
			return fmt.Errorf("checkpoint: %q can not name a saved state; expected a plain name such as best", name)
		}
	}
	return nil
}

// settle gives the newest state its names, if it does not have them, and removes what is not kept.
func settle(dir, newest string, names []string, keep int) error {
	for _, name := range append([]string{Last}, names...) {
		if target, err := os.Readlink(filepath.Join(dir, name)); err == nil && target == filepath.Base(newest) {
			continue
		}
		if err := link(dir, name, filepath.Base(newest)); err != nil {
			return fmt.Errorf("checkpoint: %w", err)
		}
	}
	if err := prune(dir, keep); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// writeRun writes the four files of a state.
func writeRun(dir string, state State, names []string) error {
	weights := make([]Tensor, 0, len(state.Parameters))
	var moments []Tensor
	record := runRecord{
		Version: runVersion, Epoch: state.Epoch, Step: state.Step, Names: names,
		Updates: map[string]int{}, Random: state.Random, Notes: state.Notes,
	}
	for _, p := range state.Parameters {
		value, err := NewTensor(p.Name, p.Shape, p.Value)
		if err != nil {
			return err
		}
		weights = append(weights, value)
		if p.Updates > 0 {
			record.Updates[p.Name] = p.Updates
		}
		if p.First == nil && p.Second == nil {
			continue
		}
		first, err := NewTensor(firstMoment+p.Name, p.Shape, p.First)
		if err != nil {
			return err
		}
		second, err := NewTensor(secondMoment+p.Name, p.Shape, p.Second)
		if err != nil {
			return err
		}
		moments = append(moments, first, second)
	}
	if err := state.Config.Write(filepath.Join(dir, ConfigFile)); err != nil {
		return err
	}
	metadata := map[string]string{"format": "pt"}
	if state.Part != nil {
		text, err := state.Part.encode(dir)
		if err != nil {
			return err
		}
		metadata[partKey] = text
	}
	if err := Write(filepath.Join(dir, WeightsFile), weights, metadata); err != nil {
		return err
	}
	if err := Write(filepath.Join(dir, optimizerFile), moments, nil); err != nil {
		return err
	}
	return writeRecord(dir, record)
}

func writeRecord(dir string, record runRecord) error {
	encoded, err := json.MarshalIndent(record, "", " ")
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	path := filepath.Join(dir, stateFile)
	if err := writeAtomically(path, func(w io.Writer) error { _, err := w.Write(encoded); return err }); err != nil {
		return fmt.Errorf("checkpoint: write: %w", err)
	}
	return nil
}

// publish gives a complete directory its final name: that of its step, with the next free revision.
func publish(temporary, dir string, step int) (string, error) {
	if err := os.Chmod(temporary, 0o755); err != nil {
		return "", err
	}
	saved, err := stepsIn(dir)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("%s%010d", stepPrefix, step)
	for _, s := range saved {
		if s.step == step {
			name = fmt.Sprintf("%s%010d.%d", stepPrefix, step, s.revision+1)
		}
	}
	final := filepath.Join(dir, name)
	if err := os.Rename(temporary, final); err != nil {
		return "", err
	}
	return final, syncDirectory(dir)
}

// link makes dir/name a link to dir/target, in the place of a link that is there.
func link(dir, name, target string) error {
	path := filepath.Join(dir, name)
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSymlink == 0 {
		return fmt.Errorf("%s is in the way of a link to %s; move it elsewhere", path, target)
	}
	temporary := filepath.Join(dir, unfinished+name)
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, temporary); err != nil {
		return err
	}
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncDirectory(dir)
}

// links lists the names in dir that are links to entries of it, by what they point to.
func links(dir string) (map[string][]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, e := range entries {
		if e.Type()&os.ModeSymlink == 0 || strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		target, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		names[target] = append(names[target], e.Name())
	}
	return names, nil
}

// prune removes former saves of the same step, the oldest steps until keep are left, and what interrupted saves have left.
// Links to a former save of a step go over to the new one, and what they point to stays.
func prune(dir string, keep int) error {
	saved, err := stepsIn(dir)
	if err != nil {
		return err
	}
	named, err := links(dir)
	if err != nil {
		return err
	}
	doomed, err := filepath.Glob(filepath.Join(dir, unfinished+"*"))
	if err != nil {
		return err
	}
	kept := 0
	for i := len(saved) - 1; i >= 0; i-- {
		base := filepath.Base(saved[i].path)
		replaced := i+1 < len(saved) && saved[i].step == saved[i+1].step
		if replaced {
			successor := filepath.Base(saved[i+1].path)
			for _, name := range named[base] {
				if err := link(dir, name, successor); err != nil {
					return err
				}
			}
			named[successor] = append(named[successor], named[base]...)
		}
		held := slices.ContainsFunc(named[base], func(name string) bool { return name != Last })
		if replaced || keep > 0 && kept >= keep && !held {
			doomed = append(doomed, saved[i].path)
		} else {
			kept++
		}
	}
	for _, path := range doomed {
		// Under another name first: a crash half way must not leave half a state.
		hidden := path
		if base := filepath.Base(path); !strings.HasPrefix(base, unfinished) {
			hidden = filepath.Join(dir, unfinished+base)
			if err := os.Rename(path, hidden); err != nil {
				return err
			}
		}
		if err := os.RemoveAll(hidden); err != nil {
			return err
		}
	}
	return nil
}

// SetNotes replaces the notes of a state that SaveRun wrote to path.
func SetNotes(path string, notes map[string]string) error {
	record, err := readRecord(filepath.Join(path, stateFile))
	if err != nil {
		return err
	}
	record.Notes = notes
	return writeRecord(path, record)
}

// savedStep is one saved state of a run. A step that was saved again has a higher revision.
type savedStep struct {
	step, revision int
	path           string
}

// stepsIn lists the saved states below dir, oldest first.
func stepsIn(dir string) ([]savedStep, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var saved []savedStep
	for _, e := range entries {
		name, isStep := strings.CutPrefix(e.Name(), stepPrefix)
		digits, revisionDigits, revised := strings.Cut(name, ".")
		step, err := strconv.Atoi(digits)
		revision := 0
		if revised && err == nil {
			revision, err = strconv.Atoi(revisionDigits)
		}
		if isStep && err == nil && step >= 0 && e.IsDir() {
			saved = append(saved, savedStep{step, revision, filepath.Join(dir, e.Name())})
		}
	}
	slices.SortFunc(saved, func(a, b savedStep) int {
		return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.revision, b.revision))
	})
	return saved, nil
}

// newestStep is the directory of the last state saved below dir.
func newestStep(dir string) (string, error) {
	steps, err := stepsIn(dir)
	if err != nil {
		return "", err
	}
	if len(steps) == 0 {
		return "", fmt.Errorf("checkpoint: %s holds no saved step of a run (%sN)", dir, stepPrefix)
	}
	return steps[len(steps)-1].path, nil
}

// LoadRun reads a state that SaveRun wrote. dir is the run's directory, of which the newest step is read, or that of one step.
func LoadRun(dir string) (State, error) {
	if _, err := os.Stat(filepath.Join(dir, stateFile)); err != nil {
		newest, err := newestStep(dir)
		if err != nil {
			return State{}, err
		}
		dir = newest
	}
	record, err := readRecord(filepath.Join(dir, stateFile))
	if err != nil {
		return State{}, err
	}
	state := State{Epoch: record.Epoch, Step: record.Step, Random: record.Random, Notes: record.Notes}
	if state.Config, err = ReadConfig(filepath.Join(dir, ConfigFile)); err != nil {
		return State{}, err
	}
	weights, err := openStored(filepath.Join(dir, WeightsFile))
	if err != nil {
		return State{}, err
	}
	defer weights.Close()
	if state.Part, err = weights.part(); err != nil {
		return State{}, err
	}
	moments, err := Open(filepath.Join(dir, optimizerFile))
	if err != nil {
		return State{}, err
	}
	defer moments.Close()
	for _, t := range weights.Tensors() {
		p, err := loadParameter(t, moments)
		if err != nil {
			return State{}, err
		}
		p.Updates = record.Updates[p.Name]
		delete(record.Updates, p.Name)
		state.Parameters = append(state.Parameters, p)
	}
	for name := range record.Updates {
		return State{}, fmt.Errorf("checkpoint: %s: updates of %s, which is not in %s", filepath.Join(dir, stateFile), printable(name), WeightsFile)
	}
	return state, nil
}

// loadParameter reads a parameter's value and, where there are any, its two moments.
func loadParameter(t Tensor, moments *Checkpoint) (Parameter, error) {
	p := Parameter{Name: t.Name, Shape: t.Shape, Value: make([]float32, t.Len())}
	if err := t.Float32(p.Value); err != nil {
		return p, err
	}
	for _, moment := range []struct {
		prefix string
		values *[]float32
	}{{firstMoment, &p.First}, {secondMoment, &p.Second}} {
		stored, exists := moments.Tensor(moment.prefix + t.Name)
		if !exists {
			continue
		}
		if !slices.Equal(stored.Shape, t.Shape) {
			return p, fmt.Errorf("checkpoint: %s: %s has shape %v; expected %v", moments.Path, stored.Name, stored.Shape, t.Shape)
		}
		*moment.values = make([]float32, stored.Len())
		if err := stored.Float32(*moment.values); err != nil {
			return p, err
		}
	}
	if (p.First == nil) != (p.Second == nil) {
		return p, fmt.Errorf("checkpoint: %s: %s has one of its two moments; expected both or none", moments.Path, t.Name)
	}
	return p, nil
}

// readRecord reads state.json.
func readRecord(path string) (runRecord, error) {
	var record runRecord
	file, err := os.Open(path)
	if err != nil {
		return record, fmt.Errorf("checkpoint: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxRecordBytes+1))
	if err != nil {
		return record, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	if len(text) > maxRecordBytes {
		return record, fmt.Errorf("checkpoint: %s: more than %d bytes", path, maxRecordBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&record); err != nil {
		return record, fmt.Errorf("checkpoint: %s: %w", path, err)
	}
	if record.Version != runVersion {
		return record, fmt.Errorf("checkpoint: %s: version %d; expected %d", path, record.Version, runVersion)
	}
	if record.Epoch < 0 || record.Step < 0 {
		return record, fmt.Errorf("checkpoint: %s: epoch %d, step %d; expected neither to be negative", path, record.Epoch, record.Step)
	}
	return record, nil
}
