package fault

import (
	"errors"
	"strings"
	"testing"
)

func TestAPanicBecomesOneLineThatSaysWhere(t *testing.T) {
	var numbers []int
	err := Catch(func() error { return errors.New(strings.Repeat("x", numbers[len(t.Name())])) })
	var f *Fault
	if !errors.As(err, &f) {
		t.Fatalf("error %v; want a fault", err)
	}
	for _, want := range []string{"not of what it was given", "index out of range", "TestAPanicBecomesOneLineThatSaysWhere", "fault_test.go:"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") || !strings.Contains(f.Stack, "fault_test.go") {
		t.Errorf("error %q, stack %q", err, f.Stack)
	}
}

func TestAPanicOfAGroupReachesWhoWaits(t *testing.T) {
	broken := errors.New("broken")
	err := Catch(func() error {
		var g Group
		g.Go(func() { panic(broken) })
		g.Go(func() {})
		g.Wait()
		return nil
	})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "TestAPanicOfAGroupReachesWhoWaits") {
		t.Errorf("error %v; want one that wraps %v and says where", err, broken)
	}
}
