//go:build mpi

package ranks

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gowalrus/walrus/internal/fault"
)

// world is this process's group where a launcher has started the tests: mpirun -n 4 ranks.test.
var world *Group

func TestMain(m *testing.M) {
	flag.Parse()
	var err error
	if world, err = Join(20 * time.Second); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := world.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if l, is := world.link.(*mpiLink); is {
		l.beat() // a last stroke of the clock must not reach MPI, which would end the process with an error
	}
	os.Exit(code)
}

func TestRealRanksGiveTheDefinitions(t *testing.T) {
	if err := everything(world, 7); err != nil {
		t.Fatal(err)
	}
	// Larger than what any transport sends at once.
	const n = 5 << 20
	data := make([]float32, n)
	for i := range data {
		data[i] = float32(i % 1000 * (world.Rank() + 1))
	}
	began := time.Now()
	if err := world.AllReduce(data, Float32); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for i, x := range data {
		if want := float32(i % 1000 * world.Size() * (world.Size() + 1) / 2); x != want {
			t.Fatalf("number %d is %v, want %v", i, x, want)
		}
	}
	t.Logf("%s: %d MB added up in %v", world.Name(world.Rank()), 4*n>>20, took)
}

func TestAPanicOfACallOfMPIReachesWhoWaits(t *testing.T) {
	l := &mpiLink{calls: make(chan func())}
	go func() {
		for call := range l.calls {
			call()
		}
	}()
	defer close(l.calls)
	err := fault.Catch(func() error { l.do(func() { panic("an index") }); return nil })
	if err == nil || !strings.Contains(err.Error(), "an index") {
		t.Errorf("error %v; want what the call panicked with", err)
	}
	l.do(func() {}) // the thread goes on
}
