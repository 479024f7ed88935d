package ranks

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/gowalrus/walrus/cpu/kernel"
)

// Group is some processes that work together. Every one of its methods that moves data is a collective: all members call it, in the same
// order, one at a time.
type Group struct {
	link    Link     // nil for one rank alone
	hosts   []string // of all ranks of the link
	members []int    // ranks of the link, by their rank in the group
	rank    int      // among the members

	kernels *kernel.Set
	scratch []float32 // what comes in to be added up
	halves  []kernel.BF16
}

// Alone is the group of a process that has no others.
func Alone() *Group { return &Group{hosts: []string{"here"}, members: []int{0}} }

// NewGroup is the group of all ranks of a link. host names this process's machine in messages.
func NewGroup(link Link, host string) (*Group, error) {
	g := &Group{link: link, rank: link.Rank(), hosts: make([]string, link.Size())}
	for i := range link.Size() {
		g.members = append(g.members, i)
	}
	names, err := g.Share([]byte(host))
	for i, name := range names {
		g.hosts[i] = string(name)
	}
	return g, err
}

// Rank is this process's number in the group, from 0 on.
func (g *Group) Rank() int { return g.rank }

// Size is the number of members.
func (g *Group) Size() int { return len(g.members) }

// First says whether this is rank 0: the one that writes files and talks to the user.
func (g *Group) First() bool { return g.rank == 0 }

// Turns shares out work that all members count in the same way: what it returns is called before each piece of work and says whether it is
// this member's. Member i has pieces i, i + Size, and so on.
func (g *Group) Turns() func() bool {
	n := -1
	return func() bool {
		n++
		return n%g.Size() == g.rank
	}
}

// Host is the machine that a member runs on.
func (g *Group) Host(rank int) string { return g.hosts[g.members[rank]] }

// Name is how messages call a member.
func (g *Group) Name(rank int) string {
	return fmt.Sprintf("rank %d of %d on %s", rank, g.Size(), g.Host(rank))
}

// Local is this process's place among the members on its machine: the number of those before it, and of all.
func (g *Group) Local() (place, count int) {
	for i := range g.members {
		if g.Host(i) != g.Host(g.rank) {
			continue
		}
		if i < g.rank {
			place++
		}
		count++
	}
	return place, count
}

// Split divides the group: the members that give the same color make a group of their own, in the order of their ranks.
func (g *Group) Split(color int) (*Group, error) {
	colors, err := g.Share(binary.LittleEndian.AppendUint64(nil, uint64(color)))
	if err != nil {
		return nil, err
	}
	var members []int
	for i, c := range colors {
		if len(c) == 8 && int(binary.LittleEndian.Uint64(c)) == color {
			members = append(members, i)
		}
	}
	return g.Part(members), nil
}

// Part is a group of some members, of which this is one, in the order of the list. Nothing is sent: all of them must make the
// same.
func (g *Group) Part(members []int) *Group {
	part := &Group{link: g.link, hosts: g.hosts, rank: slices.Index(members, g.rank)}
	for _, i := range members {
		part.members = append(part.members, g.members[i])
	}
	return part
}

// exchange is Link.Exchange between all members; what a member has for itself is copied. send[i] and receive[i] are those of
// member i.
func (g *Group) exchange(send, receive [][]byte) error {
	copy(receive[g.rank], send[g.rank])
	if g.Size() == 1 {
		return nil
	}
	others := slices.Delete(slices.Clone(g.members), g.rank, g.rank+1)
	without := func(list [][]byte) [][]byte { return slices.Delete(slices.Clone(list), g.rank, g.rank+1) }
	err := g.link.Exchange(others, without(send), without(receive))
	if lost := (*LostError)(nil); errors.As(err, &lost) && lost.Host == "" {
		lost.Host = g.hosts[lost.Rank]
	}
	return err
}

// largestMessage bounds a message: more is a sign that the ranks have got out of step.
const largestMessage = 1 << 36

// Exchange sends message i to member i and returns what every member has sent to this one.
func (g *Group) Exchange(messages [][]byte) ([][]byte, error) {
	n := g.Size()
	lengths, theirs := make([][]byte, n), make([][]byte, n)
	for i, m := range messages {
		lengths[i] = binary.LittleEndian.AppendUint64(nil, uint64(len(m)))
		theirs[i] = make([]byte, 8)
	}
	if err := g.exchange(lengths, theirs); err != nil {
		return nil, err
	}
	received := make([][]byte, n)
	for i, length := range theirs {
		size := binary.LittleEndian.Uint64(length)
		if size > largestMessage {
			return nil, fmt.Errorf("ranks: %s announces a message of %d bytes; the ranks are out of step", g.Name(i), size)
		}
		received[i] = make([]byte, size)
	}
	return received, g.exchange(messages, received)
}

// Share sends a message to all members and returns those of all.
func (g *Group) Share(message []byte) ([][]byte, error) {
	all := make([][]byte, g.Size())
	for i := range all {
		all[i] = message
	}
	return g.Exchange(all)
}

// Broadcast returns root's message on every member.
func (g *Group) Broadcast(message []byte, root int) ([]byte, error) {
	all := make([][]byte, g.Size())
	if g.rank == root {
		for i := range all {
			all[i] = message
		}
	}
	received, err := g.Exchange(all)
	if err != nil {
		return nil, err
	}
	return received[root], nil
}

// Gather returns the messages of all members on root, and nil elsewhere.
func (g *Group) Gather(message []byte, root int) ([][]byte, error) {
	all := make([][]byte, g.Size())
	all[root] = message
	received, err := g.Exchange(all)
	if g.rank != root {
		return nil, err
	}
	return received, err
}

// Barrier returns when all members have called it.
func (g *Group) Barrier() error {
	_, err := g.Share(nil)
	return err
}

// AgreedError is an error that all members return, although it happened to one.
type AgreedError struct {
	Rank int    // that it happened to, in the group
	Mine bool   // on that rank
	Name string // of that rank
	Text string
	err  error // itself, on the rank that it happened to
}

func (e *AgreedError) Error() string {
	return fmt.Sprintf("%s: %s", e.Name, e.Text)
}

func (e *AgreedError) Unwrap() error { return e.err }

// Agree makes an error of one member one of all: each gives its own or nil, and all return that of the lowest rank with one,
// or nil. A group of one returns the error itself.
func (g *Group) Agree(own error) error {
	if g.Size() == 1 {
		return own
	}
	message := []byte{}
	if own != nil {
		message = append([]byte{1}, own.Error()...)
	}
	all, err := g.Share(message)
	if err != nil {
		return errors.Join(own, err)
	}
	for i, text := range all {
		if len(text) == 0 {
			continue
		}
		agreed := &AgreedError{Rank: i, Mine: i == g.rank, Name: g.Name(i), Text: string(text[1:])}
		if agreed.Mine {
			agreed.err = own
		}
		return agreed
	}
	return nil
}

// Abort ends all processes of the run, members or not.
func (g *Group) Abort(code int) {
	if g.link != nil {
		g.link.Abort(code)
	}
}

// Close ends this process's part in the run. It waits for the others.
func (g *Group) Close() error {
	if g.link == nil {
		return nil
	}
	return g.link.Close()
}
