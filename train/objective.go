package train

import (
	"fmt"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/model"
	"github.com/gowalrus/walrus/network"
)

// lossScale makes the loss 100 times a mean absolute error (spec 4).
const lossScale = 100

// Example is one batch as the objective sees it: physical fields and every random draw.
type Example struct {
	Data     network.Data
	Input    field.Array // (B, T, points..., Cv): the history
	Output   field.Array // (B, 1, points..., Cv): the frame after it
	Constant field.Array // (B, points..., Cc), or with the frames of input and output where the mask moves; empty without constant fields
	Rolls    frame.Rolls
	Keep     []float32 // drop-path factors (DrawKeep); nil for none
	// KeepFields are the factors of whole fields (DrawFields), one a sample and channel; nil for all 1.
	KeepFields []float32
	// Weight is the share of this batch in the loss of a step, where it is a part of one that several processes share; 0 for
	// batches that count the same.
	Weight  float64
	Origins []string // where each sample comes from, for messages; nil if nobody knows
	// NextFrame makes the normalised next frame the target, instead of the normalised change to it.
	NextFrame bool
}

// Objective is a batch in the frame of the network: the training target and where it counts (spec 4 and 6.1).
type Objective struct {
	X        field.Array  // (B, T, points..., C): normalised input
	Target   field.Array  // (B*T', X', Y', Z', C): normalised increments in the decoder's frame
	Weight   field.Array  // (B*T', X', Y', Z', 1): 1 where a data point counts, else 0
	Channels field.Array  // (C): 1 for the variable fields that are not padding
	Count    int          // values that the mean is over, masked and padded ones included
	Scales   frame.Scales // of the input
	// Increment is the normalised target in the data's own frame, (B, T', points..., Cv).
	Increment field.Array
}

// scale is the factor of the summed errors of one of several batches in the loss of a step: the mean over all values of
// the batch, padding and masked ones included, and over the batches.
func (o *Objective) scale(batches int) float64 { return lossScale / float64(o.Count*batches) }

// scale is that factor for an example that may be a part of a batch.
func (e Example) scale(o *Objective, batches int) float64 {
	if e.Weight == 0 {
		return o.scale(batches)
	}
	return lossScale * e.Weight / float64(o.Count)
}

// NewObjective computes the target of a batch for a network that decodes outputFrames of the input's frames: the change
// from each frame to the next, less its mean and divided by its scale in the input. Where more than one frame is decoded
// the first does not count: it has no past to tell a change from.
func NewObjective(e Example, outputFrames int) (*Objective, error) {
	d := e.Data
	if err := d.Check(); err != nil {
		return nil, err
	}
	if len(e.Input.Shape) < 2 || len(e.Output.Shape) != len(e.Input.Shape) || e.Output.Shape[1] < 1 || e.Output.Shape[0] != e.Input.Shape[0] {
		return nil, fmt.Errorf("train: input of shape %v and output of shape %v; expected (samples, frames, points, channels) of the same batch", e.Input.Shape, e.Output.Shape)
	}
	if d.Grid != nil {
		return nil, fmt.Errorf("train: the network would interpolate this data from %v to %v points, and that can not be trained through; set resample: %v for its data set", d.Grid, d.Geometry.Size(), d.Geometry.Size())
	}
	var err error
	if e.Constant, err = d.Given(e.Constant, 0, e.Input.Shape[1]+1); err != nil {
		return nil, err
	}
	joined, err := d.Join(e.Input, e.Constant)
	if err != nil {
		return nil, err
	}
	o := &Objective{}
	if o.Scales, err = d.Normalisation(joined); err != nil {
		return nil, err
	}
	o.X = o.Scales.Normalise(joined)
	o.dropFields(e.KeepFields)
	if err := o.setTarget(e, outputFrames); err != nil {
		return nil, err
	}
	if err := o.setWeight(e, outputFrames); err != nil {
		return nil, err
	}
	o.Channels = field.NewArray(len(d.Fields))
	for c := range d.Variable() {
		if d.Padding == nil || !d.Padding[c] {
			o.Channels.Data[c] = 1
		}
	}
	return o, nil
}

// dropFields multiplies whole channels of samples of the input with their factors.
func (o *Objective) dropFields(factors []float32) {
	if factors == nil {
		return
	}
	channels := o.X.Axis(-1)
	for b := range o.X.Shape[0] {
		for i, values := 0, o.X.Index(b).Data; i < len(values); i++ {
			values[i] *= factors[b*channels+i%channels]
		}
	}
}

// setTarget computes the normalised increments and moves them into the decoder's frame.
func (o *Objective) setTarget(e Example, outputFrames int) error {
	samples, frames := e.Input.Shape[0], e.Input.Shape[1]
	variable, all := e.Data.Variable(), len(e.Data.Fields)
	points := len(e.Input.Data) / (samples * frames * variable)
	if len(e.Output.Data) < samples*points*variable {
		return fmt.Errorf("train: output of shape %v for input of shape %v", e.Output.Shape, e.Input.Shape)
	}
	shape := append([]int(nil), e.Input.Shape...)
	shape[1] = outputFrames
	o.Increment = field.NewArray(shape...)
	shape[len(shape)-1] = all
	target := field.NewArray(shape...) // constants stay zero
	for b := range samples {
		for t := range outputFrames {
			at := frames - outputFrames + t
			now := e.Input.Index(b).Index(at).Data
			next := e.Output.Index(b).Index(0).Data
			if at+1 < frames {
				next = e.Input.Index(b).Index(at + 1).Data
			}
			increment, full := o.Increment.Index(b).Index(t).Data, target.Index(b).Index(t).Data
			if e.NextFrame {
				o.Scales.NormaliseFrame(b, increment, next, variable)
			} else {
				o.Scales.Change(b, increment, now, next, variable)
			}
			for p := range points {
				copy(full[p*all:], increment[p*variable:][:variable])
			}
		}
	}
	e.Data.Hide(o.Increment, e.Constant)
	var err error
	o.Target, _, err = e.Data.Geometry.ApplyTarget(target, e.Rolls)
	return err
}

// setWeight marks the points and frames that count: not the padding, not under the mask, not the first of several
// frames. A point that a moving body uncovers counts, with all of its value as the change, since there was none before;
// one that it covers does not: the mask is that of the frame which an increment leads to.
func (o *Objective) setWeight(e Example, outputFrames int) error {
	shape := append([]int(nil), o.Increment.Shape...)
	variable := shape[len(shape)-1]
	o.Count = field.Volume(shape)
	shape[len(shape)-1] = 1
	counts := field.NewArray(shape...)
	for i := range counts.Data {
		counts.Data[i] = 1
	}
	unmasked := network.Data{Geometry: e.Data.Geometry, Fields: make([]int, 1+e.Data.Constants), Constants: e.Data.Constants, Mask: e.Data.Mask, Moving: e.Data.Moving}
	unmasked.Hide(counts, e.Constant)
	if outputFrames > 1 {
		for b := range shape[0] {
			first := counts.Index(b).Index(0).Data
			clear(first)
			o.Count -= len(first) * variable
		}
	}
	var err error
	o.Weight, _, err = e.Data.Geometry.ApplyTarget(counts, e.Rolls)
	return err
}

// DrawFields draws the factors by which whole fields of the training input are dropped, (B, C): each is 0 with
// probability drop / C, and what is kept grows to the same mean (spec 2.2). It returns nil for a drop of 0.
func DrawFields(drop float64, random *rand.Rand, samples, channels int) []float32 {
	if drop == 0 {
		return nil
	}
	rate := min(1, drop/float64(channels))
	factors := make([]float32, samples*channels)
	for i := range factors {
		if random.Float64() >= rate {
			factors[i] = float32(1 / (1 - rate))
		}
	}
	return factors
}

// DrawKeep draws the drop-path factors of one batch, (blocks, 2, B*T): 0 where a branch is dropped, one over the
// probability of keeping it elsewhere. In time mixing the draw is one a frame, shared by the batch; in space mixing one
// a frame of each sample (spec 2.4 and 5.8). It returns nil for a network without drop path.
func DrawKeep(c model.Config, random *rand.Rand, samples, frames int) []float32 {
	if c.DropPath == 0 {
		return nil
	}
	factors := make([]float32, 0, c.Blocks*2*samples*frames)
	for i := range c.Blocks {
		rate := c.DropRate(i)
		draw := func() float32 {
			if random.Float64() < rate {
				return 0
			}
			return float32(1 / (1 - rate))
		}
		shared := make([]float32, frames)
		for t := range shared {
			shared[t] = draw()
		}
		for range samples {
			factors = append(factors, shared...)
		}
		for range samples * frames {
			factors = append(factors, draw())
		}
	}
	return factors
}
