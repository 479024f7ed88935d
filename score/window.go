package score

import (
	"fmt"
	"strconv"
	"strings"
)

// Window is a range of rollout steps, both ends included, counted from 1, the first predicted frame.
type Window struct{ First, Last int }

// String is "1:20", the paper's notation.
func (w Window) String() string { return fmt.Sprintf("%d:%d", w.First, w.Last) }

// PretrainingWindows are the paper's short and medium horizon for the data sets of the pretraining (spec recipe, section 6).
func PretrainingWindows() []Window { return []Window{{1, 20}, {21, 60}} }

// DownstreamWindows are those for the data sets of the fine-tuning.
func DownstreamWindows() []Window { return []Window{{1, 10}, {11, 30}} }

// ParseWindows reads a list like "1:20,21:60". An empty text is no window.
func ParseWindows(text string) ([]Window, error) {
	var windows []Window
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ",") {
		first, last, ok := strings.Cut(strings.TrimSpace(part), ":")
		var w Window
		var err error
		if w.First, err = strconv.Atoi(first); err != nil || !ok {
			return nil, fmt.Errorf("score: window %q; expected FIRST:LAST, such as 1:20", part)
		}
		if w.Last, err = strconv.Atoi(last); err != nil {
			return nil, fmt.Errorf("score: window %q; expected FIRST:LAST, such as 1:20", part)
		}
		if err := w.check(); err != nil {
			return nil, err
		}
		windows = append(windows, w)
	}
	return windows, nil
}

func (w Window) check() error {
	if w.First < 1 || w.Last < w.First {
		return fmt.Errorf("score: window %s; expected the first step at 1 or later and the last not before it", w)
	}
	return nil
}
