package checkpoint

import (
	"fmt"
	"slices"
	"strings"
)

// Misshapen is a tensor whose shape is not the expected one.
type Misshapen struct {
	Name            string
	Found, Expected []int
}

// MismatchError lists everything in which a file of weights differs from what a model needs.
type MismatchError struct {
	Path                string
	Missing, Unexpected []string
	Misshapen           []Misshapen
}

// Error lists every name, on one line.
func (e *MismatchError) Error() string {
	var parts []string
	add := func(what string, names []string) {
		if len(names) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (%s)", len(names), what, strings.Join(names, ", ")))
		}
	}
	shapes := make([]string, len(e.Misshapen))
	for i, m := range e.Misshapen {
		shapes[i] = fmt.Sprintf("%s %v, expected %v", m.Name, m.Found, m.Expected)
	}
	add("missing", e.Missing)
	add("unexpected", e.Unexpected)
	add("of another shape", shapes)
	return fmt.Sprintf("checkpoint: %s does not fit the configuration: %s", e.Path, strings.Join(parts, "; "))
}

// frequencyBuffer is the end of the names of the released model's constant RoPE frequencies. They follow from the head's
// size, so that a file may lack them and a model may not ask for them.
const frequencyBuffer = ".rotary_emb.freqs"

// Match compares the names and shapes that a model wants with those of a file; a difference is a *MismatchError that
// lists all of them. The constant buffers blocks.i.space_mixing.rotary_emb.freqs may be absent on either side.
func Match(want map[string][]int, have *Checkpoint) error {
	mismatch := &MismatchError{Path: have.Path}
	for name, expected := range want {
		t, exists := have.Tensor(name)
		switch {
		case exists && !slices.Equal(t.Shape, expected):
			mismatch.Misshapen = append(mismatch.Misshapen, Misshapen{name, t.Shape, expected})
		case !exists && !strings.HasSuffix(name, frequencyBuffer):
			mismatch.Missing = append(mismatch.Missing, name)
		}
	}
	for _, t := range have.Tensors() {
		if _, wanted := want[t.Name]; !wanted && !strings.HasSuffix(t.Name, frequencyBuffer) {
			mismatch.Unexpected = append(mismatch.Unexpected, t.Name)
		}
	}
	if len(mismatch.Missing)+len(mismatch.Unexpected)+len(mismatch.Misshapen) == 0 {
		return nil
	}
	slices.Sort(mismatch.Missing)
	slices.Sort(mismatch.Unexpected)
	slices.SortFunc(mismatch.Misshapen, func(a, b Misshapen) int { return strings.Compare(a.Name, b.Name) })
	return mismatch
}
