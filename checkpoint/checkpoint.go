package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/hub"
	"github.com/gowalrus/walrus/weights"
)

// Format is the kind of file that the weights came from.
type Format uint8

const (
	Safetensors Format = iota
	Torch              // a zip written by torch.save
)

// String is "safetensors" or "torch".
func (f Format) String() string {
	if f == Torch {
		return "torch"
	}
	return "safetensors"
}

// Checkpoint is an open file of weights. Its tensors read from it, so it stays open until Close.
type Checkpoint struct {
	Path     string // the file with the weights, also when a directory was opened
	Format   Format
	Metadata map[string]string // of a safetensors file
	Wrapper  string            // what all names began with and was dropped: "module." of distributed training, and others
	Part     *Part             // what the file says where it holds only a part of the weights; nil where it holds all

	file    opened
	below   *Checkpoint // what a part stands on
	tensors []Tensor
	byName  map[string]int
}

// The names in a directory of ours.
const (
	WeightsFile   = "model.safetensors"
	ConfigFile    = "config.yaml"
	optimizerFile = "optimizer.safetensors"
	stateFile     = "state.json"

	releasedConfigFile = "extended_config.yaml"
)

// Open opens weights: a safetensors file, a .pt file that torch.save wrote, or a directory. The format is told by the content,
// not by the name. A directory is one that Convert or SaveRun wrote (of a run's directory, the newest step), or one
// that holds a single .safetensors or .pt file, as a download of the release does. A path that leads nowhere may be the name
// of a model that the program carries, as nano, or of one in the cache of downloads, as walrus. Weights of which the file holds
// only the part that was trained (Part) come whole; what they stand on is read once, to see that it is what it was.
func Open(path string) (*Checkpoint, error) { return openWhole(path, "", 0) }

// openStored is Open for what the file itself holds.
func openStored(path string) (*Checkpoint, error) {
	file, err := weightsIn(path)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{Path: file}
	if c.file, err = openFile(file); err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	if err := c.readHeader(); err != nil {
		c.file.Close()
		return nil, fmt.Errorf("checkpoint: %s: %w%s", file, err, hidden(path))
	}
	return c, nil
}

// extensions of files of weights, the preferred first.
var extensions = []string{".safetensors", ".pt"}

// weightsIn finds the file of weights that a path means, or the name of a model that the program carries or that was
// downloaded: the one place where names are looked up. What is on disk wins.
func weightsIn(path string) (string, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) && weights.Has(path) {
		return builtIn + path + "/" + WeightsFile, nil
	}
	if errors.Is(err, fs.ErrNotExist) && !slices.Contains(extensions, filepath.Ext(path)) && hub.ValidName(path) {
		snapshot, missing := hub.Cached(path)
		if errors.Is(missing, fs.ErrNotExist) {
			return "", fmt.Errorf("checkpoint: %w, and no model of this name in %s%s; walrus download %s fetches one that the hub has", err, hub.CacheFolder(), hub.Hint(path), path)
		}
		if missing != nil {
			return "", fmt.Errorf("checkpoint: %w", missing)
		}
		path = snapshot
		info, err = os.Stat(path)
	}
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	own := filepath.Join(path, WeightsFile)
	if _, err := os.Stat(own); err == nil {
		return own, nil
	}
	if newest, err := newestStep(path); err == nil {
		return filepath.Join(newest, WeightsFile), nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return "", fmt.Errorf("checkpoint: %w", err)
	}
	for _, extension := range extensions {
		var found []string
		for _, e := range entries {
			if !e.IsDir() && strings.HasSuffix(e.Name(), extension) {
				found = append(found, e.Name())
			}
		}
		if len(found) > 1 {
			return "", fmt.Errorf("checkpoint: %s holds several weights (%s): name one of them", path, strings.Join(found, ", "))
		}
		if len(found) == 1 {
			return filepath.Join(path, found[0]), nil
		}
	}
	return "", fmt.Errorf("checkpoint: %s holds no weights; expected %s, steps of a run, or one .safetensors or .pt file%s", path, WeightsFile, hidden(path))
}

// readHeader tells the format by the first bytes and reads the tensors' names and shapes.
func (c *Checkpoint) readHeader() error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	var magic [9]byte
	n, _ := c.file.ReadAt(magic[:], 0)
	switch start := string(magic[:n]); {
	case strings.HasPrefix(start, "PK"):
		c.Format = Torch
		c.tensors, err = openTorch(c.file, info.Size())
	case n == len(magic) && start[8] == '{':
		c.Format = Safetensors
		c.tensors, c.Metadata, err = openSafetensors(c.file, info.Size())
	case strings.HasPrefix(start, "\x80"):
		err = errors.New("a bare pickle (PyTorch before 1.6 wrote them); save it again with a newer torch.save, which writes a zip")
	default:
		err = fmt.Errorf("neither safetensors nor a zip of torch.save: it begins with %q", start)
	}
	if err != nil {
		return err
	}
	c.unwrap()
	c.index()
	return nil
}

// index finds tensors by their names.
func (c *Checkpoint) index() {
	c.byName = make(map[string]int, len(c.tensors))
	for i, t := range c.tensors {
		c.byName[t.Name] = i
	}
}

// firstBlock begins the names of many parameters of every network.
const firstBlock = "blocks.0."

// unwrap drops what all names begin with before those of the network. PyTorch puts it there for a model that is compiled
// (_orig_mod.) or trained on several devices (module., _fsdp_wrapped_module.), and so do other programs (model.).
func (c *Checkpoint) unwrap() {
	i := slices.IndexFunc(c.tensors, func(t Tensor) bool { return strings.Contains(t.Name, "."+firstBlock) })
	if i < 0 {
		return
	}
	before, _, _ := strings.Cut(c.tensors[i].Name, "."+firstBlock)
	prefix := before + "."
	if slices.ContainsFunc(c.tensors, func(t Tensor) bool { return !strings.HasPrefix(t.Name, prefix) }) {
		return
	}
	for i := range c.tensors {
		c.tensors[i].Name = strings.TrimPrefix(c.tensors[i].Name, prefix)
	}
	c.Wrapper = prefix
}

// Close closes the file; tensors that were not read before can not be read after.
func (c *Checkpoint) Close() error {
	if c.below != nil {
		return errors.Join(c.below.Close(), c.file.Close())
	}
	return c.file.Close()
}

// Tensors lists the tensors in the order of the file. The list must not be changed.
func (c *Checkpoint) Tensors() []Tensor { return c.tensors }

// Tensor finds a tensor by its name.
func (c *Checkpoint) Tensor(name string) (Tensor, bool) {
	i, ok := c.byName[name]
	if !ok {
		return Tensor{}, false
	}
	return c.tensors[i], true
}

// Shapes maps each tensor's name to its shape.
func (c *Checkpoint) Shapes() map[string][]int {
	shapes := make(map[string][]int, len(c.tensors))
	for _, t := range c.tensors {
		shapes[t.Name] = t.Shape
	}
	return shapes
}

// FindConfig returns the configuration file that belongs to the weights at path: in a directory its config.yaml or
// extended_config.yaml; beside a file NAME.EXT also NAME.yaml, which is tried first.
func FindConfig(path string) (string, error) {
	file, err := weightsIn(path)
	if err != nil {
		return "", err
	}
	directory, base := filepath.Split(file)
	candidates := []string{strings.TrimSuffix(base, filepath.Ext(base)) + ".yaml", ConfigFile, releasedConfigFile}
	for _, name := range candidates {
		if _, err := statFile(directory + name); err == nil {
			return directory + name, nil
		}
	}
	return "", fmt.Errorf("checkpoint: no configuration beside %s; expected %s%s", file, strings.Join(candidates, " or "), hidden(path))
}

// hidden says how a downloaded model is named that something else on disk hides, as a program walrus does; empty if none is.
func hidden(path string) string {
	if _, err := hub.Cached(path); err != nil || strings.Contains(path, "/") {
		return ""
	}
	return fmt.Sprintf("; the downloaded model is %s/%s", hub.Owner, path)
}
