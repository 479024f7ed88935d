package main

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/bench"
)

// Several numbers of tokens are a measurement each, of one architecture.
func TestBenchComparesNumbersOfTokens(t *testing.T) {
	run := func(line string) []byte {
		var out bytes.Buffer
		root := rootCommand()
		root.SetArgs(strings.Fields("bench --hidden 16 --heads 2 --blocks 1 --frames 1 --size 16x16 --runs 1 --warmup 0 " + line))
		root.SetOut(&out)
		root.SetErr(io.Discard)
		if err := root.Execute(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		return out.Bytes()
	}
	decoder := json.NewDecoder(bytes.NewReader(run("--json --tokens 8,16")))
	for _, tokens := range []int{8, 16} {
		var r bench.Result
		if err := decoder.Decode(&r); err != nil || r.Tokens != tokens || r.Median <= 0 {
			t.Errorf("%d tokens: %+v, %v", tokens, r, err)
		}
	}
	if decoder.More() {
		t.Error("more results than numbers of tokens")
	}
	if table := string(run("--tokens 4,8")); !strings.Contains(table, "times that with 4") || strings.Count(table, "\n") < 4 {
		t.Errorf("table:\n%s", table)
	}
}
