package train

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// pluginVariable names a PJRT plugin for the tests that need one; builds with XLA only.
const pluginVariable = "WALRUS_TEST_PJRT_PLUGIN"

// severalDevices lists the engines with several devices that are at hand, by their configuration.
func severalDevices() []string {
	list := []string{"cpu:devices=4"}
	if plugin := os.Getenv(pluginVariable); plugin != "" && engine.HasXLA() {
		list = append(list, "xla:"+plugin)
	}
	return list
}

// stepperOn trains a fresh small network on some devices of an engine.
func stepperOn(t *testing.T, config string, devices int) (*Stepper, network.Data) {
	t.Helper()
	e, err := engine.OpenWith(config, engine.Options{Devices: devices})
	if err != nil {
		t.Fatal(err)
	}
	c := model.Config{Hidden: 16, Inner: 4, Heads: 2, Blocks: 2, States: 8, Dimensions: []int{2, 3}, Causal: true, Jitter: true, DropPath: 0.5}
	n, err := network.New(e, c, network.Fresh(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close(); e.Close() })
	g, err := frame.NewGeometry([]int{16, 16}, []field.Sides{field.Both(field.Periodic), field.Both(field.Wall)}, frame.Options{Tokens: 8})
	if err != nil {
		t.Fatal(err)
	}
	o := ReleasedOptimizer()
	o.Clip = 0.1 // every step is clipped: the norm must be that of the whole batch
	s, err := NewStepper(n, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s, network.Data{Geometry: g, Fields: []int{3, 4, 5}, Constants: 1, Padding: []bool{false, true}, Mask: 0}
}

// fourSamples is a batch of 4 with drop path.
func fourSamples(seed uint64, s *Stepper, d network.Data) Example {
	e := randomExample(seed, d, 4)
	e.Keep = DrawKeep(s.Network.Config, rand.New(rand.NewPCG(seed, 1)), 4, 3)
	return e
}

// Each device sees its own samples only, so every loss and norm shows whether the parts meet rightly.
func TestDevicesTogetherTrainAsOne(t *testing.T) {
	const steps, tolerance = 3, 2e-4
	for _, config := range severalDevices() {
		one, d := stepperOn(t, config, 1)
		want := trainSteps(t, one, d, steps)
		for _, devices := range []int{2, 4} {
			several, d := stepperOn(t, config, devices)
			got := trainSteps(t, several, d, steps)
			for i := range want {
				if relative(got[i].Loss, want[i].Loss) > tolerance || relative(got[i].GradientNorm, want[i].GradientNorm) > tolerance {
					t.Errorf("%s, %d devices, step %d: %+v; one device %+v", config, devices, i+1, got[i], want[i])
				}
			}
			for _, w := range several.Trained(2, 3) {
				comparePlaces(t, w.Name, one.Network.Weight(w.Name), several.Network.Weight(w.Name), tolerance)
			}
		}
	}
}

// trainSteps makes steps of two batches of four samples, some with a third one in 3-D.
func trainSteps(t *testing.T, s *Stepper, d network.Data, steps int) []Outcome {
	t.Helper()
	var list []Outcome
	for i := range steps {
		examples := []Example{fourSamples(uint64(2*i), s, d), fourSamples(uint64(2*i+1), s, d)}
		if i%2 == 1 {
			cube := cubeExample(t, uint64(i), 4)
			cube.Keep = examples[0].Keep
			examples = append(examples, cube)
		}
		outcome, err := s.Step(context.Background(), examples, 1e-3)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, outcome)
	}
	return list
}

// comparePlaces compares a weight on all devices with that of a run on one, and the devices with each other bit for bit.
func comparePlaces(t *testing.T, name string, one, several *engine.Value, tolerance float64) {
	t.Helper()
	want, err := one.Array()
	if err != nil {
		t.Fatal(err)
	}
	first, err := several.Array()
	if err != nil {
		t.Fatal(err)
	}
	err = several.ReadEach(func(device int, flat []float32) error {
		for i, x := range flat {
			if x != first.Data[i] {
				t.Errorf("%s[%d] is %v on device %d and %v on the first", name, i, x, device, first.Data[i])
				return nil
			}
			// A step moves a weight by about the learning rate whatever its gradient: where that is noise, so is the step.
			if math.Abs(float64(x-want.Data[i])) > 20*tolerance*(math.Abs(float64(want.Data[i]))+1e-1) {
				t.Errorf("%s[%d] is %v on device %d; on one device alone %v", name, i, x, device, want.Data[i])
				return nil
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func relative(got, want float64) float64 { return math.Abs(got-want) / math.Abs(want) }

func TestABatchThatDevicesCanNotShareIsAnError(t *testing.T) {
	s, d := stepperOn(t, "cpu:devices=4", 4)
	if _, err := s.Step(context.Background(), []Example{randomExample(1, d, 2)}, 1e-3); err == nil || !strings.Contains(err.Error(), "batch of 2 on 4 devices") {
		t.Errorf("two samples on four devices: error %v", err)
	}
	c := DefaultConfig()
	c.Data.Sets = []SetConfig{{Path: "a"}, {Path: "b", Batch: 3}}
	for devices, want := range map[int]string{0: "expected at least 1", 2: "data.sets.1 (b)", 3: "data.sets.0 (a)"} {
		c.Devices = devices
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d devices: error %v, want one that says %q", devices, err, want)
		}
	}
}
