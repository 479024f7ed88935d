package yamltext

import (
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestStrangeYAMLIsAnError(t *testing.T) {
	type sample struct {
		Parameters map[string][]float64 `yaml:"parameters"`
	}
	for text, want := range map[string]string{
		"parameters: {Re: !!binary aGk=}":                "line 1: Tag is not accepted",
		"a: &x [1]\nparameters: {Re: *x}":                "Anchor is not accepted",
		"parameters: " + strings.Repeat("[", 40):         "nested too deeply",
		"parameters: " + strings.Repeat("- ", 40):        "nested too deeply",
		"parameters:\n" + strings.Repeat(" ", 200) + "a": "indented by",
		"parameters: {Re: one}":                          "expected",
		"other: 1":                                       "unknown field",
	} {
		var s sample
		if err := Unmarshal([]byte(text), &s, yaml.DisallowUnknownField()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v; want one with %q", text, err, want)
		}
	}
	s := sample{Parameters: map[string][]float64{"Pr": {1}}}
	for _, empty := range []string{"", "\n", "# a comment\n"} {
		if err := Unmarshal([]byte(empty), &s); err != nil || len(s.Parameters) != 1 {
			t.Errorf("%q: %+v, %v", empty, s, err)
		}
	}
	if err := Unmarshal([]byte("parameters: {Re: [1, 2]}"), &s); err != nil || len(s.Parameters["Re"]) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

// The parser of this version panics on a tagged value where a list is expected; such a panic is an error even if it passes check.
func FuzzUnmarshal(f *testing.F) {
	f.Add("a: {b: [1, {c: 2}]}")
	f.Add("- 1\n- b: |\n    text\n")
	f.Fuzz(func(_ *testing.T, text string) {
		var v any
		_ = Unmarshal([]byte(text), &v) // that it returns is the point
		var s struct {
			A map[string][]int `yaml:"a"`
		}
		_ = Unmarshal([]byte(text), &s)
	})
}
