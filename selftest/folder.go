package selftest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// manifestLimit bounds a manifest's size in bytes: far above any real one.
const manifestLimit = 64 << 20

// config is the short form of a configuration in config.json and in every manifest.
type config struct {
	Hidden     int   `json:"hidden_dim"`
	Heads      int   `json:"heads"`
	Inner      int   `json:"intermediate_dim"`
	Blocks     int   `json:"blocks"`
	States     int   `json:"n_states"`
	Dimensions []int `json:"include_d"`
	Causal     bool  `json:"causal_in_time"`
	Jitter     bool  `json:"jitter_patches"`
}

func (c config) model() model.Config {
	return model.Config{Hidden: c.Hidden, Inner: c.Inner, Heads: c.Heads, Blocks: c.Blocks, States: c.States,
		Dimensions: c.Dimensions, Causal: c.Causal, Jitter: c.Jitter}
}

// manifest is what the JSON file of a case says; each kind of case uses a part of it.
type manifest struct {
	path string
	keys map[string]json.RawMessage

	Case    string  `json:"case"`
	Config  *config `json:"config"`
	Weights string  `json:"weights"`
	File    string  `json:"file"`

	Spatial  []int    `json:"spatial_shape"`
	Bounds   [][2]int `json:"bcs"`
	Fields   []int    `json:"field_indices"`
	Jitter   []int    `json:"jitter_rolls"`
	Blocks   [][]int  `json:"block_rolls"`
	Noise    float64  `json:"f32_vs_f64_max_abs_err"`
	Note     string   `json:"note"`
	LastStep int      `json:"proj_weight_last_axis_step"`
	// Tensors lists the file's tensors with their shapes; folders without the list are taken as they are.
	Tensors map[string][]int `json:"tensors"`

	Loss          float64                  `json:"loss"`
	LossExact     float64                  `json:"loss_f64"`
	GradientFile  string                   `json:"grad_file"`
	GradientNoise map[string]gradientNoise `json:"grad_noise"`
	Without       []string                 `json:"params_without_grad"`
	Intermediates map[string]intermediate  `json:"intermediates"`

	Length        int                   `json:"T"`
	Channels      int                   `json:"C"`
	Frames        int                   `json:"T_in"`
	Samples       int                   `json:"B"`
	Variable      int                   `json:"C_variable"`
	RealField     []bool                `json:"padded_field_mask"`
	ConstantNames []string              `json:"constant_field_names"`
	Steps         int                   `json:"steps"`
	BatchOfStep   []int                 `json:"batch_of_step"`
	Rolls         []rolls               `json:"rolls"`
	Optimizer     optimizer             `json:"optimizer"`
	Clip          float64               `json:"clip"`
	Multiplier    float64               `json:"loss_multiplier"`
	Context       int                   `json:"minimum_context"`
	Epsilon       float64               `json:"norm_epsilon"`
	Losses        []float64             `json:"losses"`
	LossesExact   []float64             `json:"losses_f64"`
	Norms         []float64             `json:"grad_norms_before_clip"`
	NormsExact    []float64             `json:"grad_norms_f64"`
	Unchanged     []string              `json:"unchanged_params"`
	Kept          kept                  `json:"finals_kept"`
	FinalNoise    map[string]finalNoise `json:"final_param_noise"`
	StepNoise     [][2]float64          `json:"per_step_f32_vs_f64_max_abs_and_absmax"`
}

type gradientNoise struct {
	AbsMax float64 `json:"f64_absmax"`
	Error  float64 `json:"f32_max_abs_err"`
}

type finalNoise struct {
	Error float64 `json:"f32_vs_f64_max_abs"`
}

// intermediate says which part of a tensor inside the network was kept.
type intermediate struct {
	Tensor string `json:"tensor"`
	T      [2]int `json:"t"`
	B      [2]int `json:"b"`
	CStep  int    `json:"c_step"`
	HStep  int    `json:"h_step"`
	Full   struct {
		Shape  []int   `json:"shape"`
		Sum    float64 `json:"sum"`
		SumSq  float64 `json:"sumsq"`
		AbsMax float64 `json:"absmax"`
	} `json:"full"`
}

// kept says which final weights a folder keeps: all that changed, or those whose name contains one of these parts.
type kept struct {
	all   bool
	parts []string
}

// UnmarshalJSON reads a word ("all changed") or a list of parts of names.
func (k *kept) UnmarshalJSON(text []byte) error {
	if k.all = text[0] == '"'; k.all {
		return nil
	}
	return json.Unmarshal(text, &k.parts)
}

func (k kept) has(name string) bool {
	return k.all || slices.ContainsFunc(k.parts, func(part string) bool { return strings.Contains(name, part) })
}

type rolls struct {
	Jitter []int   `json:"jitter"`
	Blocks [][]int `json:"blocks"`
}

type optimizer struct {
	Rate    float64    `json:"lr"`
	Decay   float64    `json:"weight_decay"`
	Epsilon float64    `json:"eps"`
	Betas   [2]float64 `json:"betas"`
}

// folder is a directory of golden data.
type folder struct {
	path string
	cfg  config
}

// readConfig reads the configuration that golden cases share.
func (f *folder) readConfig() error {
	var short struct {
		Config *config `json:"config"`
	}
	if err := f.json("config.json", &short); err != nil {
		return err
	}
	if short.Config == nil {
		return fmt.Errorf("selftest: %s: no entry config", filepath.Join(f.path, "config.json"))
	}
	f.cfg = *short.Config
	if err := f.cfg.model().Validate(); err != nil {
		return fmt.Errorf("selftest: %s: %w", filepath.Join(f.path, "config.json"), err)
	}
	return nil
}

// cases lists the stems of the manifests with a prefix. Tensors without a manifest are an error: a case would be skipped.
func (f *folder) cases(prefix string) ([]string, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("selftest: %w", err)
	}
	var stems []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if stem, ok := strings.CutSuffix(e.Name(), ".json"); ok {
			stems = append(stems, stem)
		}
		if stem, ok := strings.CutSuffix(e.Name(), ".safetensors"); ok {
			if manifest := strings.TrimSuffix(stem, ".grad") + ".json"; !exists(filepath.Join(f.path, manifest)) {
				return nil, fmt.Errorf("selftest: %s has no manifest %s", filepath.Join(f.path, e.Name()), manifest)
			}
		}
	}
	sort.Strings(stems)
	return stems, nil
}

// json reads a JSON file of the folder.
func (f *folder) json(name string, into any) error {
	path := filepath.Join(f.path, name)
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("selftest: %w", err)
	}
	if info.Size() > manifestLimit {
		return fmt.Errorf("selftest: %s: %d bytes; a manifest has at most %d", path, info.Size(), manifestLimit)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("selftest: %w", err)
	}
	if err := json.Unmarshal(withoutNaN(text), into); err != nil {
		return fmt.Errorf("selftest: %s: %w", path, err)
	}
	return nil
}

// withoutNaN replaces NaN and the infinities, which Python writes though JSON has none, with null.
func withoutNaN(text []byte) []byte {
	var out []byte
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\' && i+1 < len(text):
			out = append(out, c)
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == 'N' || c == 'I' || c == '-'):
			if word := notANumber.Find(text[i:]); word != nil {
				out = append(out, "null"...)
				i += len(word) - 1
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}

var notANumber = regexp.MustCompile(`^(NaN|-?Infinity)\b`)

// manifest reads the description of a case, which must have the given entries.
func (f *folder) manifest(stem string, required ...string) (*manifest, error) {
	m := &manifest{path: filepath.Join(f.path, stem+".json")}
	if err := f.json(stem+".json", m); err != nil {
		return nil, err
	}
	if err := f.json(stem+".json", &m.keys); err != nil {
		return nil, err
	}
	for _, key := range required {
		if value, exists := m.keys[key]; !exists || string(value) == "null" {
			return nil, fmt.Errorf("selftest: %s: no entry %s", m.path, key)
		}
	}
	if m.File == "" {
		m.File = stem + ".safetensors"
	}
	if m.Config == nil {
		m.Config = &f.cfg
	}
	if m.Weights == "" {
		m.Weights = "weights.safetensors"
	}
	return m, nil
}

// has reports whether the manifest has an entry.
func (m *manifest) has(key string) bool { return m.keys[key] != nil }

// agree compares an entry that the manifest may have with what this program does or the tensors say.
func (m *manifest) agree(key string, found, expected any) error {
	if m.has(key) && fmt.Sprint(found) != fmt.Sprint(expected) {
		return fmt.Errorf("selftest: %s: %s is %v; expected %v", m.path, key, found, expected)
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// open opens a file of tensors; names from a manifest must stay inside the folder.
func (f *folder) open(name string) (*checkpoint.Checkpoint, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("selftest: %s: the file name %q leaves the folder", f.path, name)
	}
	return checkpoint.Open(filepath.Join(f.path, name))
}

// golden is a file of a case's tensors that remembers which of them were read: one that nothing was compared with would
// be a number that no one checks.
type golden struct {
	*checkpoint.Checkpoint
	read map[string]bool
}

// tensors opens the case's file and holds it against the manifest's list.
func (f *folder) tensors(m *manifest) (*golden, error) {
	file, err := f.golden(m.File)
	if err != nil || m.Tensors == nil {
		return file, err
	}
	if err := checkpoint.Match(m.Tensors, file.Checkpoint); err != nil {
		file.Close()
		return nil, fmt.Errorf("selftest: %s and its list of tensors differ: %w", m.path, err)
	}
	return file, nil
}

func (f *folder) golden(name string) (*golden, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	return &golden{file, map[string]bool{}}, nil
}

// tensor reads one tensor.
func (g *golden) tensor(name string) (field.Array, error) {
	t, ok := g.Tensor(name)
	if !ok {
		return field.Array{}, fmt.Errorf("selftest: %s: no tensor %s", g.Path, name)
	}
	g.read[name] = true
	return t.Array()
}

// allRead reports the tensors that were not used.
func (g *golden) allRead() error {
	unread := g.Shapes()
	maps.DeleteFunc(unread, func(name string, _ []int) bool { return g.read[name] })
	if len(unread) > 0 {
		return fmt.Errorf("selftest: %s: nothing to compare with %s", g.Path, strings.Join(slices.Sorted(maps.Keys(unread)), ", "))
	}
	return nil
}

// network puts the weights of a case on the engine.
func (f *folder) network(e *engine.Engine, m *manifest) (*network.Network, error) {
	cfg := *m.Config
	if err := cfg.model().Validate(); err != nil {
		return nil, fmt.Errorf("selftest: %s: %w", m.path, err)
	}
	file, err := f.open(m.Weights)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	complete, err := network.Complete(cfg.model(), file)
	if err != nil {
		return nil, err
	}
	return network.New(e, complete, network.Tensors(file.Tensors(), file.Path))
}

// geometry lays out the case's data.
func (m *manifest) geometry() (*frame.Geometry, error) {
	var sides []field.Sides
	for _, b := range m.Bounds {
		if b[0] < 0 || b[1] < 0 || b[0] > int(field.Periodic) || b[1] > int(field.Periodic) {
			return nil, fmt.Errorf("selftest: %s: boundary codes %v; expected 0 to 2", m.path, b)
		}
		low, high := field.Boundary(b[0]), field.Boundary(b[1])
		if low != field.Periodic && high == field.Periodic {
			return nil, fmt.Errorf("selftest: %s: boundary codes %v: periodic on the high side only", m.path, b)
		}
		sides = append(sides, field.Sides{Low: low, High: high})
	}
	return frame.NewGeometry(m.Spatial, sides, frame.Options{NoJitterPadding: !m.Config.Jitter})
}

// draws spreads the manifest's rolls (one jitter a real axis, one token roll a block and periodic axis) over the three axes.
func (m *manifest) draws(g *frame.Geometry, given rolls, blocks int) (frame.Rolls, error) {
	var r frame.Rolls
	if !m.Config.Jitter {
		if slices.ContainsFunc(slices.Concat(append(given.Blocks, given.Jitter)...), func(roll int) bool { return roll != 0 }) {
			return r, fmt.Errorf("selftest: %s: rolls of a network without jitter (jitter_patches false)", m.path)
		}
		return r, nil
	}
	if len(given.Jitter) != g.Dimensions() {
		return r, fmt.Errorf("selftest: %s: %d jitter rolls for %d axes", m.path, len(given.Jitter), g.Dimensions())
	}
	if len(given.Blocks) != blocks {
		return r, fmt.Errorf("selftest: %s: token rolls for %d blocks; the network has %d", m.path, len(given.Blocks), blocks)
	}
	i := 0
	for k, a := range g.Axes {
		if a.Real {
			r.Jitter[k] = given.Jitter[i]
			i++
		}
	}
	for _, row := range given.Blocks {
		var triple [3]int
		if len(row) != len(g.Rolled) {
			return r, fmt.Errorf("selftest: %s: block rolls %v for %d periodic axes", m.path, row, len(g.Rolled))
		}
		for i, axis := range g.Rolled {
			triple[axis] = row[i]
		}
		r.Blocks = append(r.Blocks, triple)
	}
	return r, nil
}
