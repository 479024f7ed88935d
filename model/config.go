package model

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// Field columns that every vocabulary starts with (spec 1): they carry the boundary flags.
const (
	ColumnWall = iota
	ColumnOpen
	ColumnBiasCorrection
	FirstField // the first column of a physical field
)

// Config is the architecture: the sizes of the weights and the rules that do not depend on the data.
type Config struct {
	Hidden     int   // width of a token
	Inner      int   // width between the two convolutions of encoder and decoder
	Heads      int   // attention heads, in space and in time
	Blocks     int   // pairs of time and space mixing
	States     int   // field columns, the three flags included
	Dimensions []int // numbers of spatial axes that have an encoder and a decoder: 2, 3 or both
	Causal     bool  // time attention sees the past only, and every frame is decoded; the release is causal
	Jitter     bool  // patches and tokens are rolled at random; if not, axes with ends are padded less too (frame.Options)
	// DropPath is the probability of skipping the last block's branches in training; it grows linearly from 0 at the
	// first block.
	DropPath float64
	// AxisFrequencies gives each block learnable rotary frequencies for each axis, as the fine-tuned releases have.
	AxisFrequencies bool
	// Position is the token grid of a learned absolute position embedding, as some fine-tuned releases have; zero for
	// none.
	Position [3]int
	// LoRA adds small trained matrices to those of the blocks.
	LoRA LoRA
	// Frozen names weights that are not trained: without gradient and moments, and not in the checkpoints of a run.
	Frozen map[string]bool
	// Added are the field columns, in ascending order, that are trained in weights of their own where the encoder or decoder
	// that they belong to is frozen: those of fields that the weights did not know before.
	Added []int
}

// HeadSize is the width of one attention head.
func (c Config) HeadSize() int { return c.Hidden / c.Heads }

// Frequencies is the number of rotary frequencies of an axis (spec 2.4.4).
func (c Config) Frequencies() int { return c.HeadSize() / 4 / 2 }

// HasPosition reports whether the network has a learned absolute position embedding.
func (c Config) HasPosition() bool { return c.Position != [3]int{} }

// Limits of a configuration that is read from outside: far above any model, far below an overflow.
const (
	maxWidth  = 1 << 16
	maxBlocks = 1 << 12
	maxStates = 1 << 16
)

// Validate reports the first setting that no network can have.
func (c Config) Validate() error {
	for _, s := range []struct {
		name       string
		value, max int
	}{
		{"hidden", c.Hidden, maxWidth}, {"inner", c.Inner, maxWidth}, {"heads", c.Heads, maxWidth},
		{"blocks", c.Blocks, maxBlocks}, {"states", c.States, maxStates},
	} {
		if s.value < 1 || s.value > s.max {
			return fmt.Errorf("model: %s is %d; expected 1 to %d", s.name, s.value, s.max)
		}
	}
	switch {
	case c.Hidden%c.Heads != 0:
		return fmt.Errorf("model: hidden %d is not a multiple of %d heads", c.Hidden, c.Heads)
	case c.HeadSize()%2 != 0 || c.HeadSize() < 8:
		return fmt.Errorf("model: heads of width %d; expected an even width of at least 8 for the rotary embedding", c.HeadSize())
	case c.States <= FirstField:
		return fmt.Errorf("model: %d field columns; expected more than the %d flags", c.States, FirstField)
	case !(c.DropPath >= 0 && c.DropPath < 1):
		return fmt.Errorf("model: drop path %v; expected 0 to below 1", c.DropPath)
	case len(c.Dimensions) == 0:
		return fmt.Errorf("model: no dimensions; expected 2, 3 or both")
	}
	for i, d := range c.Dimensions {
		if d != 2 && d != 3 || slices.Contains(c.Dimensions[:i], d) {
			return fmt.Errorf("model: dimensions %v; expected 2, 3 or both, each once", c.Dimensions)
		}
	}
	if err := c.LoRA.check(); err != nil {
		return err
	}
	for i, column := range c.Added {
		if column < FirstField || column >= c.States || i > 0 && column <= c.Added[i-1] {
			return fmt.Errorf("model: added columns %v; expected each once from %d to %d, in order", c.Added, FirstField, c.States-1)
		}
	}
	for _, n := range c.Position {
		if n < 0 || n > maxWidth || c.HasPosition() && n == 0 {
			return fmt.Errorf("model: position embedding on a grid of %v tokens", c.Position)
		}
	}
	return nil
}

// DropRate is the drop-path probability of block i.
func (c Config) DropRate(i int) float64 {
	if c.Blocks == 1 {
		return 0
	}
	return c.DropPath * float64(i) / float64(c.Blocks-1)
}

// fieldScale is the factor on the field columns of the first convolution that keeps its output's size whatever the
// number of fields (spec 2.3).
func (c Config) fieldScale(fields int) float32 {
	return float32(math.Sqrt(float64(c.States-FirstField) / float64(fields)))
}

// presets are the sizes that have a name. The released vocabulary has 67 columns.
var presets = map[string]Config{
	"nano":   {Hidden: 96, Inner: 24, Heads: 4, Blocks: 4},
	"tiny":   {Hidden: 64, Inner: 16, Heads: 4, Blocks: 3},
	"small":  {Hidden: 384, Inner: 96, Heads: 6, Blocks: 8},
	"base":   {Hidden: 768, Inner: 192, Heads: 12, Blocks: 12},
	"half":   {Hidden: 1088, Inner: 352, Heads: 16, Blocks: 30},
	"walrus": {Hidden: 1408, Inner: 352, Heads: 16, Blocks: 40},
}

// ReleasedStates is the number of field columns of the released model.
const ReleasedStates = 67

// Preset returns a named size: nano, tiny, small, base, half or walrus (1.286e9 parameters), with the released
// vocabulary, in 2-D and 3-D.
func Preset(name string) (Config, error) {
	c, ok := presets[name]
	if !ok {
		return Config{}, fmt.Errorf("model: unknown preset %q; expected one of %s", name, strings.Join(PresetNames(), ", "))
	}
	c.States, c.Dimensions, c.Causal, c.Jitter = ReleasedStates, []int{2, 3}, true, true
	return c, nil
}

// PresetNames lists the presets from the smallest to the largest.
func PresetNames() []string {
	names := make([]string, 0, len(presets))
	for name := range presets {
		names = append(names, name)
	}
	sort.Slice(names, func(i, j int) bool { return presets[names[i]].Hidden < presets[names[j]].Hidden })
	return names
}
