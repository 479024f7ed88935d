package sample

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/gowalrus/walrus/field"
)

// Entry is one data set of a mixture.
type Entry struct {
	Source     Source
	Transforms map[string]Transform // by field name
	Batch      int                  // samples in a batch of this data set; at least 1
}

// Options say how samples are drawn.
type Options struct {
	Seed        uint64
	Rotation    Augmentation // default none
	Reflections bool         // mirror images too: 48 symmetries instead of 24
	// Group is the number of successive batches that are all 2-D or all 3-D, since one optimizer step trains one of the
	// two encoders. Every data set stays equally likely. 0 counts as 1.
	Group int
}

// Sampler draws batches from a mixture in which every data set is equally likely (recipe, section 3).
type Sampler struct {
	entries []mixed
	options Options
}

type mixed struct {
	Entry
	layout    *Layout
	rotations []field.Rotation
}

// New checks the mixture. Every field must be in the vocabulary.
func New(entries []Entry, vocabulary *Vocabulary, options Options) (*Sampler, error) {
	if len(entries) == 0 {
		return nil, errors.New("sample: no data sets to draw from")
	}
	s := &Sampler{options: options}
	for _, e := range entries {
		name := e.Source.Name()
		if e.Batch < 1 {
			return nil, fmt.Errorf("sample: %s: batches of %d samples; expected at least 1", name, e.Batch)
		}
		if e.Source.Windows() < 1 {
			return nil, fmt.Errorf("sample: %s: no windows to draw from", name)
		}
		layout, err := NewLayout(e.Source.Fields(), e.Transforms, vocabulary)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		rotations, err := options.Rotation.rotations(layout, options.Reflections)
		if err != nil {
			return nil, err
		}
		s.entries = append(s.entries, mixed{e, layout, rotations})
	}
	return s, nil
}

// Random gives the generator of draw n of a seed: independent of every other draw, and the same at every run.
func Random(seed, n uint64) *rand.Rand { return rand.New(rand.NewPCG(scatter(seed), scatter(^n))) }

// scatter is the finalizer of SplitMix64 (Steele, Lea and Flood 2014): the generators of neighbouring numbers would
// otherwise begin at neighbouring states.
func scatter(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// groupStream separates the draws of groups from those of batches.
const groupStream = 0x67726f7570000000

// choose draws a data set of the dimensionality that the group has.
func (s *Sampler) choose(rng *rand.Rand, group uint64) mixed {
	first := pick(Random(s.options.Seed^groupStream, group), s.entries)
	var alike []mixed
	for _, e := range s.entries {
		if len(e.layout.source.Axes) == len(first.layout.source.Axes) {
			alike = append(alike, e)
		}
	}
	return pick(rng, alike)
}

// Batch reads batch n, a pure function of the seed and n.
func (s *Sampler) Batch(ctx context.Context, n uint64) (*Batch, error) {
	rng := Random(s.options.Seed, n)
	e := s.choose(rng, n/uint64(max(1, s.options.Group)))
	rotation := pick(rng, e.rotations)
	samples := make([]*Batch, e.Batch)
	for i := range samples {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		window, err := e.Source.Read(ctx, rng.IntN(e.Source.Windows()), rng)
		if err != nil {
			return nil, fmt.Errorf("sample: batch %d of %s: %w", n, e.Source.Name(), err)
		}
		if samples[i], err = e.layout.Prepare(window); err != nil {
			return nil, err
		}
		if err = e.layout.rotate(samples[i], rotation, s.options.Rotation == SpaceRotation); err != nil {
			return nil, fmt.Errorf("sample: %s: %w", window.Origin, err)
		}
	}
	batch, err := stack(samples)
	if err != nil {
		return nil, err
	}
	batch.DataSet = e.Source.Name()
	return batch, nil
}
