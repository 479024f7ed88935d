package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
)

// Weight is one named tensor of the state dict.
type Weight struct {
	Name  string
	Shape []int
	// Buffer marks tensors that belong to the state but are not trained (the rotary frequencies).
	Buffer bool
	// Average marks running averages: they follow what the training sees (the running moments of a batch norm) by a share of
	// their gradient, beside the optimizer. Walrus has none.
	Average bool
	// Frozen marks those that this training leaves as they are (Config.Frozen).
	Frozen bool
	// Dimensions is 2 or 3 for the tensors of one encoder or decoder, 0 for those that every graph uses.
	Dimensions int
	law        law
}

// Dense reports whether a weight is only ever the operand of a matrix product: nearly all of a large network's memory.
func (w Weight) Dense() bool {
	for _, name := range []string{"fused_ff_qkv", "ff_out", "attn_out", "input_head", "output_head"} {
		if strings.HasSuffix(w.Name, "."+name+".weight") {
			return true
		}
	}
	return false
}

// law is how a fresh tensor is drawn (golden/init_stats.json).
type law struct {
	kind  lawKind
	width float64 // half width of the uniform law, deviation of the normal one
}

type lawKind uint8

const (
	zeros lawKind = iota
	ones
	normal      // mean 0, deviation width
	uniform     // within +- width
	frequencies // pi x linspace(1, 128)
	constant    // width everywhere
)

// PositionEmbedding is the name of the learned absolute position embedding, (1, 1, hidden, h, w, d) over the tokens.
const PositionEmbedding = "ape"

// positionWidth is the deviation of a fresh position embedding, whose law is normal with mean 0, as the release adds it.
const positionWidth = 0.005

// Weights lists every tensor of the configuration in the order of the released state dict; what LoRA and Added add stands
// behind what it belongs to.
func (c Config) Weights() []Weight {
	var list []Weight
	add := func(p Weight) {
		p.Frozen = c.Frozen[p.Name]
		list = append(list, p)
	}
	add(Weight{Name: "encoder_dummy", Shape: []int{1}, law: law{kind: ones}})
	for _, d := range c.Dimensions {
		c.encoderWeights(d, add)
	}
	if c.HasPosition() {
		add(Weight{Name: PositionEmbedding, Shape: []int{1, 1, c.Hidden, c.Position[0], c.Position[1], c.Position[2]}, law: law{normal, positionWidth}})
	}
	for i := range c.Blocks {
		c.blockWeights(fmt.Sprintf("blocks.%d.", i), add)
	}
	for _, d := range c.Dimensions {
		c.decoderWeights(d, add)
	}
	return list
}

// GraphWeights lists the tensors that a graph for data with the given number of spatial axes uses.
func (c Config) GraphWeights(dimensions int) []Weight {
	var list []Weight
	for _, p := range c.Weights() {
		if p.Dimensions == 0 || p.Dimensions == dimensions {
			list = append(list, p)
		}
	}
	return list
}

// Count is the number of values that training can change.
func (c Config) Count() int { return c.count(func(w Weight) bool { return !w.Buffer }) }

// CountTrained is the number of values that training does change.
func (c Config) CountTrained() int { return c.count(Weight.Trained) }

func (c Config) count(counts func(Weight) bool) int {
	n := 0
	for _, p := range c.Weights() {
		if counts(p) {
			n += field.Volume(p.Shape)
		}
	}
	return n
}

const (
	kernelVolume1 = frame.Kernel1 * frame.Kernel1 * frame.Kernel1
	kernelVolume2 = frame.Kernel2 * frame.Kernel2 * frame.Kernel2
)

func kernel1(out, in int) []int { return []int{out, in, frame.Kernel1, frame.Kernel1, frame.Kernel1} }
func kernel2(out, in int) []int { return []int{out, in, frame.Kernel2, frame.Kernel2, frame.Kernel2} }

// fanIn is PyTorch's default law: uniform within one over the root of the number of inputs.
func fanIn(n int) law { return law{uniform, 1 / math.Sqrt(float64(n))} }

func (c Config) encoderWeights(d int, add func(Weight)) {
	in := fmt.Sprintf("embed.%d.", d)
	c.columnWeight(Weight{Name: in + "proj1.weight", Shape: kernel1(c.Inner, c.States), Dimensions: d, law: fanIn(c.States * kernelVolume1)}, 1, add)
	add(Weight{Name: in + "norm1.weight", Shape: []int{c.Inner}, Dimensions: d, law: law{kind: ones}})
	add(Weight{Name: in + "proj2.weight", Shape: kernel2(c.Hidden, c.Inner), Dimensions: d, law: fanIn(c.Inner * kernelVolume2)})
	add(Weight{Name: in + "norm2.weight", Shape: []int{c.Hidden}, Dimensions: d, law: law{kind: ones}})
}

// decoderWeights lists the transposed convolutions; PyTorch counts their outputs as the fan-in.
func (c Config) decoderWeights(d int, add func(Weight)) {
	in := fmt.Sprintf("debed.%d.", d)
	add(Weight{Name: in + "proj1.weight", Shape: kernel2(c.Hidden, c.Inner), Dimensions: d, law: fanIn(c.Inner * kernelVolume2)})
	add(Weight{Name: in + "norm1.weight", Shape: []int{c.Inner}, Dimensions: d, law: law{kind: ones}})
	c.columnWeight(Weight{Name: in + "proj2.weight", Shape: kernel1(c.Inner, c.States), Dimensions: d, law: fanIn(c.States * kernelVolume1)}, 1, add)
	c.columnWeight(Weight{Name: in + "proj2.bias", Shape: []int{c.States}, Dimensions: d, law: fanIn(c.States * kernelVolume1)}, 0, add)
}

// nearZero is the law of the last layer of each branch: a fresh block hardly changes its input.
const nearZeroWeight, nearZeroBias = 6.0 / (1 + 5e12), 1e-6

func (c Config) blockWeights(in string, add func(Weight)) {
	h, hd := c.Hidden, c.HeadSize()
	vector := func(name string, n int, l law) { add(Weight{Name: in + name, Shape: []int{n}, law: l}) }
	linear := func(name string, out, inputs int, conv, bias bool, weight, offset law) {
		shape := []int{out, inputs}
		if conv {
			shape = append(shape, 1, 1, 1)
		}
		add(Weight{Name: in + name + ".weight", Shape: shape, law: weight})
		if bias {
			vector(name+".bias", out, offset)
		}
		c.lowRankWeights(in+name, inputs, add)
	}
	near := func(inputs int) (weight, offset law) {
		return law{uniform, math.Sqrt(nearZeroWeight / float64(inputs))}, law{uniform, nearZeroBias / math.Sqrt(float64(inputs))}
	}
	norm := func(name string) {
		vector(name+".weight", hd, law{kind: ones})
		vector(name+".bias", hd, law{kind: zeros})
	}

	vector("space_mixing.norm1.weight", h, law{kind: ones})
	linear("space_mixing.fused_ff_qkv", 7*h, h, false, true, fanIn(h), fanIn(h))
	weight, offset := near(2 * h)
	linear("space_mixing.ff_out", h, 2*h, false, true, weight, offset)
	weight, _ = near(h)
	linear("space_mixing.attn_out", h, h, false, false, weight, law{})
	norm("space_mixing.q_norm")
	norm("space_mixing.k_norm")
	if c.AxisFrequencies {
		for axis := range 3 {
			vector(fmt.Sprintf("space_mixing.rotary_emb.freqs.%d", axis), c.Frequencies(), law{kind: frequencies})
		}
	} else {
		add(Weight{Name: in + "space_mixing.rotary_emb.freqs", Shape: []int{c.Frequencies()}, Buffer: true, law: law{kind: frequencies}})
	}

	vector("time_mixing.norm1.weight", h, law{kind: ones})
	linear("time_mixing.input_head", 3*h, h, true, true, fanIn(h), fanIn(h))
	weight, offset = near(h)
	linear("time_mixing.output_head", h, h, true, true, weight, offset)
	norm("time_mixing.qnorm")
	norm("time_mixing.knorm")
	add(Weight{Name: in + "time_mixing.rel_pos_bias.relative_attention_bias.weight", Shape: []int{buckets, c.Heads}, law: law{normal, 1}})
}

// Initialise fills values, those of tensor p, as a fresh model has it. Each tensor has its own stream of random
// numbers, made from the seed and its name: the result does not depend on the order of initialisation.
func (p Weight) Initialise(values []float32, seed uint64) {
	switch p.law.kind {
	case zeros:
		clear(values)
	case ones:
		for i := range values {
			values[i] = 1
		}
	case constant:
		for i := range values {
			values[i] = float32(p.law.width)
		}
	case frequencies:
		for i := range values {
			values[i] = frequency(i, len(values))
		}
	case normal:
		random := p.random(seed)
		for i := range values {
			values[i] = float32(random.NormFloat64() * p.law.width)
		}
	case uniform:
		random := p.random(seed)
		for i := range values {
			values[i] = float32((2*random.Float64() - 1) * p.law.width)
		}
	}
}

// random is the tensor's own generator: PCG seeded with the run's seed and the FNV-1a hash of the name.
func (p Weight) random(seed uint64) *rand.Rand {
	hash := uint64(14695981039346656037)
	for _, b := range []byte(p.Name) {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	return rand.New(rand.NewPCG(seed, hash))
}

// frequency is entry i of pi x linspace(1, 128, n) (spec 2.4.4), in the order of float32 operations of the reference.
func frequency(i, n int) float32 {
	if n == 1 {
		return math.Pi
	}
	step := float32(127) / float32(n-1)
	f := 1 + step*float32(i)
	if i >= n/2 {
		f = 128 - step*float32(n-1-i)
	}
	return f * float32(math.Pi)
}
