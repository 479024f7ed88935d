package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWrongArgumentsAreUsageErrorsThatPointToHelp(t *testing.T) {
	for _, line := range []string{
		"nonsense", "data nonsense", "eval one", "rollout", "rollout a b --nonsense", "train a b", "convert a", "selftest", "version extra",
		"demo extra", "bench extra", "simulate", "data check", "train --set a.b=1", "eval a b --windows 3", "eval a b --metric r2", "eval a b --protocol mine",
		"eval a b --protocol paper --first 3", "bench --tokens 8,0", "bench --tokens 8,16 --dump x", "eval a b --ensemble-kind half", "eval a b --sample -1", "eval a b --first -2",
		"compare a --data d", "compare a b", "compare a b --data d --windows 3", "compare a b --data d --bootstrap 5", "compare x=a x=b --data d",
		"rollout a b --format png", "rollout a b --vti-step 21", "rollout a b --unit density",
	} {
		root := rootCommand()
		root.SetArgs(strings.Fields(line))
		root.SetOut(io.Discard)
		root.SetErr(io.Discard)
		err := root.Execute()
		if !errors.As(err, new(usageError)) {
			t.Errorf("walrus %s: error %v; expected a usage error", line, err)
		}
	}
}

// TestEveryCommandIsExplained holds each command's help to what a stranger needs: what it does and why, and two examples.
func TestEveryCommandIsExplained(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		for _, c := range cmd.Commands() {
			visit(c)
		}
		if cmd.HasSubCommands() {
			return
		}
		if cmd.Short == "" || len(cmd.Long) < len(cmd.Short)+80 {
			t.Errorf("%s: no paragraph that says why", cmd.CommandPath())
		}
		if n := strings.Count(cmd.Example, cmd.CommandPath()); n < 2 {
			t.Errorf("%s: %d examples; expected at least 2", cmd.CommandPath(), n)
		}
	}
	visit(rootCommand())
}
