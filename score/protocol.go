package score

import (
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/metric"
)

// FromTheStart is a Protocol's First for rollouts whose history begins with a trajectory's first frame.
const FromTheStart = -1

// Protocol says what of a data set is scored and by what. The evaluation, the validation during training and the demo start from
// DefaultProtocol and change what they must.
type Protocol struct {
	// Splits are pooled: their windows and trajectories count as those of one set. Data without splits is scored as it is.
	Splits []string
	// First is the first frame that rollouts predict, in frames of the data, or FromTheStart.
	First int
	// Windows are the parts of a rollout to average over; none scores single steps alone. WholeRollout is one of all steps.
	Windows []Window
	// Logarithmic adds the windows of the released rollout reports, which depend on the number of steps.
	Logarithmic bool
	// Steps bounds the length of a rollout; 0 does not.
	Steps int
	// Metrics are all computed from the same predictions.
	Metrics []metric.Metric
	// Paper takes the windows that the paper has for a data set instead.
	Paper bool
	// RolloutsOnly leaves the single steps out, as a validation does that has rollouts in a period of their own.
	RolloutsOnly bool
	// Physics measures conserved totals, divergences, positivity and spectra along the rollouts too.
	Physics bool
	// Sample bounds single steps and rollouts to so many of each data set, drawn as the release's short validation does; 0 takes all.
	Sample int
}

// DefaultProtocol is the release's: split test, rollouts from frame 17, the paper's windows of the pretraining sets, the VRMSE.
func DefaultProtocol() Protocol {
	return Protocol{
		Splits: []string{"test"}, First: 17, Windows: PretrainingWindows(),
		Metrics: []metric.Metric{metric.Of("VRMSE", metric.VRMSE)},
	}
}

// Check reports a protocol that can not be followed.
func (p Protocol) Check() error {
	if p.First < FromTheStart || p.Steps < 0 || p.Sample < 0 {
		return fmt.Errorf("score: first predicted frame %d, at most %d steps, sample of %d; expected %d (from the start) or more, and numbers that are not negative",
			p.First, p.Steps, p.Sample, FromTheStart)
	}
	if len(p.Metrics) == 0 {
		return fmt.Errorf("score: no metric; expected one or more of %s", metric.Keys())
	}
	for _, w := range p.Windows {
		if err := w.check(); err != nil {
			return err
		}
	}
	return nil
}

// Rolls says whether there is anything to roll out.
func (p Protocol) Rolls() bool { return len(p.Windows) > 0 || p.Logarithmic || p.Paper }

// Rollout finds where the rollouts of a data set begin and how long they all are, as the release does: up to the end of the shortest
// trajectory, a whole number of strides after the first predicted frame. shortest counts frames, history the frames that the network
// sees. An error says which frames could be the first.
func (p Protocol) Rollout(shortest, history, stride int) (first, steps int, err error) {
	if history < 1 || stride < 1 {
		return 0, 0, fmt.Errorf("score: a history of %d frames with stride %d; expected at least 1 and 1", history, stride)
	}
	// The released check asks for one stride more than the history is long.
	first, earliest := p.First, (history+1)*stride
	if p.First == FromTheStart {
		first, earliest = history*stride, history*stride
	}
	steps = (shortest - first) / stride
	if first >= earliest && shortest > first && steps >= 1 {
		if p.Steps > 0 {
			steps = min(steps, p.Steps)
		}
		return first, steps, nil
	}
	wayOut := fmt.Sprintf("choose --first between %d and %d, or --first %d for right after a history from frame 0", earliest, shortest-stride, FromTheStart)
	if latest := shortest - stride; latest < earliest {
		wayOut = fmt.Sprintf("choose --first %d, right after a history from frame 0", FromTheStart)
		if latest < history*stride {
			wayOut = "choose --windows none for single steps alone, a smaller stride or a shorter history"
		}
	}
	return 0, 0, fmt.Errorf("score: rollouts from frame %d: the shortest trajectory has %d frames, and a history of %d frames with stride %d comes first; %s",
		first, shortest, history, stride, wayOut)
}

// CappedSteps is how far the released trainer rolls out where so many steps are available: the caps are max_rollout_steps of its data and of
// the trainer itself, which counts all but one frame of the history too.
func CappedSteps(available, dataCap, trainerCap, history int) int {
	return min(available, dataCap, trainerCap+history-1)
}

// OneStepWindows is how many windows of a history and the frame after it a trajectory has.
func OneStepWindows(frames, history, stride int) int { return max(0, frames-history*stride) }

// WindowsOf are the windows of a rollout of so many steps. A window that reaches beyond its end is cut there, one that lies beyond is left
// out, and none is listed twice.
func (p Protocol) WindowsOf(steps int) []Window {
	wanted := p.Windows
	if p.Logarithmic {
		wanted = append([]Window(nil), wanted...)
		for _, w := range metric.LogarithmicWindows(steps) {
			wanted = append(wanted, Window{w.First + 1, w.End})
		}
	}
	var list []Window
	seen := map[Window]bool{}
	for _, w := range wanted {
		w.Last = min(w.Last, steps)
		if w.First <= w.Last && !seen[w] {
			list = append(list, w)
			seen[w] = true
		}
	}
	return list
}

// Beyond lists the windows that begin after a rollout of so many steps.
func (p Protocol) Beyond(steps int) []Window {
	var list []Window
	for _, w := range p.Windows {
		if w.First > steps {
			list = append(list, w)
		}
	}
	return list
}

// furthest is the last step that any window asks for; 0 for as many as there are.
func (p Protocol) furthest() int {
	last := 0
	for _, w := range p.Windows {
		last = max(last, w.Last)
	}
	if p.Logarithmic {
		return WholeRollout.Last
	}
	return last
}

// StepsToRoll is how many of the possible steps of a rollout the windows need.
func (p Protocol) StepsToRoll(possible int) int { return min(possible, p.furthest()) }

// Selection lists what of so many windows or trajectories is scored: all, or the sample, in the order in which the release takes it.
func (p Protocol) Selection(count int) []int {
	if p.Sample > 0 && p.Sample < count {
		return Permutation(count)[:p.Sample]
	}
	all := make([]int, count)
	for i := range all {
		all[i] = i
	}
	return all
}

// SplitNames joins the pooled splits: "test" or "valid + test".
func (p Protocol) SplitNames() string { return strings.Join(p.Splits, " + ") }
