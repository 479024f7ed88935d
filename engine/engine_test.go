package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gowalrus/walrus/field"
)

func TestProgramsRunOnEveryEngine(t *testing.T) {
	for _, name := range Names() {
		e, err := Open(name)
		var missing *missingPlugin
		if errors.As(err, &missing) {
			t.Logf("%s: not tested: %v", name, err)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := e.Compile("double", []Input{{Name: "x", Shape: []int{2, 2}}}, func(in []*Node) []*Node {
			return []*Node{Add(in[0], in[0])}
		})
		if err != nil {
			t.Fatal(err)
		}
		x, err := e.Upload(field.Array{Shape: []int{2, 2}, Data: []float32{1, 2, 3, 4}})
		if err != nil {
			t.Fatal(err)
		}
		for _, donate := range [][]bool{nil, {false}, {true}} {
			out, err := p.Run(context.Background(), []*Value{x}, donate)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			got, err := out[0].Array()
			if err != nil || got.Data[3] != 8 {
				t.Errorf("%s, donate %v: 4 + 4 = %v, %v", name, donate, got.Data, err)
			}
		}
		e.Close()
	}
}

func TestMistakesBecomeErrors(t *testing.T) {
	e, err := Open("go")
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_, err = e.Compile("wrong", []Input{{Name: "x", Shape: []int{2}}, {Name: "y", Shape: []int{3}}}, func(in []*Node) []*Node {
		return []*Node{Add(in[0], in[1])}
	})
	if err == nil || !strings.Contains(err.Error(), "compile wrong") {
		t.Errorf("adding shapes [2] and [3]: error %v", err)
	}
	if _, err := Open("abacus"); err == nil || !strings.Contains(err.Error(), "abacus") {
		t.Errorf("an unknown engine: error %v", err)
	}
	p, err := e.Compile("same", []Input{{Name: "x", Shape: []int{2}}}, func(in []*Node) []*Node { return []*Node{Neg(in[0])} })
	if err != nil {
		t.Fatal(err)
	}
	x, _ := e.Upload(field.NewArray(3))
	if _, err := p.Run(context.Background(), []*Value{x}, nil); err == nil {
		t.Error("an input of the wrong shape was accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.Run(ctx, []*Value{x}, nil); err != context.Canceled {
		t.Errorf("a cancelled run: error %v", err)
	}
}

func TestCompilationsThatTakeAWhileAreReported(t *testing.T) {
	type report struct {
		took time.Duration
		done bool
	}
	reports := make(chan report, 10)
	e, err := OpenWith("go", Options{Compiling: func(_ string, took time.Duration, done bool) { reports <- report{took, done} }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	synctest.Test(t, func(t *testing.T) {
		stop := e.watching("quick", time.Now())
		time.Sleep(watchEvery / 2)
		stop()
		if len(reports) != 0 {
			t.Errorf("%d reports of a program that was compiled at once", len(reports))
		}
		stop = e.watching("slow", time.Now())
		time.Sleep(2*watchEvery + watchEvery/2)
		stop()
	})
	for _, want := range []report{{watchEvery, false}, {2 * watchEvery, false}, {2*watchEvery + watchEvery/2, true}} {
		if got := <-reports; got != want {
			t.Errorf("report %+v, want %+v", got, want)
		}
	}
}

func TestAPanicInAReportIsAnErrorOfTheCompilation(t *testing.T) {
	e, err := OpenWith("go", Options{Compiling: func(string, time.Duration, bool) { panic("no terminal") }})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	synctest.Test(t, func(t *testing.T) {
		compile := func() (err error) {
			defer catch(&err, "compile")
			defer e.watching("slow", time.Now())()
			time.Sleep(2 * watchEvery)
			return nil
		}
		if err := compile(); err == nil || !strings.Contains(err.Error(), "no terminal") {
			t.Errorf("error %v; want what the report panicked with", err)
		}
	})
}
