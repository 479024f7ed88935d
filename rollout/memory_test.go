package rollout

import (
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/physics"
	"github.com/gowalrus/walrus/score"
	"github.com/gowalrus/walrus/surrogate/standin"
	"github.com/gowalrus/walrus/well"
)

// peakMemory is the most that the process has had in memory, in MiB.
func peakMemory(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc/self/status: the peak of memory is not known here")
	}
	kib, err := strconv.Atoi(string(regexp.MustCompile(`VmHWM:\s+(\d+)`).FindSubmatch(text)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kib >> 10
}

// writeLong writes a trajectory of 5 scalar fields.
func writeLong(t *testing.T, path string, size, frames int) {
	t.Helper()
	axis := func(name string, n int) well.Axis {
		a := well.Axis{Name: name}
		for i := range n {
			a.Coordinates = append(a.Coordinates, float32(i))
		}
		return a
	}
	h := well.Header{DatasetName: "long", GridType: well.Cartesian, Axes: []well.Axis{axis("x", size), axis("y", size)}, Trajectories: 1, Time: axis("", frames).Coordinates}
	for _, name := range []string{"density", "pressure", "tracer", "energy", "buoyancy"} {
		h.Fields = append(h.Fields, well.FieldInfo{Field: field.Field{Name: name}, TimeVarying: true, SampleVarying: true})
	}
	h.Boundaries = well.BoundaryGroups(h.Axes, []field.Sides{field.Both(field.Periodic), field.Both(field.Periodic)})
	w, err := well.Create(path, h)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	values := make([]float32, size*size)
	for frame := range frames {
		for c, f := range h.Fields {
			for i := range values {
				values[i] = float32(1 + c + i%size/32 + frame%50)
			}
			if err := w.WriteFrame(0, frame, f.Name, values); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// A rollout is scored, checked and written frame by frame: 1000 steps of 512 x 512 points and 5 fields, whose frames are 5 GiB for the truth and as much for
// the prediction, in less than 2 GiB.
func TestALongRolloutNeedsTheMemoryOfAFewFrames(t *testing.T) {
	if os.Getenv("WALRUS_LONG") == "" {
		t.Skip("writes 10 GiB; set WALRUS_LONG=1")
	}
	const size, steps, most = 512, 1000, 2048
	defer debug.SetGCPercent(debug.SetGCPercent(20)) // as the command has it
	path := filepath.Join(t.TempDir(), "long.hdf5")
	writeLong(t, path, size, steps+4)
	d, err := well.OpenDataset(path, "", well.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p, err := standin.New("persistence")
	if err != nil {
		t.Fatal(err)
	}
	s := standin.Setting(p)
	s.Frame.Tokens = 16
	protocol := score.DefaultProtocol()
	protocol.First, protocol.Windows, protocol.RolloutsOnly, protocol.Physics = score.FromTheStart, []score.Window{score.WholeRollout}, true, true
	r, err := score.Evaluate(t.Context(), protocol, Forecasts(t.Context(), d, s, Evaluation{Protocol: protocol, History: 4}))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.Rollouts()[0].Score); n != steps {
		t.Errorf("%d steps were scored; want %d", n, steps)
	}
	c, err := ReadCase(t.Context(), d, s, Piece{History: 4, Steps: steps})
	if err != nil {
		t.Fatal(err)
	}
	record, err := c.Record(t.Context(), d, Options{}, Recording{Path: filepath.Join(t.TempDir(), "p.hdf5"), Watch: func(physics.Warning) {}, Pictures: 256 << 20})
	if err != nil || record.Known != steps {
		t.Fatalf("%d steps, %v", record.Known, err)
	}
	peak := peakMemory(t)
	t.Logf("%d steps of %d x %d points and 5 fields, %d MiB of truth: at most %d MiB in memory", steps, size, size, 4*5*size*size*steps>>20, peak)
	if peak > most {
		t.Errorf("%d MiB; want at most %d", peak, most)
	}
}
