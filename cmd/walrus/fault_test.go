package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gowalrus/walrus/internal/fault"
)

func TestAFaultSaysWhatToReport(t *testing.T) {
	err := fmt.Errorf("rollout: %w", fault.Catch(func() error { panic("boom") }))
	var told bytes.Buffer
	reportFault(&told, err)
	for _, want := range []string{"Please report this", "walrus development", "boom", "fault_test.go"} {
		if !strings.Contains(told.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, told.String())
		}
	}
	told.Reset()
	if reportFault(&told, errors.New("no such file")); told.Len() > 0 {
		t.Errorf("an ordinary error asks for a report:\n%s", told.String())
	}
}
