package ranks

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gowalrus/walrus/internal/fault"
)

// errAborted is what the other ranks of an aborted group get.
var errAborted = errors.New("ranks: another rank has ended the run")

// memory is what the goroutines of an in-memory group share.
type memory struct {
	size    int
	silence time.Duration
	boxes   [][]chan []byte // from, to
	aborted chan struct{}
	once    sync.Once
}

// memoryLink is the link of one goroutine.
type memoryLink struct {
	*memory
	rank int
}

// inFlight is the number of messages that a goroutine may be ahead of another. Without it one could wait to send to a peer that
// waits to send to it.
const inFlight = 8

// InMemory makes the ranks of a run as groups for goroutines of this process. One that waits for another longer than silence
// gets a *LostError.
func InMemory(size int, silence time.Duration) []*Group {
	m := &memory{size: size, silence: silence, aborted: make(chan struct{})}
	hosts, members := make([]string, size), make([]int, size)
	for from := range size {
		m.boxes = append(m.boxes, make([]chan []byte, size))
		for to := range size {
			m.boxes[from][to] = make(chan []byte, inFlight)
		}
		hosts[from], members[from] = "memory", from
	}
	groups := make([]*Group, size)
	for i := range groups {
		groups[i] = &Group{link: memoryLink{m, i}, hosts: hosts, members: members, rank: i}
	}
	return groups
}

// Together runs f on in-memory ranks and returns the error of each. A rank that fails ends the others, as a process does.
func Together(size int, silence time.Duration, f func(g *Group) error) []error {
	errs := make([]error, size)
	var wait sync.WaitGroup
	for i, g := range InMemory(size, silence) {
		wait.Go(func() {
			if errs[i] = fault.Catch(func() error { return f(g) }); errs[i] != nil && !errors.As(errs[i], new(*AgreedError)) {
				g.Abort(1)
			}
		})
	}
	wait.Wait()
	return errs
}

func (l memoryLink) Rank() int { return l.rank }
func (l memoryLink) Size() int { return l.size }

func (l memoryLink) Exchange(peers []int, send, receive [][]byte) error {
	began := time.Now()
	late := time.NewTimer(l.silence)
	defer late.Stop()
	lost := func(peer int) error { return &LostError{Rank: peer, Silent: time.Since(began)} }
	for i, peer := range peers {
		select {
		case l.boxes[l.rank][peer] <- append([]byte{}, send[i]...):
		case <-l.aborted:
			return errAborted
		case <-late.C:
			return lost(peer)
		}
	}
	for i, peer := range peers {
		select {
		case message := <-l.boxes[peer][l.rank]:
			if len(message) != len(receive[i]) {
				return fmt.Errorf("ranks: a message of %d bytes from rank %d; expected %d: the ranks are out of step", len(message), peer, len(receive[i]))
			}
			copy(receive[i], message)
		case <-l.aborted:
			return errAborted
		case <-late.C:
			return lost(peer)
		}
	}
	return nil
}

func (l memoryLink) Abort(int) { l.once.Do(func() { close(l.aborted) }) }

func (l memoryLink) Close() error { return nil }
