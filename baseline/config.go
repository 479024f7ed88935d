package baseline

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/field"
	"github.com/gowalrus/walrus/internal/nearest"
	"github.com/gowalrus/walrus/model"
)

// Kind is an architecture.
type Kind string

// The architectures, as configurations name them.
const (
	FNO       Kind = "fno"       // Fourier neural operator
	UNet      Kind = "unet"      // the classic U-Net
	CNextUNet Kind = "cnextunet" // a U-Net of ConvNeXt blocks
)

// Kinds lists the architectures.
func Kinds() []Kind { return []Kind{FNO, UNet, CNextUNet} }

// ParseKind reads the name of an architecture.
func ParseKind(name string) (Kind, error) {
	if k := Kind(name); slices.Contains(Kinds(), k) {
		return k, nil
	}
	var names []string
	for _, k := range Kinds() {
		names = append(names, string(k))
	}
	return "", fmt.Errorf("baseline: %q%s; expected %s", name, nearest.Hint(name, names), strings.Join(names, ", "))
}

// Config is an architecture with its sizes.
type Config struct {
	Kind       Kind
	Dimensions int // spatial axes of the data: 2 or 3
	In, Out    int // channels: those of all frames of the history with the constant fields, and those of one frame
	Width      int // channels of the FNO's layers; of a U-Net at the full resolution, twice as many at each halving
	Depth      int // Fourier layers; ConvNeXt blocks of a stage; 0 for the classic U-Net, which has no choice
	Modes      int // of the FNO: Fourier modes along each axis
}

// Limits of a configuration that is read from outside: far above any use, far below an overflow.
const (
	maxChannels = 1 << 16
	maxDepth    = 1 << 8
	maxModes    = 1 << 12
)

// Validate reports the first setting that no network can have.
func (c Config) Validate() error {
	if _, err := ParseKind(string(c.Kind)); err != nil {
		return err
	}
	if c.Dimensions != 2 && c.Dimensions != 3 {
		return fmt.Errorf("baseline: %s for data with %d axes; expected 2 or 3", c.Kind, c.Dimensions)
	}
	type limit struct {
		name            string
		value, low, top int
	}
	limits := []limit{{"input channels", c.In, 1, maxChannels}, {"output channels", c.Out, 1, maxChannels}, {"width", c.Width, 1, maxChannels}}
	switch c.Kind {
	case FNO:
		limits = append(limits, limit{"depth", c.Depth, 1, maxDepth}, limit{"modes", c.Modes, 2, maxModes})
	case CNextUNet:
		limits = append(limits, limit{"depth", c.Depth, 1, maxDepth})
	}
	for _, l := range limits {
		if l.value < l.low || l.value > l.top {
			return fmt.Errorf("baseline: %s: %s is %d; expected %d to %d", c.Kind, l.name, l.value, l.low, l.top)
		}
	}
	return nil
}

// CheckGrid reports a grid of points that the network can not take; an axis that does not exist has one point.
func (c Config) CheckGrid(points [3]int) error {
	real := 0
	for _, n := range points {
		if n > 1 {
			real++
		}
	}
	if real != c.Dimensions || real == 2 && points[2] != 1 {
		return fmt.Errorf("baseline: this %s is for data with %d axes; these have %v points", c.Kind, c.Dimensions, points)
	}
	for i, n := range points[:c.Dimensions] {
		switch {
		case c.Kind == FNO && n < c.Modes:
			return fmt.Errorf("baseline: axis %s has %d points, and this fno keeps %d Fourier modes along each axis; use --resample, or train one with model.modes=%d", axisName(i), n, c.Modes, max(2, n&^1))
		case c.Kind != FNO && n%halved != 0:
			low := max(halved, n/halved*halved)
			return fmt.Errorf("baseline: axis %s has %d points, and a %s halves its grid %d times: it needs a multiple of %d; use --resample with %d or %d", axisName(i), n, c.Kind, halvings, halved, low, n/halved*halved+halved)
		}
	}
	return nil
}

func axisName(i int) string { return string("xyz"[i]) }

// Weights lists every tensor of the network, the running averages of its norms and what the benchmark's class has without
// using it included.
func (c Config) Weights() []model.Weight {
	l := &list{config: c}
	switch c.Kind {
	case FNO:
		l.fno()
	case UNet:
		l.unet()
	case CNextUNet:
		l.cnextUNet()
	}
	return l.weights
}

// Count is the number of parameters as the benchmark's class has them: trained values and unused ones, without running
// averages.
func (c Config) Count() int {
	n := 0
	for _, w := range c.Weights() {
		if !w.Average {
			n += field.Volume(w.Shape)
		}
	}
	return n
}

// Fit changes the width so that the number of parameters is as near as it gets to a budget.
func (c Config) Fit(parameters float64) (Config, error) {
	if !(parameters >= 1) || parameters > 1e12 {
		return c, fmt.Errorf("baseline: a budget of %g parameters; expected 1 to 1e12", parameters)
	}
	count := func(width int) float64 {
		c.Width = width
		return float64(c.Count())
	}
	low, high := 1, 2
	for count(high) < parameters && high < maxChannels {
		low, high = high, 2*high
	}
	for high-low > 1 {
		if middle := (low + high) / 2; count(middle) < parameters {
			low = middle
		} else {
			high = middle
		}
	}
	c.Width = high
	if parameters-count(low) <= count(high)-parameters {
		c.Width = low
		return c, c.Validate()
	}
	c.Width = high
	return c, c.Validate()
}

// list collects the weights of a network.
type list struct {
	config  Config
	weights []model.Weight
}

func (l *list) add(w model.Weight) { l.weights = append(l.weights, w) }

// kernel is the shape of a convolution's kernel: its extent along each axis, inputs, outputs.
func (l *list) kernel(extent, in, out int) []int {
	shape := make([]int, 0, l.config.Dimensions+2)
	for range l.config.Dimensions {
		shape = append(shape, extent)
	}
	return append(shape, in, out)
}

// volume is the number of points of a kernel.
func (l *list) volume(extent int) int {
	v := 1
	for range l.config.Dimensions {
		v *= extent
	}
	return v
}

// convolution adds a kernel and, if wanted, a bias, which begin as PyTorch's do.
func (l *list) convolution(name string, extent, in, out int, bias bool) {
	fan := in * l.volume(extent)
	l.add(model.FreshFanIn(name+".weight", fan, l.kernel(extent, in, out)...))
	if bias {
		l.add(model.FreshFanIn(name+".bias", fan, out))
	}
}

// transposed adds a transposed convolution, whose outputs PyTorch counts as the fan-in.
func (l *list) transposed(name string, extent, in, out int) {
	fan := out * l.volume(extent)
	l.add(model.FreshFanIn(name+".weight", fan, l.kernel(extent, in, out)...))
	l.add(model.FreshFanIn(name+".bias", fan, out))
}

// dense adds a linear layer on the channels.
func (l *list) dense(name string, in, out int, bias bool) {
	l.add(model.FreshFanIn(name+".weight", in, in, out))
	if bias {
		l.add(model.FreshFanIn(name+".bias", in, out))
	}
}
