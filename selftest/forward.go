package selftest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/checkpoint"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/train"
)

// forwardCase is one forward case with everything it needs.
type forwardCase struct {
	*manifest
	net    *network.Network
	data   network.Data
	rolls  frame.Rolls
	input  field.Array // (B, T, points..., C)
	output field.Array
	file   *checkpoint.Checkpoint
}

// forward runs a forward case: output, and intermediates and gradients where the folder has them.
func (r *runner) forward(ctx context.Context, stem string) ([]Result, error) {
	c, err := r.openForward(stem)
	if err != nil {
		return nil, err
	}
	defer c.file.Close()
	defer c.net.Close()
	y, err := c.net.Forward(ctx, c.data, c.input, c.rolls, false)
	if err != nil {
		return nil, err
	}
	out := newGroup(stem, "output")
	if err := out.compare("output", y, c.output, tolerance*c.Noise); err != nil {
		return nil, err
	}
	results := []Result{out.Result}
	if len(c.Intermediates) > 0 {
		result, err := c.intermediates(ctx, stem)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	if c.GradientFile != "" {
		result, err := r.gradients(ctx, c, stem)
		if err != nil {
			return nil, err
		}
		results = append(results, result)
	}
	return results, nil
}

func (r *runner) openForward(stem string) (c *forwardCase, err error) {
	c = &forwardCase{}
	if c.manifest, err = r.folder.manifest(stem); err != nil {
		return nil, err
	}
	if c.file, err = r.folder.open(c.File); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.file.Close()
		}
	}()
	g, err := c.geometry()
	if err != nil {
		return nil, err
	}
	c.data = network.Data{Geometry: g, Fields: c.Fields, Mask: -1}
	if c.rolls, err = c.draws(g, c.Jitter, c.Blocks); err != nil {
		return nil, err
	}
	if c.input, err = r.forwardInput(c); err != nil {
		return nil, err
	}
	want, err := tensor(c.file, "output")
	if err != nil {
		return nil, err
	}
	if c.output, err = channelsLast(want); err != nil {
		return nil, err
	}
	c.net, err = r.folder.network(r.engine, c.manifest)
	return c, err
}

// forwardInput is the case's input, or that of the case with the same note of origin ("same input as ...").
func (r *runner) forwardInput(c *forwardCase) (field.Array, error) {
	if _, ok := c.file.Tensor("input"); ok {
		x, err := tensor(c.file, "input")
		if err != nil {
			return x, err
		}
		return channelsLast(x)
	}
	stems, err := r.folder.cases("fwd_")
	if err != nil {
		return field.Array{}, err
	}
	for _, stem := range stems {
		other, err := r.folder.manifest(stem)
		if err != nil {
			return field.Array{}, err
		}
		if !strings.HasPrefix(other.Note, "same input as case") || other.File == c.File {
			continue
		}
		file, err := r.folder.open(other.File)
		if err != nil {
			return field.Array{}, err
		}
		x, err := tensor(file, "input")
		file.Close()
		if err != nil {
			return x, err
		}
		return channelsLast(x)
	}
	return field.Array{}, fmt.Errorf("selftest: %s: no tensor input", c.Case)
}

// intermediates compares the values inside the network. Block states are kept in the rolled frame of their block: the
// reference moves the tokens where this program moves the coordinates.
func (c *forwardCase) intermediates(ctx context.Context, stem string) (Result, error) {
	samples, frames := c.input.Shape[0], c.input.Shape[1]
	feed := network.Feed{
		Net:      model.Net{Config: c.net.Config, Geometry: c.data.Geometry, Samples: samples, Frames: frames, Operands: c.net.Engine.Operands()},
		Channels: len(c.Fields),
	}
	names, values, err := observe(ctx, c, feed)
	if err != nil {
		return Result{}, err
	}
	g := newGroup(stem, "intermediates")
	outputMax := absMax(c.output)
	tokens := c.data.Geometry.Tokens()
	padded, decoded := c.data.Geometry.Padded(), c.data.Geometry.Decoded()
	for _, name := range slices.Sorted(maps.Keys(c.Intermediates)) {
		part := c.Intermediates[name]
		at := slices.Index(names, name)
		if at < 0 {
			return g.Result, fmt.Errorf("selftest: %s: unknown intermediate %q", stem, name)
		}
		points := tokens[:]
		switch name {
		case "jittered":
			points = padded[:]
		case "decoded":
			points = decoded[:]
		}
		full := channelsFirst(values[at], samples, frames, points)
		var block int
		if n, _ := fmt.Sscanf(name, "block%d.", &block); n == 1 {
			full = rolled(full, c.shift(block, tokens))
		}
		noise := c.Noise * max(1, part.Full.AbsMax/outputMax)
		if err := c.comparePart(g, name, part, full, noise); err != nil {
			return g.Result, err
		}
	}
	return g.Result, nil
}

// comparePart compares the kept part element by element, and the whole by its sum of squares.
func (c *forwardCase) comparePart(g *group, name string, part intermediate, full field.Array, noise float64) error {
	want, err := tensor(c.file, part.Tensor)
	if err != nil {
		return err
	}
	got, err := sub(full, part.T, part.B, part.CStep, part.HStep)
	if err != nil {
		return err
	}
	if err := g.compare(name, got, want, tolerance*noise); err != nil {
		return err
	}
	squares := 0.0
	for _, v := range full.Data {
		squares += float64(v) * float64(v)
	}
	g.add(name+" sum of squares", abs(squares-part.Full.SumSq), tolerance*relativeNoise*part.Full.SumSq)
	return nil
}

// shift is the token roll accumulated up to a block, in [0, tokens).
func (c *forwardCase) shift(block int, tokens [3]int) (s [3]int) {
	for b := 0; b <= block && b < len(c.rolls.Blocks); b++ {
		for k := range s {
			s[k] = ((s[k]+c.rolls.Blocks[b][k])%tokens[k] + tokens[k]) % tokens[k]
		}
	}
	return s
}

// observe runs the network with its intermediate values as outputs.
func observe(ctx context.Context, c *forwardCase, feed network.Feed) (names []string, values []field.Array, err error) {
	names = []string{"jittered"}
	program, err := c.net.Engine.Compile("observe", feed.Inputs(), func(in []*Node) []*Node {
		data, scope := feed.Bind(in)
		outputs := []*Node{Identity(data.X)}
		feed.Net.Observe = func(name string, x *Node) {
			names = append(names, name)
			outputs = append(outputs, x)
		}
		feed.Net.Forward(scope, data)
		return outputs
	})
	if err != nil {
		return nil, nil, err
	}
	defer program.Close()
	inputs, err := feed.Values(c.net.Engine, c.input, c.Fields, c.rolls, nil)
	if err != nil {
		return nil, nil, err
	}
	defer network.Free(inputs)
	out, err := program.Run(ctx, append(inputs, feed.Resident(c.net)...), nil)
	if err != nil {
		return nil, nil, err
	}
	defer network.Free(out)
	for _, v := range out {
		a, err := v.Array()
		if err != nil {
			return nil, nil, err
		}
		values = append(values, a)
	}
	return names, values, nil
}

// gradients compares the gradients of mean |output - target| with respect to the input and every weight.
func (r *runner) gradients(ctx context.Context, c *forwardCase, stem string) (Result, error) {
	g := newGroup(stem, "gradients")
	file, err := r.folder.open(c.GradientFile)
	if err != nil {
		return g.Result, err
	}
	defer file.Close()
	target, err := tensor(c.file, "target")
	if err != nil {
		return g.Result, err
	}
	if target, err = channelsLast(target); err != nil {
		return g.Result, err
	}
	objective := &train.Objective{X: c.input, Count: len(target.Data), Channels: field.NewArray(len(c.Fields))}
	for i := range objective.Channels.Data {
		objective.Channels.Data[i] = 1
	}
	var region field.Array
	if objective.Target, region, err = c.data.Geometry.ApplyTarget(target, c.rolls); err != nil {
		return g.Result, err
	}
	frames := objective.Target.Shape[0]
	objective.Weight = field.NewArray(append(append([]int{frames}, region.Shape...), 1)...)
	for f := range frames {
		copy(objective.Weight.Data[f*len(region.Data):], region.Data)
	}
	example := train.Example{Data: c.data, Rolls: c.rolls}
	loss, weights, input, err := train.Differentiate(ctx, c.net, example, objective, 1/float64(objective.Count))
	if err != nil {
		return g.Result, err
	}
	g.add("loss", abs(loss-c.Loss), tolerance*max(abs(c.Loss-c.LossExact), relativeNoise*c.Loss))
	return g.Result, c.compareGradients(g, file, weights, input)
}

// compareGradients compares with every tensor of the golden file. A gradient that is zero but for round-off has no noise
// figure that means anything; it is compared on the scale of round-off in the largest gradient.
func (c *forwardCase) compareGradients(g *group, file *checkpoint.Checkpoint, weights map[string]field.Array, input field.Array) error {
	largest := 0.0
	for _, noise := range c.GradientNoise {
		largest = max(largest, noise.AbsMax)
	}
	for _, t := range file.Tensors() {
		want, err := t.Array()
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(t.Name, "param.")
		got, ok := weights[name]
		if t.Name == "input" {
			samples, frames := c.input.Shape[0], c.input.Shape[1]
			got, ok = channelsFirst(input, samples, frames, c.Spatial), true
		}
		if !ok {
			return fmt.Errorf("selftest: %s: a gradient for %s, which has none here", c.Case, t.Name)
		}
		if len(got.Data) != len(want.Data) && c.LastStep > 1 {
			got = everyLast(got, c.LastStep)
		}
		noise := c.GradientNoise[t.Name]
		allowed := tolerance * noise.Error
		if noise.AbsMax < 1e-7*largest {
			allowed = max(allowed, 1e-7*largest)
		}
		if err := g.compare(name, got, want, allowed); err != nil {
			return err
		}
	}
	for _, name := range c.Without {
		if _, ok := weights[name]; ok {
			return fmt.Errorf("selftest: %s: %s has a gradient here and none in the golden data", c.Case, name)
		}
	}
	return nil
}

func abs(x float64) float64 {
	if x < 0 {
		return -x
	}
	return x
}
