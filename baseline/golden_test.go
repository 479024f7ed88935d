package baseline

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/model"
)

// golden is what scripts/golden-baseline.py writes: The Well's classes in PyTorch, float64.
type golden struct {
	Versions map[string]string
	Cases    []goldenCase
}

type goldenCase struct {
	Kind            Kind
	Dimensions      int
	Points          []int
	Samples         int
	Inputs, Outputs int
	Width           int
	Depth           int
	Modes           int
	Y               []float64 // of a prediction: one of Every values
	Every           int
	Loss            float64               // of a training
	Gradients       map[string][2]float64 // of the loss: projection, norm
	Averages        map[string][]float64  // after the training step
	Noise           struct{ Y, Loss, Gradient, Averages float64 }
}

// formula has the values that the script gives an array of a name.
func formula(name string, size int) []float32 {
	sum := 0
	for _, b := range []byte(name) {
		sum += int(b)
	}
	v := make([]float32, size)
	for i := range v {
		x := float64(i)
		v[i] = float32(math.Sin(0.7*x + 0.0137*x*x + float64(sum%97)))
	}
	return v
}

// weightValues are those of the script's weight.
func weightValues(w model.Weight) []float32 {
	v := formula(w.Name, field.Volume(w.Shape))
	scale := 1.5 / math.Sqrt(float64(len(v))/float64(w.Shape[len(w.Shape)-1]))
	around := strings.HasSuffix(w.Name, "running_var") || strings.HasSuffix(w.Name, "gamma") || strings.HasSuffix(w.Name, "weight") && len(w.Shape) == 1
	for i := range v {
		if around {
			v[i] = 1 + 0.2*v[i]
		} else {
			v[i] *= float32(scale)
		}
	}
	return v
}

// readGolden reads the file.
func readGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func (c goldenCase) config() Config {
	return Config{Kind: c.Kind, Dimensions: c.Dimensions, In: c.Inputs, Out: c.Outputs, Width: c.Width, Depth: c.Depth, Modes: c.Modes}
}

// run compiles a graph of the network with inputs x and weights, and returns its results. trained are the places of the
// trained weights among the inputs.
func (c goldenCase) run(t *testing.T, e *engine.Engine, graph func(in []*Node, s *model.Scope, trained []int) []*Node) []field.Array {
	t.Helper()
	shape := append([]int{c.Samples}, c.Points...)
	for len(shape) < 4 {
		shape = append(shape, 1)
	}
	shape = append(shape, c.Inputs)
	arrays := []field.Array{{Shape: shape, Data: formula("x", field.Volume(shape))}}
	inputs := []engine.Input{{Name: "x", Shape: shape}}
	var trained []int
	weights := c.config().Weights()
	for i, w := range weights {
		inputs = append(inputs, engine.Input{Name: w.Name, Shape: w.Shape})
		arrays = append(arrays, field.Array{Shape: w.Shape, Data: weightValues(w)})
		if !w.Buffer {
			trained = append(trained, 1+i)
		}
	}
	program, err := e.Compile("golden", inputs, func(in []*Node) []*Node {
		named := map[string]*Node{}
		for i, w := range weights {
			named[w.Name] = in[1+i]
		}
		return graph(in, model.NewScope(named), trained)
	})
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	values := make([]*engine.Value, len(arrays))
	for i, a := range arrays {
		if values[i], err = e.Upload(a); err != nil {
			t.Fatal(err)
		}
		defer values[i].Free()
	}
	out, err := program.Run(context.Background(), values, nil)
	if err != nil {
		t.Fatal(err)
	}
	results := make([]field.Array, len(out))
	for i, v := range out {
		if results[i], err = v.Array(); err != nil {
			t.Fatal(err)
		}
		v.Free()
	}
	return results
}

// A tolerance is ten times the distance of PyTorch's own float32 from its float64, and a floor where that happens to be small.
func TestForwardAndGradientsAreThoseOfTheWellsClasses(t *testing.T) {
	e, err := engine.Open(engine.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	compareWithGolden(t, e)
}

// compareWithGolden repeats every case of the golden file on an engine.
func compareWithGolden(t *testing.T, e *engine.Engine) {
	t.Helper()
	for _, c := range readGolden(t).Cases {
		t.Run(fmt.Sprintf("%s in %d-D", c.Kind, c.Dimensions), func(t *testing.T) {
			y := c.run(t, e, func(in []*Node, s *model.Scope, _ []int) []*Node {
				y, _ := c.config().Forward(s, in[0], false)
				return []*Node{y}
			})[0]
			var kept []float32
			for i := 0; i < len(y.Data); i += c.Every {
				kept = append(kept, y.Data[i])
			}
			within(t, "prediction", kept, c.Y, max(10*c.Noise.Y, 1e-6))

			var names []string
			results := c.run(t, e, func(in []*Node, s *model.Scope, trained []int) []*Node {
				y, drift := c.config().Forward(s, in[0], true)
				loss := ReduceAllSum(Mul(y, Reshape(Const(y.Graph(), formula("loss", y.Shape().Size())), y.Shape().Dimensions...)))
				if drift != nil {
					loss = Add(loss, drift)
				}
				nodes := []*Node{in[0]}
				names = []string{"x"}
				for _, i := range trained {
					nodes, names = append(nodes, in[i]), append(names, c.config().Weights()[i-1].Name)
				}
				return append([]*Node{loss}, Gradient(loss, nodes...)...)
			})
			within(t, "loss", results[0].Data, []float64{c.Loss}, max(10*c.Noise.Loss, 1e-5*math.Abs(c.Loss)))
			compared := 0
			for i, name := range names {
				g := results[1+i]
				if observed, average := c.Averages[name]; average { // old - share x gradient
					old := weightValues(c.config().Weights()[i-1])
					for k := range g.Data {
						g.Data[k] = old[k] - 0.1*g.Data[k]
					}
					within(t, name, g.Data, observed, max(10*c.Noise.Averages, 1e-6))
					continue
				}
				want, found := c.Gradients[name]
				if !found {
					t.Errorf("no gradient of %s in the golden file", name)
					continue
				}
				var projection, square float64
				for k, v := range formula("projection", len(g.Data)) {
					projection += float64(v) * float64(g.Data[k])
					square += float64(g.Data[k]) * float64(g.Data[k])
				}
				tolerance := max(10*c.Noise.Gradient, 1e-5) * want[1]
				within(t, "gradient of "+name, []float32{float32(projection), float32(math.Sqrt(square))}, want[:], tolerance)
				compared++
			}
			if compared != len(c.Gradients) {
				t.Errorf("compared %d gradients; the file has %d", compared, len(c.Gradients))
			}
		})
	}
}

func within(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s has %d values; want %d", what, len(got), len(want))
	}
	worst, at := 0.0, 0
	for i := range got {
		if d := math.Abs(float64(got[i]) - want[i]); !(d <= worst) {
			worst, at = d, i
		}
	}
	if !(worst <= tolerance) {
		t.Errorf("%s: value %d is %g, PyTorch's is %g; they may differ by %g", what, at, got[at], want[at], tolerance)
	}
}
