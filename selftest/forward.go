package selftest

import (
	"context"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"regexp"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
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
	file   *golden
}

// forwardKeys are the entries that the manifest of a forward case must have.
var forwardKeys = []string{"spatial_shape", "field_indices", "bcs", "jitter_rolls", "block_rolls", "f32_vs_f64_max_abs_err"}

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
	return results, c.file.allRead()
}

func (r *runner) openForward(stem string) (*forwardCase, error) {
	m, err := r.folder.manifest(stem, forwardKeys...)
	if err != nil {
		return nil, err
	}
	c := &forwardCase{manifest: m}
	if gradients := stem + ".grad.safetensors"; c.GradientFile == "" && exists(filepath.Join(r.folder.path, gradients)) {
		return nil, fmt.Errorf("selftest: %s: no entry grad_file, though there is a file %s", c.path, gradients)
	}
	if c.file, err = r.folder.tensors(c.manifest); err != nil {
		return nil, err
	}
	if err := r.readForward(c); err != nil {
		c.file.Close()
		return nil, err
	}
	return c, nil
}

// readForward reads what the open file of a case holds, and its network.
func (r *runner) readForward(c *forwardCase) error {
	g, err := c.geometry()
	if err != nil {
		return err
	}
	c.data = network.Data{Geometry: g, Fields: c.Fields, Mask: -1}
	if c.input, err = r.forwardInput(c); err != nil {
		return err
	}
	for _, entry := range []struct {
		key             string
		found, expected int
	}{{"B", c.Samples, c.input.Shape[0]}, {"T", c.Length, c.input.Shape[1]}, {"C", c.Channels, c.input.Axis(-1)}} {
		if err := c.agree(entry.key, entry.found, entry.expected); err != nil {
			return err
		}
	}
	want, err := c.file.tensor("output")
	if err != nil {
		return err
	}
	if c.output, err = channelsLast(want); err != nil {
		return err
	}
	if c.net, err = r.folder.network(r.engine, c.manifest); err != nil {
		return err
	}
	if c.rolls, err = c.draws(g, rolls{c.Jitter, c.Blocks}, c.net.Config.Blocks); err != nil {
		c.net.Close()
	}
	return err
}

// inputOf finds the file in a note of origin: "the input is tensor input of fwd_b_2d_periodic_rolls.safetensors".
var inputOf = regexp.MustCompile(`tensor input of (\S+\.safetensors)`)

// forwardInput is the case's input, or that of the case whose file its note names.
func (r *runner) forwardInput(c *forwardCase) (field.Array, error) {
	file := c.file
	if _, ok := c.file.Tensor("input"); !ok {
		note := inputOf.FindStringSubmatch(c.Note)
		if note == nil {
			return field.Array{}, fmt.Errorf("selftest: %s: no tensor input, and the note of %s names no file that has it", c.file.Path, c.path)
		}
		var err error
		if file, err = r.folder.golden(note[1]); err != nil {
			return field.Array{}, err
		}
		defer file.Close()
	}
	x, err := file.tensor("input")
	if err != nil {
		return x, err
	}
	return channelsLast(x)
}

// intermediates compares the values inside the network. Block states are kept in the rolled frame of their block: the
// reference moves the tokens where this program moves the coordinates.
func (c *forwardCase) intermediates(ctx context.Context, stem string) (Result, error) {
	samples, frames := c.input.Shape[0], c.input.Shape[1]
	feed, err := network.FeedOf(c.net, c.data, samples, frames)
	if err != nil {
		return Result{}, err
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
			return g.Result, fmt.Errorf("selftest: %s: unknown intermediate %q", c.path, name)
		}
		points := tokens[:]
		switch name {
		case "jittered":
			points = padded[:]
		case "decoded":
			points = decoded[:]
		}
		full := channelsFirst(values[at], samples, values[at].Shape[0]/samples, points)
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
	want, err := c.file.tensor(part.Tensor)
	if err != nil {
		return err
	}
	got, err := sub(full, part.T, part.B, part.CStep, part.HStep)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", c.path, name, err)
	}
	if err := g.compare(name, got, want, tolerance*noise); err != nil {
		return err
	}
	sum, squares := 0.0, 0.0
	for _, v := range full.Data {
		sum, squares = sum+float64(v), squares+float64(v)*float64(v)
	}
	g.add(name+" sum of squares", math.Abs(squares-part.Full.SumSq), tolerance*relativeNoise*part.Full.SumSq)
	// The sum of the magnitudes, whose share is the noise of the sum, is at most this root.
	g.add(name+" sum", math.Abs(sum-part.Full.Sum), tolerance*relativeNoise*math.Sqrt(part.Full.SumSq*float64(len(full.Data))))
	g.add(name+" largest", math.Abs(absMax(full)-part.Full.AbsMax), tolerance*noise)
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
	dummy, err := c.net.Host("encoder_dummy")
	if err != nil {
		return nil, nil, err
	}
	scaleFields(values[0], dummy.Data[0])
	return names, values, nil
}

// scaleFields multiplies the fields, not the flags, of the network's input with encoder_dummy: the reference scales the
// data where this program scales the first convolution.
func scaleFields(x field.Array, dummy float32) {
	channels := x.Axis(-1)
	for i := range x.Data {
		if i%channels < channels-frame.FlagChannels {
			x.Data[i] *= dummy
		}
	}
}

// gradients compares the gradients of mean |output - target| with respect to the input and every weight.
func (r *runner) gradients(ctx context.Context, c *forwardCase, stem string) (Result, error) {
	g := newGroup(stem, "gradients")
	for _, key := range []string{"loss", "loss_f64", "grad_noise"} {
		if !c.has(key) {
			return g.Result, fmt.Errorf("selftest: %s: no entry %s", c.path, key)
		}
	}
	file, err := r.folder.golden(c.GradientFile)
	if err != nil {
		return g.Result, err
	}
	defer file.Close()
	loss, weights, input, err := c.differentiate(ctx)
	if err != nil {
		return g.Result, err
	}
	g.add("loss", math.Abs(loss-c.Loss), tolerance*max(math.Abs(c.Loss-c.LossExact), relativeNoise*c.Loss))
	return g.Result, c.compareGradients(g, file, weights, input)
}

// differentiate computes the case's loss and its gradients with respect to the weights and the input.
func (c *forwardCase) differentiate(ctx context.Context) (loss float64, weights map[string]field.Array, input field.Array, err error) {
	target, err := c.file.tensor("target")
	if err != nil {
		return 0, nil, input, err
	}
	if target, err = channelsLast(target); err != nil {
		return 0, nil, input, err
	}
	objective := &train.Objective{X: c.input, Count: len(target.Data), Channels: field.NewArray(len(c.Fields))}
	for i := range objective.Channels.Data {
		objective.Channels.Data[i] = 1
	}
	var region field.Array
	if objective.Target, region, err = c.data.Geometry.ApplyTarget(target, c.rolls); err != nil {
		return 0, nil, input, err
	}
	frames := objective.Target.Shape[0]
	objective.Weight = field.NewArray(append(append([]int{frames}, region.Shape...), 1)...)
	for f := range frames {
		copy(objective.Weight.Data[f*len(region.Data):], region.Data)
	}
	example := train.Example{Data: c.data, Rolls: c.rolls}
	return train.Differentiate(ctx, c.net, example, objective, 1/float64(objective.Count))
}

// compareGradients compares every gradient, and the input's, with the golden file's. A gradient that is zero but for
// round-off has no noise figure that means anything; it is compared on the scale of round-off in the largest gradient.
func (c *forwardCase) compareGradients(g *group, file *golden, weights map[string]field.Array, input field.Array) error {
	largest := 0.0
	var relative []float64
	for _, noise := range c.GradientNoise {
		largest = max(largest, noise.AbsMax)
		if noise.AbsMax > 0 {
			relative = append(relative, noise.Error/noise.AbsMax)
		}
	}
	usual := usualNoise(relative)
	gradients := map[string]field.Array{"input": channelsFirst(input, c.input.Shape[0], c.input.Shape[1], c.Spatial)}
	for name, gradient := range weights {
		if slices.Contains(c.Without, name) {
			return fmt.Errorf("selftest: %s: %s has a gradient here and none in the golden data (params_without_grad)", c.path, name)
		}
		gradients["param."+name] = gradient
	}
	for _, name := range slices.Sorted(maps.Keys(gradients)) {
		want, err := file.tensor(name)
		if err != nil {
			return err
		}
		noise, known := c.GradientNoise[name]
		if !known {
			return fmt.Errorf("selftest: %s: no entry grad_noise of %s", c.path, name)
		}
		allowed := tolerance * max(noise.Error, usual*noise.AbsMax)
		if noise.AbsMax < 1e-7*largest {
			allowed = max(allowed, 1e-7*largest)
		}
		if err := g.compare(name, c.subsampled(gradients[name], want), want, allowed); err != nil {
			return err
		}
	}
	return file.allRead()
}
