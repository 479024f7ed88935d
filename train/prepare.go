package train

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/gowalrus/walrus/engine"
	"github.com/gowalrus/walrus/frame"
	"github.com/gowalrus/walrus/network"
	"github.com/gowalrus/walrus/ranks"
	"github.com/gowalrus/walrus/sample"
)

// openEngine opens what a configuration names.
func openEngine(c Config, g *ranks.Group, o Observer) (*engine.Engine, error) {
	precision, err := engine.ParsePrecision(c.Precision)
	if err != nil {
		return nil, err
	}
	return engine.OpenWith(ownDevices(c.Engine, c.Devices, g, os.Getenv), engine.Options{Precision: precision, Devices: c.Devices, Compiling: o.Compiling})
}

// compile compiles the programs for the shapes of the mixture before the first step, so that no step waits for a
// compiler. Shapes that it does not foresee (2-D data turned out of its plane) are compiled when they are first met.
func (r *Run) compile(ctx context.Context) error {
	vocabulary, err := sample.NewVocabulary(r.saved.Fields)
	if err != nil {
		return err
	}
	feeds, err := mixtureFeeds(ctx, r.data, vocabulary, r.config, r.feedOf)
	if err != nil {
		return err
	}
	if r.stepper.oneProgram(r.loop.accumulation()) {
		for _, feed := range feeds {
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := r.stepper.wholeStep(feed); err != nil {
				return err
			}
		}
		return nil
	}
	var dimensions []int
	for _, feed := range feeds {
		for batch := range min(r.loop.accumulation(), 2) { // the first of a step, and those that add to it
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := r.stepper.gradient(feed, batch > 0); err != nil {
				return err
			}
		}
		dimensions = append(dimensions, feed.Net.Geometry.Dimensions())
	}
	if r.team != nil { // the programs of updates follow when it is known what the others have
		return nil
	}
	slices.Sort(dimensions)
	dimensions = slices.Compact(dimensions)
	// A step sees one number of axes, or with several batches both.
	for _, d := range dimensions {
		if _, err := r.stepper.update(d); err != nil {
			return err
		}
	}
	if r.loop.accumulation() > 1 {
		_, err = r.stepper.update(dimensions...)
	}
	return err
}

// mixtureFeeds lists the shapes that batches of a mixture have, turned or not.
func mixtureFeeds(ctx context.Context, s *sources, vocabulary *sample.Vocabulary, c Config,
	feedOf func(d network.Data, samples, frames int, keep bool) (network.Feed, error)) ([]network.Feed, error) {
	var feeds []network.Feed
	seen := map[string]bool{}
	err := mixtureData(ctx, s, vocabulary, c, func(d network.Data, samples, frames int) error {
		feed, err := feedOf(d, samples, frames, c.Model.DropPath > 0)
		if err != nil {
			return err
		}
		if feed.Net.Samples == 0 { // another rank's part
			return nil
		}
		if key := feed.Key(); !seen[key] {
			seen[key] = true
			feeds = append(feeds, feed)
		}
		return nil
	})
	return feeds, err
}

// mixtureData visits the data of a batch of every data set of a mixture, and of every group of its windows, turned or not.
func mixtureData(ctx context.Context, s *sources, vocabulary *sample.Vocabulary, c Config, visit func(d network.Data, samples, frames int) error) error {
	for _, e := range s.entries {
		layout, err := sample.NewLayout(e.Source.Fields(), e.Transforms, vocabulary)
		if err != nil {
			return fmt.Errorf("train: %s: %w", e.Source.Name(), err)
		}
		for _, group := range e.Groups() {
			err = one(ctx, e, layout, group.Windows[0], func(b *sample.Batch) error {
				turned, err := turnedData(b, c)
				for _, d := range turned {
					if failed := visit(d, group.Batch, b.Input.Shape[1]); failed != nil {
						return failed
					}
				}
				return err
			})
			if err != nil {
				return fmt.Errorf("train: %w", err)
			}
		}
	}
	return nil
}

// positionGrid is the grid of tokens of a new position embedding; zero if the configuration asks for none. All data that
// training will see has to agree on it.
func positionGrid(ctx context.Context, s *sources, names []string, c Config) ([3]int, error) {
	var grid [3]int
	if !c.Finetune.PositionEmbedding {
		return grid, nil
	}
	vocabulary := sample.ReleasedVocabulary()
	vocabulary.Add(names...)
	err := mixtureData(ctx, s, vocabulary, c, func(d network.Data, _, _ int) error {
		tokens := d.Geometry.Tokens()
		if grid == [3]int{} {
			grid = tokens
		}
		if tokens != grid {
			return fmt.Errorf("finetune.position_embedding needs one grid of tokens; the data has %v and %v (with data.rotation=%s; none keeps the axes in place)", grid, tokens, c.Data.Rotation)
		}
		return nil
	})
	if err != nil {
		return grid, err
	}
	if c.Data.Rotation == sample.SpaceRotation && (grid[0] != grid[1] || grid[1] != grid[2]) {
		return grid, fmt.Errorf("train: finetune.position_embedding on a grid of %v tokens needs data.rotation=none; it is space", grid)
	}
	return grid, nil
}

// turnedData describes the data of a batch in each order of its axes that the augmentation makes, with each number of tokens.
func turnedData(b *sample.Batch, c Config) (list []network.Data, failed error) {
	for _, o := range layouts(b, c.Frame()) {
		turned, err := turnedLayout(b, c, o)
		list, failed = append(list, turned...), errors.Join(failed, err)
	}
	return list, failed
}

// turnedLayout is turnedData for one way to lay out the batch.
func turnedLayout(b *sample.Batch, c Config, o frame.Options) ([]network.Data, error) {
	d, err := network.DataOf(b, o)
	if err != nil {
		return nil, err
	}
	list := []network.Data{d}
	if c.Data.Rotation != sample.PlaneRotation || b.Curvilinear {
		return list, nil
	}
	grid := b.Grid()
	for _, order := range orders(d.Geometry.Dimensions())[1:] {
		size, sides := append([]int(nil), grid...), append(b.Boundaries[:0:0], b.Boundaries...)
		for to, from := range order {
			size[to], sides[to] = grid[from], b.Boundaries[from]
		}
		turned := d
		var failed error
		if turned.Geometry, failed = frame.NewGeometry(size, sides, o); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		list = append(list, turned)
	}
	return list, err
}

// orders lists the permutations of the first axes, the unchanged one first.
func orders(axes int) [][]int {
	if axes < 2 {
		return [][]int{{0}}
	}
	if axes == 2 {
		return [][]int{{0, 1}, {1, 0}}
	}
	return [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
}
