package selftest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
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

	Loss          float64                  `json:"loss"`
	LossExact     float64                  `json:"loss_f64"`
	GradientFile  string                   `json:"grad_file"`
	GradientNoise map[string]gradientNoise `json:"grad_noise"`
	Without       []string                 `json:"params_without_grad"`
	Intermediates map[string]intermediate  `json:"intermediates"`

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
	Losses        []float64             `json:"losses"`
	LossesExact   []float64             `json:"losses_f64"`
	Norms         []float64             `json:"grad_norms_before_clip"`
	NormsExact    []float64             `json:"grad_norms_f64"`
	Unchanged     []string              `json:"unchanged_params"`
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

// openFolder reads the folder's configuration.
func openFolder(path string) (*folder, error) {
	f := &folder{path: path}
	var short struct {
		Config *config `json:"config"`
	}
	if err := f.json("config.json", &short); err != nil {
		return nil, err
	}
	if short.Config == nil {
		return nil, fmt.Errorf("selftest: %s: no entry config", filepath.Join(path, "config.json"))
	}
	f.cfg = *short.Config
	if err := f.cfg.model().Validate(); err != nil {
		return nil, fmt.Errorf("selftest: %s: %w", filepath.Join(path, "config.json"), err)
	}
	return f, nil
}

// cases lists the stems of the manifests with a prefix.
func (f *folder) cases(prefix string) ([]string, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, fmt.Errorf("selftest: %w", err)
	}
	var stems []string
	for _, e := range entries {
		if stem, ok := strings.CutSuffix(e.Name(), ".json"); ok && strings.HasPrefix(stem, prefix) {
			stems = append(stems, stem)
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
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("selftest: %s: %w", path, err)
	}
	return nil
}

// manifest reads the description of a case.
func (f *folder) manifest(stem string) (*manifest, error) {
	m := &manifest{}
	if err := f.json(stem+".json", m); err != nil {
		return nil, err
	}
	if m.File == "" {
		m.File = stem + ".safetensors"
	}
	if m.Weights == "" {
		m.Weights = "weights.safetensors"
	}
	return m, nil
}

// open opens a file of tensors; names from a manifest must stay inside the folder.
func (f *folder) open(name string) (*checkpoint.Checkpoint, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("selftest: %s: the file name %q leaves the folder", f.path, name)
	}
	return checkpoint.Open(filepath.Join(f.path, name))
}

// network puts the weights of a case on the engine.
func (f *folder) network(e *engine.Engine, m *manifest) (*network.Network, error) {
	cfg := f.cfg
	if m.Config != nil {
		cfg = *m.Config
	}
	file, err := f.open(m.Weights)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return network.New(e, cfg.model(), func(w model.Weight, to []float32) error {
		t, ok := file.Tensor(w.Name)
		if !ok || fmt.Sprint(t.Shape) != fmt.Sprint(w.Shape) {
			return fmt.Errorf("%s: shape %v; expected %v", file.Path, t.Shape, w.Shape)
		}
		return t.Float32(to)
	})
}

// tensor reads one tensor of a file.
func tensor(file *checkpoint.Checkpoint, name string) (field.Array, error) {
	t, ok := file.Tensor(name)
	if !ok {
		return field.Array{}, fmt.Errorf("selftest: %s: no tensor %s", file.Path, name)
	}
	return t.Array()
}

// geometry lays out the case's data.
func (m *manifest) geometry() (*frame.Geometry, error) {
	var sides []field.Sides
	for _, b := range m.Bounds {
		if b[0] < 0 || b[1] < 0 || b[0] > int(field.Periodic) || b[1] > int(field.Periodic) {
			return nil, fmt.Errorf("selftest: %s: boundary codes %v", m.Case, b)
		}
		low, high := field.Boundary(b[0]), field.Boundary(b[1])
		if low != field.Periodic && high == field.Periodic {
			return nil, fmt.Errorf("selftest: %s: boundary codes %v", m.Case, b)
		}
		sides = append(sides, field.Sides{Low: low, High: high})
	}
	return frame.NewGeometry(m.Spatial, sides, frame.Options{})
}

// draws spreads the manifest's rolls (one jitter a real axis, one token roll a periodic axis) over the three axes.
func (m *manifest) draws(g *frame.Geometry, jitter []int, blocks [][]int) (frame.Rolls, error) {
	var r frame.Rolls
	i := 0
	for k, a := range g.Axes {
		if !a.Real {
			continue
		}
		if i >= len(jitter) {
			return r, fmt.Errorf("selftest: %s: %d jitter rolls for %d axes", m.Case, len(jitter), g.Dimensions())
		}
		r.Jitter[k] = jitter[i]
		i++
	}
	for _, row := range blocks {
		var triple [3]int
		if len(row) != len(g.Rolled) {
			return r, fmt.Errorf("selftest: %s: block rolls %v for %d periodic axes", m.Case, row, len(g.Rolled))
		}
		for i, axis := range g.Rolled {
			triple[axis] = row[i]
		}
		r.Blocks = append(r.Blocks, triple)
	}
	return r, nil
}
