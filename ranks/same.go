package ranks

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// Fact is something that all ranks of a run have to have the same of.
type Fact struct{ Name, Value string }

// Same compares facts, listed in the same order on all members, and returns the same error on all: the first fact that
// differs from that of rank 0, and where.
func (g *Group) Same(facts []Fact) error {
	if g.Size() == 1 {
		return nil
	}
	text, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	sums, err := g.Share(sum[:])
	if err != nil {
		return err
	}
	same := true
	for _, s := range sums {
		same = same && string(s) == string(sums[0])
	}
	if same { // as nearly always: the facts themselves stay at home
		return nil
	}
	texts, err := g.Share(text)
	if err != nil {
		return err
	}
	lists := make([][]Fact, len(texts))
	for i, text := range texts {
		if err := json.Unmarshal(text, &lists[i]); err != nil {
			return fmt.Errorf("ranks: facts of %s: %w", g.Name(i), err)
		}
	}
	return g.difference(lists)
}

// difference is the first difference between lists of facts, one a member.
func (g *Group) difference(lists [][]Fact) error {
	at := func(rank, i int) Fact {
		if i < len(lists[rank]) {
			return lists[rank][i]
		}
		return Fact{}
	}
	longest := 0
	for _, list := range lists {
		longest = max(longest, len(list))
	}
	for i := range longest {
		for rank := range lists {
			differ := func(format string, values ...any) error {
				return &DifferError{text: "ranks differ: " + fmt.Sprintf(format, values...), own: rank == g.rank}
			}
			mine, first := at(rank, i), at(0, i)
			if mine == first {
				continue
			}
			if mine.Name != first.Name {
				return differ("%s has %s, %s has %s", g.Name(rank), orNothing(mine.Name), g.Name(0), orNothing(first.Name))
			}
			return differ("%s is %s on %s and %s on %s", mine.Name, orNothing(mine.Value), g.Name(rank), orNothing(first.Value), g.Name(0))
		}
	}
	return nil
}

func orNothing(text string) string {
	if text == "" {
		return "nothing"
	}
	return text
}
