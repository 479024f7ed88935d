package score

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Window is a range of rollout steps, both ends included, counted from 1, the first predicted frame.
type Window struct{ First, Last int }

// String is "1:20", the paper's notation.
func (w Window) String() string { return fmt.Sprintf("%d:%d", w.First, w.Last) }

// WholeRollout is the window of all steps; it is cut to those that there are.
var WholeRollout = Window{1, math.MaxInt}

// PretrainingWindows are the paper's short and medium horizon for the data sets of the pretraining (spec recipe, section 6).
func PretrainingWindows() []Window { return []Window{{1, 20}, {21, 60}} }

// DownstreamWindows are those for the data sets of the fine-tuning.
func DownstreamWindows() []Window { return []Window{{1, 10}, {11, 30}} }

// Names of windows in a list, beside FIRST:LAST.
const (
	allWindow          = "all" // WholeRollout
	logarithmicWindows = "log" // those of the released rollout reports
	noWindow           = "none"
)

// ParseWindows reads a list like "1:20,21:60", where "all" is the whole rollout and "log" the released logarithmic windows, into the
// protocol; "none" is no window.
func (p *Protocol) ParseWindows(text string) error {
	p.Windows, p.Logarithmic = nil, false
	if strings.TrimSpace(text) == noWindow {
		return nil
	}
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(part)
		switch part {
		case allWindow:
			p.Windows = append(p.Windows, WholeRollout)
			continue
		case logarithmicWindows:
			p.Logarithmic = true
			continue
		}
		first, last, ok := strings.Cut(part, ":")
		var w Window
		var err, err2 error
		w.First, err = strconv.Atoi(first)
		w.Last, err2 = strconv.Atoi(last)
		if !ok || err != nil || err2 != nil {
			return fmt.Errorf("score: window %q; expected FIRST:LAST, such as 1:20, or %s, %s or %s", part, allWindow, logarithmicWindows, noWindow)
		}
		if err := w.check(); err != nil {
			return err
		}
		p.Windows = append(p.Windows, w)
	}
	return nil
}

func (w Window) check() error {
	if w.First < 1 || w.Last < w.First {
		return fmt.Errorf("score: window %s; expected the first step at 1 or later and the last not before it", w)
	}
	return nil
}
