package score

import (
	"fmt"
)

// Plan says what of one data set is scored.
type Plan struct {
	DataSet string
	Split   string // "test" or "valid + test"; empty where the data has none
	// History frames with this Stride are known.
	History, Stride int
	// Windows are single steps and Rollouts trajectories that are scored, of those that there are.
	Windows, AllWindows, Rollouts, Trajectories int
	TooShort                                    int // trajectories that hold no window, and are left out
	// First is the first predicted frame; Steps are rolled out of the possible ones, for which the Shortest trajectory sets the end.
	First, Steps, Possible, Shortest int
	// LeftOut are the windows that begin after the last step.
	LeftOut []Window
	// Members are averaged, of Kind rollout or step; one for a single prediction.
	Members int
	Kind    string
	Draws   int // rollouts of one trajectory
	// Continued says how data whose grid no stride fits are continued for the network, a text for each way that their boundaries
	// ask for; empty where the grid fits. Scores are of the data's own points.
	Continued []string
}

// Sampled labels a quick look; empty for a whole set.
func (p Plan) Sampled() string {
	windows, rollouts := p.Windows > 0 && p.Windows < p.AllWindows, p.Rollouts > 0 && p.Rollouts < p.Trajectories
	switch {
	case !windows && !rollouts:
		return ""
	case p.Rollouts == 0:
		return fmt.Sprintf("sample: %d of %d windows", p.Windows, p.AllWindows)
	case p.Windows == 0:
		return fmt.Sprintf("sample: %d of %d trajectories", p.Rollouts, p.Trajectories)
	}
	return fmt.Sprintf("sample: %d of %d windows, %d of %d trajectories", p.Windows, p.AllWindows, p.Rollouts, p.Trajectories)
}

// Work is how many steps are predicted, those of each member of an ensemble of rollouts counted.
func (p Plan) Work() int { return (p.Windows + p.Rollouts*p.Steps) * max(1, p.Draws) }

// String is the plan in a line.
func (p Plan) String() string {
	text := p.DataSet + ": "
	if p.Split != "" {
		text += "split " + p.Split + "; "
	}
	if sampled := p.Sampled(); sampled != "" {
		text += "a SAMPLE of the data; "
	}
	if p.Windows > 0 {
		text += fmt.Sprintf("one step: %s of %d + 1 frames, stride %d", outOf(p.Windows, p.AllWindows, "windows"), p.History, p.Stride)
	}
	if p.Rollouts > 0 {
		if p.Windows > 0 {
			text += "; "
		}
		text += fmt.Sprintf("rollouts: %s, %s from frame %d (the shortest trajectory has %d frames)",
			outOf(p.Rollouts, p.Trajectories, "trajectories"), outOf(p.Steps, p.Possible, "steps"), p.First, p.Shortest)
	}
	for i, w := range p.LeftOut {
		text += []string{", ", "; without steps "}[max(0, 1-i)] + w.String()
	}
	if len(p.LeftOut) > 0 {
		text += ", which lie beyond"
	}
	if p.TooShort > 0 {
		text += fmt.Sprintf("; %d of %d trajectories are shorter than the %d frames of a window and are left out",
			p.TooShort, p.TooShort+p.Trajectories, p.History*p.Stride+1)
	}
	for _, how := range p.Continued {
		text += "; " + how + ", scored on its own points"
	}
	if p.Members > 1 {
		text += fmt.Sprintf("; mean of %d members by %s", p.Members, p.Kind)
	}
	return text
}

// outOf is "5 of 9 windows", or "9 windows" where it is all.
func outOf(n, all int, what string) string {
	if n == all {
		return fmt.Sprintf("%d %s", n, what)
	}
	return fmt.Sprintf("%d of %d %s", n, all, what)
}
