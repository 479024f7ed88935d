package ranks

import (
	"fmt"
	"time"
)

// Link carries messages between the processes of a run. A Group makes collectives of it.
type Link interface {
	Rank() int
	Size() int
	// Exchange sends send[i] to rank peers[i] and fills receive[i] with what that rank sends, for all peers at once. Both
	// sides know the lengths; none of the peers is the rank itself. It returns when all has arrived and send may be written
	// again. A peer that is not heard of for too long is a *LostError.
	Exchange(peers []int, send, receive [][]byte) error
	// Abort ends all processes, with an exit code where they are processes.
	Abort(code int)
	// Close ends the rank's part. All ranks call it, or one calls Abort.
	Close() error
}

// LostError says that a rank has died or hangs.
type LostError struct {
	Rank   int
	Host   string
	Silent time.Duration // since it was heard of last
}

func (e *LostError) Error() string {
	at := ""
	if e.Host != "" {
		at = " on " + e.Host
	}
	return fmt.Sprintf("ranks: rank %d%s has died or hangs: nothing heard of it for %v; the run ends, and goes on from its last checkpoint", e.Rank, at, e.Silent.Round(100*time.Millisecond))
}
