package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/atomicfile"
	"github.com/gowalrus/walrus/sim/scenario"
)

// vocabulary lists the fields that the released model has a column for (the components' common names).
var vocabulary = []string{
	"pressure", "velocity", "speed_of_sound", "concentration", "D", "E", "density", "energy", "momentum", "pressure_re",
	"pressure_im", "mask", "magnetic_field", "A", "B", "height", "internal_energy", "temperature", "electron_fraction", "entropy",
	"buoyancy", "tracer", "c_zz", "C",
}

func TestScenariosAreDescribedCompletely(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range All() {
		if seen[s.Name] {
			t.Errorf("two scenarios are named %s", s.Name)
		}
		seen[s.Name] = true
		if s.Title == "" || s.Equations == "" || s.Source == "" || len(s.Fields) == 0 {
			t.Errorf("%s: title, equations, source or fields are missing", s.Name)
		}
		for _, grid := range [][]int{s.DefaultGrid, s.PublishedGrid} {
			if err := (Plan{Scenario: s, Out: "x", Grid: grid}).Check(); err != nil {
				t.Errorf("grid %v: %v", grid, err)
			}
		}
		if s.DefaultFrames < 2 || !(s.Seconds > 0) {
			t.Errorf("%s: %d frames, %g s a trajectory", s.Name, s.DefaultFrames, s.Seconds)
		}
		rank := field.Scalar
		for _, q := range s.Fields {
			if !slices.Contains(vocabulary, q.Name) {
				t.Errorf("%s: the released model has no column for field %s", s.Name, q.Name)
			}
			if q.Rank < rank {
				t.Errorf("%s: field %s (%v) comes after a %v", s.Name, q.Name, q.Rank, rank)
			}
			rank = q.Rank
		}
		for _, q := range s.Parameters {
			if q.Doc == "" || (len(q.Values) == 0 && !(q.High > q.Low)) {
				t.Errorf("%s: parameter %s has no meaning or no range", s.Name, q.Name)
			}
		}
	}
}

// published is the table of the released model's data sets (spec/recipe.md, section 5): grid, frames, boundaries of each
// axis (p periodic, w wall, o open; low and high side where they differ), fields with their ranks, c for constant ones, l for
// those that the model sees as log10.
const published = `
acoustic_scattering_discontinuous 256x256 102 w,o pressure:0 density:0c speed_of_sound:0c velocity:1
acoustic_scattering_inclusions 256x256 102 w,o pressure:0 density:0c speed_of_sound:0c velocity:1
acoustic_scattering_maze 256x256 202 w,o pressure:0 density:0c speed_of_sound:0c velocity:1
active_matter 256x256 81 p,p concentration:0 velocity:1 D:2 E:2
euler_multi_quadrants_openBC 512x512 101 o,o density:0 energy:0 pressure:0 momentum:1
euler_multi_quadrants_periodicBC 512x512 101 p,p density:0 energy:0 pressure:0 momentum:1
flowbench_FPO_NS_2D_512x128_harmonics 512x128 242 w,w pressure:0 mask:0c velocity:1
gray_scott_reaction_diffusion 128x128 1001 p,p A:0 B:0
helmholtz_staircase 1024x256 50 o,wo pressure_re:0 pressure_im:0 mask:0c
MHD_64 64x64x64 100 p,p,p density:0 velocity:1 magnetic_field:1
planetswe 256x512 1008 o,p height:0 velocity:1
rayleigh_benard 512x128 200 p,w buoyancy:0 pressure:0 velocity:1
rayleigh_taylor_instability 128x128x128 120 p,p,w density:0 velocity:1
shear_flow 256x512 200 p,p tracer:0 pressure:0 velocity:1
supernova_explosion_128 128x128x128 59 o,o,o pressure:0 density:0 temperature:0l velocity:1
turbulence_gravity_cooling 64x64x64 50 o,o,o pressure:0 density:0 temperature:0l velocity:1
turbulent_radiative_layer_2D 128x384 101 p,o density:0 pressure:0 velocity:1
turbulent_radiative_layer_3D 128x128x256 101 p,p,o density:0l pressure:0 velocity:1
viscoelastic_instability 512x512 60 p,w pressure:0 c_zz:0 velocity:1 C:2
`

func TestScenariosAreThePublishedDataSets(t *testing.T) {
	var text strings.Builder
	for _, s := range All() {
		grid := strings.ReplaceAll(strings.Trim(fmt.Sprint(s.PublishedGrid), "[]"), " ", "x")
		var sides []string
		for _, b := range s.Domain(s.DefaultGrid, firstChoices(s)).Boundaries {
			side := strings.ToLower(b.Low.String()[:1])
			if b.High != b.Low {
				side += strings.ToLower(b.High.String()[:1])
			}
			sides = append(sides, side)
		}
		fmt.Fprintf(&text, "\n%s %s %d %s", s.Name, grid, s.PublishedFrames, strings.Join(sides, ","))
		for _, q := range s.Fields {
			fmt.Fprintf(&text, " %s:%d", q.Name, q.Rank)
			if q.Constant {
				text.WriteString("c")
			}
			if q.Log10 {
				text.WriteString("l")
			}
		}
	}
	if diff := cmp.Diff(published, text.String()+"\n"); diff != "" {
		t.Errorf("scenarios (-published +ours)\n%s", diff)
	}
}

// firstChoices gives every parameter its first published value, or its lowest.
func firstChoices(s scenario.Scenario) map[string]float64 {
	p := map[string]float64{}
	for _, q := range s.Parameters {
		p[q.Name] = q.Low
		if len(q.Values) > 0 {
			p[q.Name] = q.Values[0]
		}
	}
	return p
}

func TestGridsThatShowNothingAreRefusedByAxis(t *testing.T) {
	for _, s := range All() {
		for axis, least := range s.LeastGrid {
			grid := slices.Clone(s.DefaultGrid)
			grid[axis] = least - 1
			err := Plan{Scenario: s, Out: t.TempDir(), Grid: grid}.Check()
			if want := fmt.Sprintf("%d points along axis %s; at least %d", least-1, s.Axes[axis], least); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s on %v: error %v, want one that says %q", s.Name, grid, err, want)
			}
		}
	}
}

func TestUnknownNamesGetTheNearestOnes(t *testing.T) {
	const name = "acoustic_scattering_maze"
	if s, err := Find(name); err != nil || s.Name != name {
		t.Errorf("%s: found %q, %v", name, s.Name, err)
	}
	for asked, want := range map[string]string{"acousticscattering_mace": name, "openBC": "euler_multi_quadrants_openBC"} {
		if _, err := Find(asked); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not name %s", asked, err, want)
		}
	}
}

func TestSplitsAddUp(t *testing.T) {
	for _, c := range []struct {
		trajectories int
		shares       []float64
		want         []int
	}{
		{8, []float64{0.8, 0.1, 0.1}, []int{6, 1, 1}},
		{10, []float64{0.8, 0.1, 0.1}, []int{8, 1, 1}},
		{1, []float64{0.8, 0.1, 0.1}, []int{1, 0, 0}},
		{3, []float64{0, 0, 1}, []int{0, 0, 3}},
		{7, []float64{1.0 / 3, 1.0 / 3, 1.0 / 3}, []int{3, 2, 2}},
	} {
		if diff := cmp.Diff(c.want, splitCounts(c.trajectories, c.shares)); diff != "" {
			t.Errorf("%d trajectories in %v: %s", c.trajectories, c.shares, diff)
		}
	}
}

// small is a plan that takes a moment.
func small(t *testing.T, out string) Plan {
	t.Helper()
	s, err := Find("euler_multi_quadrants_periodicBC")
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Scenario: s, Out: out, Grid: []int{16, 12}, Frames: 3, Trajectories: 5, Seed: 7, Workers: 2}
}

// contents reads all files of a folder by relative path.
func contents(t *testing.T, folder string) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(folder, path)
		all[name] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSameSeedGivesTheSameBytesOnAnyNumberOfWorkers(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	plan := small(t, first)
	if err := Generate(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	plan.Out, plan.Workers = second, 7
	if err := Generate(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	a, b := contents(t, first), contents(t, second)
	if len(a) != 7 { // 5 trajectories, stats.yaml, simulation.json
		t.Errorf("%d files, want 7", len(a))
	}
	for name := range a {
		if !bytes.Equal(a[name], b[name]) {
			t.Errorf("%s differs between two runs", name)
		}
	}
	plan.Out, plan.Seed = t.TempDir(), 8
	if err := Generate(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	for name, text := range contents(t, plan.Out) {
		if strings.HasSuffix(name, ".hdf5") && bytes.Equal(text, a[name]) {
			t.Errorf("%s is the same for another seed", name)
		}
	}
}

func TestInterruptedRunContinuesToTheSameBytes(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	if err := Generate(t.Context(), small(t, whole)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	plan := small(t, parts)
	plan.Workers = 1
	plan.Progress = func(done, _ int) {
		if done == 7 { // in the middle of the third trajectory
			cancel()
		}
	}
	if err := Generate(ctx, plan); !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted run ended with %v", err)
	}
	interrupted := contents(t, parts)
	if n := len(interrupted); n != 3 { // two trajectories and the manifest, no litter
		t.Fatalf("%d files after the interruption, want 3", n)
	}
	var first atomic.Int64
	plan.Progress = func(done, _ int) { first.CompareAndSwap(0, int64(done)) }
	if err := Generate(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	if got := first.Load(); got != 3 {
		t.Errorf("the first report after resuming is %d frames, want the 3 of a file that was kept", got)
	}
	if diff := cmp.Diff(contents(t, whole), contents(t, parts)); diff != "" {
		t.Error("the resumed run differs from the whole one")
	}
}

func TestTwoProcessesDoNotSimulateInOneFolder(t *testing.T) {
	plan := small(t, t.TempDir())
	folder := filepath.Join(plan.Out, plan.Scenario.Name)
	if err := os.MkdirAll(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	other, err := atomicfile.Lock(filepath.Join(folder, lockName))
	if err != nil {
		t.Fatal(err)
	}
	if err := Generate(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "another process is simulating in "+folder) {
		t.Errorf("error %v, want one that names the folder", err)
	}
	if err := other.Close(); err != nil { // as when the other is killed: the file stays
		t.Fatal(err)
	}
	if err := Generate(t.Context(), plan); err != nil {
		t.Error(err)
	}
}

func TestFoldersOfOtherPlansAreRefused(t *testing.T) {
	out := t.TempDir()
	plan := small(t, out)
	if err := Generate(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	for change, edit := range map[string]func(*Plan){
		"grid":               func(p *Plan) { p.Grid = []int{12, 12} },
		"frames":             func(p *Plan) { p.Frames = 4 },
		"seed":               func(p *Plan) { p.Seed++ },
		"fixed gamma":        func(p *Plan) { p.Parameters = map[string]float64{"gamma": 1.4} },
		"fewer trajectories": func(p *Plan) { p.Trajectories = 2 },
	} {
		other := plan
		edit(&other)
		if err := Generate(t.Context(), other); err == nil {
			t.Errorf("%s: the folder of another plan was accepted", change)
		}
	}
	before := contents(t, out)
	plan.Trajectories = 9
	if err := Generate(t.Context(), plan); err != nil {
		t.Fatalf("more trajectories: %v", err)
	}
	after := contents(t, out)
	for name, text := range before {
		if strings.HasSuffix(name, ".hdf5") && !bytes.Equal(text, after[name]) {
			t.Errorf("%s changed when trajectories were added", name)
		}
	}
}

func TestImpossiblePlansAreRefused(t *testing.T) {
	for name, edit := range map[string]func(*Plan){
		"three axes": func(p *Plan) { p.Grid = []int{8, 8, 8} },
		"no points":  func(p *Plan) { p.Grid = []int{8, 0} },
		"odd meridians": func(p *Plan) {
			p.Scenario, _ = Find("planetswe")
			p.Grid = []int{16, 33}
		},
		"a matrix of 300 GB": func(p *Plan) {
			p.Scenario, _ = Find("helmholtz_staircase")
			p.Grid = []int{4096, 4096}
		},
		"too many points":   func(p *Plan) { p.Grid = []int{1 << 30, 1 << 30} },
		"negative frames":   func(p *Plan) { p.Frames = -1 },
		"splits":            func(p *Plan) { p.Splits = []float64{0.5, 0.1, 0.1} },
		"negative split":    func(p *Plan) { p.Splits = []float64{1.1, -0.1, 0} },
		"unknown parameter": func(p *Plan) { p.Parameters = map[string]float64{"viscosity": 1} },
		"no folder":         func(p *Plan) { p.Out = "" },
		"no scenario":       func(p *Plan) { p.Scenario.Run = nil },
	} {
		plan := small(t, t.TempDir())
		edit(&plan)
		if err := Generate(t.Context(), plan); err == nil {
			t.Errorf("%s: the plan was accepted", name)
		}
	}
}
