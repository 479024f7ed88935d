package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

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
