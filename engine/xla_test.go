//go:build xla

package engine

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/field"
)

// openPlugin opens the plugin that the environment names, that of CUDA or of CPUs, on some of its devices.
func openPlugin(t *testing.T, options string, devices int) *Engine {
	t.Helper()
	plugin := os.Getenv("WALRUS_TEST_PJRT_PLUGIN")
	if plugin == "" {
		t.Skip("WALRUS_TEST_PJRT_PLUGIN names no plugin")
	}
	e, err := OpenWith("xla:"+plugin+options, Options{Devices: devices})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

func TestDonatedInputsThroughXLA(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct{ name, options string }{
		{"compiled", ",nocache"}, {"compiled and kept", ",cache=" + folder}, {"loaded", ",cache=" + folder},
	} {
		t.Run(c.name, func(t *testing.T) { testDonation(t, openPlugin(t, c.options, 1)) })
	}
}

func testDonation(t *testing.T, e *Engine) {
	p, err := e.Compile("twice", twiceInputs, twice)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Upload(field.Array{Shape: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}})
	if err != nil {
		t.Fatal(err)
	}
	// Runs are not waited for: each takes what the one before it has yet to write. The first donates nothing.
	value, sum := x, float32(21)
	for i := range 10 {
		out, err := p.Run(context.Background(), []*Value{value}, []bool{i > 0})
		if err != nil {
			t.Fatal(err)
		}
		got, err := out[0].Array()
		if err != nil || got.Data[0] != sum {
			t.Errorf("run %d: sum %v, %v; want %v", i, got.Data, err, sum)
		}
		value, sum = out[1], 2*sum
	}
	if got, err := value.Array(); err != nil || got.Data[5] != 6*1024 {
		t.Errorf("6 doubled ten times is %v, %v", got.Data, err)
	}
	if got, err := x.Array(); err != nil || got.Data[0] != 1 {
		t.Errorf("what was not donated is now %v, %v", got.Data, err)
	}
}

// scaled runs a program that multiplies the sum of a value over two devices, 5, and returns what both get.
func scaled(t *testing.T, e *Engine, factor float64) [2]float32 {
	t.Helper()
	p, err := e.CompileParallel("scale", []Input{{Name: "x", Shape: []int{1}}}, func(in []*Node) []*Node {
		return []*Node{MulScalar(SumOverDevices(in)[0], factor)}
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.UploadParts([]field.Array{{Shape: []int{1}, Data: []float32{2}}, {Shape: []int{1}, Data: []float32{3}}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run(context.Background(), []*Value{x}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got [2]float32
	if err := out[0].ReadEach(func(device int, flat []float32) error { got[device] = flat[0]; return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

// Two programs are kept, and then the file of the first holds the second: so it can be seen which of them runs.
func TestCompiledProgramsAreKeptForLaterProcesses(t *testing.T) {
	folder := t.TempDir()
	programs := filepath.Join(folder, "programs")
	e := openPlugin(t, ",cache="+folder, 2)
	files := map[float64]string{}
	for _, factor := range []float64{2, 7} {
		if got, want := scaled(t, e, factor), float32(5*factor); got != [2]float32{want, want} {
			t.Errorf("5 times %v is %v", factor, got)
		}
		entries, err := os.ReadDir(programs)
		if err != nil || len(entries) != len(files)+1 {
			t.Fatalf("%d programs are kept, %v; want %d", len(entries), err, len(files)+1)
		}
		for _, entry := range entries {
			if file := filepath.Join(programs, entry.Name()); file != files[2] {
				files[factor] = file
			}
		}
	}
	other, err := os.ReadFile(files[7])
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("no program"))
	for _, c := range []struct {
		name    string
		content []byte
		want    float32
	}{{"another program", other, 35}, {"half a file", other[:len(other)/2], 10}, {"what the plugin refuses", append(sum[:], "no program"...), 10}} {
		if err := os.WriteFile(files[2], c.content, 0o666); err != nil {
			t.Fatal(err)
		}
		if got := scaled(t, e, 2); got != [2]float32{c.want, c.want} {
			t.Errorf("with %s: 5 times 2 is %v, want %v", c.name, got, c.want)
		}
	}
}
