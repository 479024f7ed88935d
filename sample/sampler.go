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
	Devices    int                  // a batch is a multiple of these, which share it; 0 counts as 1
}

// Options say how samples are drawn.
type Options struct {
	Seed        uint64
	Rotation    Augmentation // default none
	Reflections bool         // mirror images too: 48 symmetries instead of 24
	// Unturned is the share of batches that are left as they are, before a rotation is drawn for the others: one less the
	// release's probability of a rotation.
	Unturned float64
	// Epoch ends recycling: a data set whose windows have all been drawn is not drawn again before the next so many batches
	// of the mixture. With 0 it begins anew at once, with its windows in another order.
	Epoch uint64
}

// Sampler draws batches from a mixture as the release does (spec/recipe.md, section 3): every data set is equally likely
// for every batch, and within a data set no window comes twice before all have come once.
type Sampler struct {
	entries []mixed
	options Options
	draws   draws
}

type mixed struct {
	Entry
	layout    *Layout
	rotations []field.Rotation
	passes    *passes
}

// New checks the mixture. Every field must be in the vocabulary.
func New(entries []Entry, vocabulary *Vocabulary, options Options) (*Sampler, error) {
	if len(entries) == 0 {
		return nil, errors.New("sample: no data sets to draw from")
	}
	s := &Sampler{options: options, draws: draws{seed: options.Seed, sets: len(entries), epoch: options.Epoch}}
	var total uint64
	for i, e := range entries {
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
		passes := newPasses(options.Seed, i, e.Groups())
		s.entries = append(s.entries, mixed{e, layout, rotations, passes})
		if options.Epoch > 0 {
			s.draws.limits = append(s.draws.limits, passes.length)
		}
		total += passes.length
	}
	if options.Epoch > total {
		return nil, fmt.Errorf("sample: epochs of %d batches without recycling; the data sets are used up after %d", options.Epoch, total)
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

// place tells which batch of which pass of which data set batch n is.
func (s *Sampler) place(n uint64) (set int, pass, number uint64) {
	set, before := s.draws.at(n)
	if s.options.Epoch > 0 {
		return set, n / s.options.Epoch, before
	}
	length := s.entries[set].passes.length
	return set, before / length, before % length
}

// Batch reads batch n, a pure function of the seed and n.
func (s *Sampler) Batch(ctx context.Context, n uint64) (*Batch, error) {
	rng := Random(s.options.Seed, n)
	set, pass, number := s.place(n)
	e := s.entries[set]
	rotation := e.rotations[0] // the identity
	if share := s.options.Unturned; share == 0 || rng.Float64() >= share {
		rotation = pick(rng, e.rotations)
	}
	list := e.passes.batch(pass, number)
	samples := make([]*Batch, len(list))
	for i, index := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		window, err := e.Source.Read(ctx, index, rng)
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
