package kernel

import (
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

const (
	stressTime   = 30 * time.Second
	stressTarget = "WALRUS_TEST_SIGNAL_PROCESS" // tells a process started by the test below whom it is to disturb
)

// TestMatrixUnitSurvivesSignalsCollectionsAndThreads multiplies while everything happens that could lose the unit's registers, which neither Go nor
// its signal handlers know: results are compared bit for bit.
func TestMatrixUnitSurvivesSignalsCollectionsAndThreads(t *testing.T) {
	if target, err := strconv.Atoi(os.Getenv(stressTarget)); err == nil {
		sendSignals(t, target)
		return
	}
	if os.Getenv("WALRUS_LONG") == "" {
		t.Skipf("multiplies for %v; WALRUS_LONG=1 does", stressTime)
	}
	if !cpu.X86.HasAMXBF16 || !hasMatrix() { // what is emulated has no registers to lose
		t.Skip("no matrix unit (AMX) that this process may use")
	}
	var products, signals, collections, threads, wrong atomic.Int64
	s := &repeater{}
	for range 3 {
		product := newStressed(t)
		s.repeat(func() {
			if !product() {
				wrong.Add(1)
			}
			products.Add(1)
		})
	}
	s.repeat(func() { runtime.GC(); collections.Add(1) })
	s.repeat(runtime.Gosched)
	s.repeat(func() { // a thread ends with the goroutine that is locked to it
		done := make(chan bool)
		go func() { runtime.LockOSThread(); growStack(200); close(done) }()
		<-done
		threads.Add(1)
	})
	received := make(chan os.Signal, 1024)
	signal.Notify(received, unix.SIGUSR1)
	defer signal.Stop(received)
	go func() {
		for range received {
			signals.Add(1)
		}
	}()
	// Another process sends the signals, so that they meet products and not the sender.
	sender := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	sender.Env = append(os.Environ(), stressTarget+"="+strconv.Itoa(os.Getpid()))
	if err := sender.Start(); err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(io.Discard); err != nil {
		t.Fatal(err)
	}
	time.Sleep(stressTime)
	pprof.StopCPUProfile()
	if err := sender.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = sender.Wait() // killed
	s.end()
	t.Logf("%d products, %d SIGUSR1 handled, %d collections, %d threads", products.Load(), signals.Load(), collections.Load(), threads.Load())
	if wrong.Load() > 0 {
		t.Errorf("%d products are wrong", wrong.Load())
	}
	if min(products.Load(), signals.Load(), collections.Load(), threads.Load()) == 0 {
		t.Error("some of them never came")
	}
}

// newStressed prepares a product, long for a strip, and returns a function that tells whether it comes out as the first time.
func newStressed(t *testing.T) func() bool {
	t.Helper()
	m := matrixCase{k: 384, rows: 27, cols: 16*matrixSize - 5}
	m.aRow, m.bRow, m.bPanel, m.cRow = m.k, matrixSize, m.k*matrixSize, m.cols
	r := random(t)
	a, b, c := normals(t, r, m.rows*m.aRow), normals(t, r, 16*m.bPanel), make([]float32, m.rows*m.cRow)
	for _, x := range [][]float32{a, b} {
		for i, v := range halves(x) {
			halves(x)[i] = v&0x807f | 0x3f80 // 1 to 2, either sign
		}
	}
	m.by(matrixTiling(), a, b, c)
	want := slices.Clone(words(c))
	return func() bool {
		clear(c)
		m.by(matrixTiling(), a, b, c)
		return slices.Equal(words(c), want)
	}
}

// repeater calls functions again and again, each in a goroutine, until it ends.
type repeater struct {
	stop    atomic.Bool
	running sync.WaitGroup
}

func (r *repeater) repeat(f func()) {
	r.running.Go(func() {
		for !r.stop.Load() {
			f()
		}
	})
}

func (r *repeater) end() {
	r.stop.Store(true)
	r.running.Wait()
}

// growStack makes the goroutine's stack move.
func growStack(depth int) int {
	var frame [128]int
	if depth == 0 {
		return 0
	}
	frame[depth%128] = depth
	return growStack(depth-1) + frame[depth%128]
}

// sendSignals sends SIGURG, with which Go preempts, and SIGUSR1 to every thread of a process until it is gone.
func sendSignals(t *testing.T, process int) {
	for {
		threads, err := os.ReadDir("/proc/" + strconv.Itoa(process) + "/task")
		if err != nil {
			return
		}
		for range 200 {
			for _, thread := range threads {
				id, err := strconv.Atoi(thread.Name())
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range []unix.Signal{unix.SIGURG, unix.SIGUSR1} {
					_ = unix.Tgkill(process, id, s) // the thread may have ended
				}
			}
			time.Sleep(20 * time.Microsecond)
		}
	}
}
