package nearest

import (
	"strings"
	"testing"
)

func TestMisspeltNamesAreFound(t *testing.T) {
	names := []string{"epochs", "every_step", "warmup_epochs", "batch", "seed"}
	for misspelt, want := range map[string]string{
		"epoch": "epochs", "Epohcs": "epochs", "warmup_epoch": "warmup_epochs", "bacth": "batch", "everystep": "every_step", "colour_of_the_sky": "", "seed": "seed", "warm": "warmup_epochs", "eve": "",
	} {
		if got := Name(misspelt, names); got != want {
			t.Errorf("%s: %q, want %q", misspelt, got, want)
		}
	}
	if got := Hint("sede", names); got != " (did you mean seed?)" {
		t.Errorf("hint %q", got)
	}
}

func TestNamesOfMegabytesAreNearNothing(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	if got := Name(long, []string{long[1:], "a"}); got != "" {
		t.Errorf("a name of %d letters is found", len(got))
	}
	if got := Name("seed", []string{long, "seeds"}); got != "seeds" {
		t.Errorf("beside a long name: %d letters", len(got))
	}
}
