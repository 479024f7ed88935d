package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/cpu/kernel"
	"github.com/gowalrus/walrus/engine"
)

func TestVersionSaysWhatAReportNeeds(t *testing.T) {
	run := func(arguments ...string) string {
		var out bytes.Buffer
		root := rootCommand()
		root.SetArgs(append([]string{"version"}, arguments...))
		root.SetOut(&out)
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	var got build
	if err := json.Unmarshal([]byte(run("--json")), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version == "" || got.Go != runtime.Version() || got.Engine != engine.Default || !slices.Contains(got.Engines, got.Engine) || got.Threads < 1 {
		t.Errorf("--json: %+v", got)
	}
	if level, err := kernel.ParseLevel(got.Kernels); err != nil || level != kernel.Detect() {
		t.Errorf("--json: kernels %q (%v); expected %s", got.Kernels, err, kernel.Detect())
	}
	if level := kernel.Detect(); level >= kernel.AVX2 && !slices.Contains(got.Features, "avx2") {
		t.Errorf("--json: cpu_features %v of a processor that runs kernels of level %s", got.Features, level)
	}
	text := run()
	for _, want := range []string{got.Version, got.Go, got.System, strings.Join(got.Engines, ", "), got.Kernels} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
}

func TestVersionNamesAnUnknownCommitAndChanges(t *testing.T) {
	for _, c := range []struct {
		build build
		want  string
	}{
		{build{}, "commit    unknown (not built in a checkout of git)\n"},
		{build{Commit: "5eb29e4", Committed: "2026-11-27T08:36:00Z"}, "commit    5eb29e4, 2026-11-27T08:36:00Z\n"},
		{build{Commit: "5eb29e4", Modified: true}, "commit    5eb29e4, with changes\n"},
		{build{HDF5: true}, "\nhdf5      yes\n"},
		{build{}, "\nhdf5      no: built without cgo\n"},
	} {
		var out strings.Builder
		if err := c.build.write(&out); err != nil || !strings.Contains(out.String(), c.want) {
			t.Errorf("%+v (%v): %q; expected a line %q", c.build, err, out.String(), c.want)
		}
	}
}
