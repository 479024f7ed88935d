package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gowalrus/walrus/internal/atomicfile"
)

// prepareOutput makes the folder of a file that is to be written and tries whether it can be, before hours of work end in
// a file that can not. It refuses a path where one of the inputs is, also by another name for it.
func prepareOutput(flag, path string, inputs ...string) error {
	if info, err := os.Stat(path); err == nil {
		for _, input := range inputs {
			if other, err := os.Stat(input); err == nil && os.SameFile(info, other) {
				return usagef("%s %s is one of the inputs; choose another", flag, path)
			}
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	file, err := atomicfile.Create(path)
	if err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return file.Discard()
}

// prepareText is prepareOutput for text, whose names end in one of these.
func prepareText(flag, path string, endings ...string) error {
	if err := checkOutput(flag, path, endings...); err != nil {
		return err
	}
	return prepareOutput(flag, path)
}

// commandLine is what was typed, for those who want to repeat it.
func commandLine() []string { return append([]string{"walrus"}, os.Args[1:]...) }

// checkOutput refuses to write text under a name that does not end as it should, and over a file that is not text: the name
// of an input is easily given in its place.
func checkOutput(flag, path string, endings ...string) error {
	if !slices.Contains(endings, strings.ToLower(filepath.Ext(path))) {
		return usagef("%s %s; expected a name that ends in %s", flag, path, strings.Join(endings, " or "))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil // nothing there, or writing says what is wrong
	}
	defer file.Close() // it was only read
	start := make([]byte, 512)
	n, _ := io.ReadFull(file, start) // a shorter file is text, or not, by what it has
	if bytes.IndexByte(start[:n], 0) >= 0 || bytes.HasPrefix(start, []byte("\x89HDF")) {
		return usagef("%s %s: a file is there that is not text; choose another name", flag, path)
	}
	return nil
}
