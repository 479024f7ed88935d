package progress

import (
	"bytes"
	"strings"
	"testing"
)

func TestWithoutATerminalThereAreOnlyLines(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, "work", 0, 3)
	b.Advance(1, "a")
	b.Print("remark")
	b.Advance(2, "loss 0.5")
	b.Close()
	if got, want := out.String(), "remark\nwork 3/3 loss 0.5\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("control characters in %q", out.String())
	}
}
