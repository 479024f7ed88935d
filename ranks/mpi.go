//go:build mpi

package ranks

/*
#cgo pkg-config: mpi-c
#include <mpi.h>
#include <stdlib.h>

static int walrus_init(int *rank, int *size) {
	int got;
	int e = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &got);
	if (e == MPI_SUCCESS) e = MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	if (e == MPI_SUCCESS) e = MPI_Comm_rank(MPI_COMM_WORLD, rank);
	if (e == MPI_SUCCESS) e = MPI_Comm_size(MPI_COMM_WORLD, size);
	return e;
}
static int walrus_send(void *data, int n, int peer, int tag, MPI_Request *r) {
	return MPI_Isend(data, n, MPI_BYTE, peer, tag, MPI_COMM_WORLD, r);
}
static int walrus_receive(void *data, int n, int peer, int tag, MPI_Request *r) {
	return MPI_Irecv(data, n, MPI_BYTE, peer < 0 ? MPI_ANY_SOURCE : peer, tag, MPI_COMM_WORLD, r);
}
static int walrus_test(MPI_Request *r, int *done, int *source) {
	MPI_Status s;
	int e = MPI_Test(r, done, &s);
	if (*done && source) *source = s.MPI_SOURCE;
	return e;
}
static int walrus_some(int n, MPI_Request *r, int *count, int *indices) {
	return MPI_Testsome(n, r, count, indices, MPI_STATUSES_IGNORE);
}
static void walrus_cancel(MPI_Request *r) { MPI_Cancel(r); MPI_Wait(r, MPI_STATUS_IGNORE); }
static void walrus_abort(int code) { MPI_Abort(MPI_COMM_WORLD, code); }
static int walrus_finalize(void) { return MPI_Finalize(); }
static void walrus_message(int e, char *text) { int n; MPI_Error_string(e, text, &n); }
enum { walrus_text = MPI_MAX_ERROR_STRING };
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/gowalrus/walrus/internal/fault"
)

// HasMPI says whether this build can work with the processes that a launcher starts.
const HasMPI = true

// Tags of messages.
const (
	dataTag = 1
	beatTag = 2
)

// largestPiece is the largest message that is handed to MPI at once: its counts are ints.
const largestPiece = 1 << 30

// mpiLink is this process's part of an MPI run. All calls of MPI are made by one goroutine on a thread of its own, which also
// tells the others a few times within the time limit that this process lives, whatever else it is computing, and listens to them.
type mpiLink struct {
	rank, size int
	silence    time.Duration
	calls      chan func()
	ended      chan struct{}
	lost       func(*LostError) // called on MPI's thread

	heard   []time.Time     // of every rank
	beats   []C.MPI_Request // to every rank; those that are under way
	beating []bool
	ear     C.MPI_Request // the next sign of life
	sign    *C.char       // what is sent and received: C's memory, since requests outlive calls
	last    time.Time
	mute    bool // the run ends: no more signs of life
	over    bool // MPI has been ended: nothing of it may be called
}

// joinMPI starts MPI. A rank that is silent for longer than silence ends the process with a message.
func joinMPI(silence time.Duration) (*Group, error) {
	l := &mpiLink{silence: silence, calls: make(chan func()), ended: make(chan struct{})}
	started := make(chan error)
	go l.serve(started)
	if err := <-started; err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unnamed host"
	}
	g, err := NewGroup(l, host)
	if err != nil {
		return nil, err
	}
	l.do(func() {
		l.lost = func(e *LostError) {
			e.Host = g.hosts[e.Rank]
			fmt.Fprintf(os.Stderr, "walrus: %s: %v (--peer-timeout %v)\n", g.Name(g.Rank()), e, silence)
			C.walrus_abort(1)
		}
	})
	return g, nil
}

// failed turns MPI's code into an error.
func failed(what string, code C.int) error {
	if code == C.MPI_SUCCESS {
		return nil
	}
	text := (*C.char)(C.malloc(C.walrus_text))
	defer C.free(unsafe.Pointer(text))
	C.walrus_message(code, text)
	return fmt.Errorf("ranks: MPI: %s: %s", what, C.GoString(text))
}

// beatsWithin is the number of signs of life within the time after which a rank counts as lost.
const beatsWithin = 8

// serve makes all calls of MPI.
func (l *mpiLink) serve(started chan<- error) {
	runtime.LockOSThread()
	var rank, size C.int
	if err := failed("start", C.walrus_init(&rank, &size)); err != nil {
		started <- err
		return
	}
	l.rank, l.size = int(rank), int(size)
	l.sign = (*C.char)(C.calloc(2, 1))
	l.beats, l.beating, l.heard = make([]C.MPI_Request, size), make([]bool, size), make([]time.Time, size)
	for i := range l.heard {
		l.heard[i] = time.Now()
	}
	if err := l.listen(); err != nil {
		started <- err
		return
	}
	started <- nil
	pulse := time.NewTicker(max(l.silence/beatsWithin, time.Millisecond))
	defer pulse.Stop()
	for {
		select {
		case call := <-l.calls:
			call()
		case <-pulse.C:
			if err := fault.Catch(func() error { l.beat(); return nil }); err != nil { // nobody waits for it
				fmt.Fprintf(os.Stderr, "walrus: rank %d: %v\n", l.rank, err)
				C.walrus_abort(1)
			}
		case <-l.ended:
			return
		}
	}
}

// do makes a call on MPI's thread. A panic in it is one of the goroutine that waits.
func (l *mpiLink) do(call func()) {
	done := make(chan error)
	l.calls <- func() { done <- fault.Catch(func() error { call(); return nil }) }
	if err := <-done; err != nil {
		panic(err)
	}
}

func (l *mpiLink) Rank() int { return l.rank }
func (l *mpiLink) Size() int { return l.size }

// listen waits for the next sign of life of any rank.
func (l *mpiLink) listen() error {
	return failed("receive", C.walrus_receive(unsafe.Pointer(l.sign), 1, -1, beatTag, &l.ear))
}

// beat tells the others that this process lives, hears what they say, and ends the run if one has said nothing for too long.
func (l *mpiLink) beat() {
	if l.over { // the clock may strike before it is stopped
		return
	}
	now := time.Now()
	for {
		var done, source C.int
		if C.walrus_test(&l.ear, &done, &source) != C.MPI_SUCCESS || done == 0 {
			break
		}
		l.heard[source] = now
		if l.listen() != nil {
			break
		}
	}
	if l.mute || now.Sub(l.last) < l.silence/beatsWithin {
		return
	}
	paused := !l.last.IsZero() && now.Sub(l.last) > l.silence/2 // this process itself was stopped: the others get time to be heard again
	l.last = now
	for peer := range l.size {
		if peer == l.rank {
			continue
		}
		if paused {
			l.heard[peer] = now
		}
		var done C.int = 1
		if l.beating[peer] {
			C.walrus_test(&l.beats[peer], &done, nil)
		}
		l.beating[peer] = true
		if done != 0 { // a peer that takes nothing gets no more
			C.walrus_send(unsafe.Add(unsafe.Pointer(l.sign), 1), 1, C.int(peer), beatTag, &l.beats[peer])
		}
		if silent := now.Sub(l.heard[peer]); silent > l.silence && l.lost != nil {
			l.lost(&LostError{Rank: peer, Silent: silent})
		}
	}
}

// transfer is what one exchange has under way.
type transfer struct {
	requests []C.MPI_Request
	peers    []int // of each request, -1 for those that send
}

// Exchange implements Link.
func (l *mpiLink) Exchange(peers []int, send, receive [][]byte) (err error) {
	l.do(func() { err = l.exchange(peers, send, receive) })
	return err
}

func (l *mpiLink) exchange(peers []int, send, receive [][]byte) error {
	var pin runtime.Pinner // MPI keeps the addresses until the requests are done
	defer pin.Unpin()
	var t transfer
	for i, peer := range peers {
		for _, piece := range pieces(receive[i]) {
			pin.Pin(&piece[0])
			t.requests, t.peers = append(t.requests, nil), append(t.peers, peer)
			if err := failed("receive", C.walrus_receive(unsafe.Pointer(&piece[0]), C.int(len(piece)), C.int(peer), dataTag, &t.requests[len(t.requests)-1])); err != nil {
				return err
			}
		}
	}
	for i, peer := range peers {
		for _, piece := range pieces(send[i]) {
			pin.Pin(&piece[0])
			t.requests, t.peers = append(t.requests, nil), append(t.peers, -1)
			if err := failed("send", C.walrus_send(unsafe.Pointer(&piece[0]), C.int(len(piece)), C.int(peer), dataTag, &t.requests[len(t.requests)-1])); err != nil {
				return err
			}
		}
	}
	return l.wait(t)
}

// pieces cuts a message into what MPI can count.
func pieces(message []byte) (list [][]byte) {
	for len(message) > largestPiece {
		list, message = append(list, message[:largestPiece]), message[largestPiece:]
	}
	if len(message) > 0 {
		list = append(list, message)
	}
	return list
}

// Waiting is busy at first, since MPI moves data only while it is called, and then leaves the core to those who compute.
const (
	busyWait = 2 * time.Millisecond
	nap      = 50 * time.Microsecond
)

// wait moves the data until all requests are done.
func (l *mpiLink) wait(t transfer) error {
	left := len(t.requests)
	indices := make([]C.int, left)
	began := time.Now()
	for left > 0 {
		var count C.int
		if err := failed("transfer", C.walrus_some(C.int(len(t.requests)), &t.requests[0], &count, &indices[0])); err != nil {
			return err
		}
		if count == C.MPI_UNDEFINED {
			return errors.New("ranks: MPI has lost its requests")
		}
		now := time.Now()
		for _, i := range indices[:count] {
			if peer := t.peers[i]; peer >= 0 {
				l.heard[peer] = now
			}
			left--
		}
		if count > 0 {
			began = now
			continue
		}
		l.beat()
		if now.Sub(began) > busyWait {
			time.Sleep(nap)
		} else {
			runtime.Gosched()
		}
	}
	return nil
}

// Abort implements Link.
func (l *mpiLink) Abort(code int) {
	l.do(func() { C.walrus_abort(C.int(code)) })
}

// Close implements Link. It waits for the others twice: first with signs of life, for as long as any of them is at work, then
// without, so that none is sent to a rank that has ended.
func (l *mpiLink) Close() error {
	var peers []int
	for i := range l.size {
		if i != l.rank {
			peers = append(peers, i)
		}
	}
	meet := func() error {
		messages := make([][]byte, 2*len(peers))
		for i := range messages {
			messages[i] = []byte{0}
		}
		return l.Exchange(peers, messages[:len(peers)], messages[len(peers):])
	}
	if err := meet(); err != nil {
		return err
	}
	l.do(func() { l.mute = true })
	if err := meet(); err != nil {
		return err
	}
	var err error
	l.do(func() {
		C.walrus_cancel(&l.ear)
		err = failed("end", C.walrus_finalize())
		l.over = true
	})
	close(l.ended)
	return err
}
