package nearest

import "testing"

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
