package hdf5

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An object of length zero in the heap of texts sends libhdf5 1.10 round in circles.
func TestACallThatComesToNoEndIsEnded(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "well", "testdata", "chunks.hdf5"))
	if err != nil {
		t.Fatal(err)
	}
	heap := []byte("GCOL")
	if !bytes.Contains(content, heap) {
		t.Fatal("no heap of texts in the file")
	}
	for at := 0; bytes.Contains(content[at:], heap); at += 4 {
		at += bytes.Index(content[at:], heap)
		clear(content[at+16 : at+32]) // the first object's number and length
	}
	path := filepath.Join(t.TempDir(), "circle.hdf5")
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	began := time.Now()
	if _, err := f.Attributes("/"); !errors.Is(err, ErrDamaged) {
		t.Errorf("error %v after %v; want ErrDamaged", err, time.Since(began))
	}
	whole, err := Open(filepath.Join("..", "..", "well", "testdata", "chunks.hdf5"))
	if err != nil {
		t.Fatalf("the next file: %v", err)
	}
	defer whole.Close()
	if _, err := whole.Attributes("/"); err != nil {
		t.Errorf("the next file: %v", err)
	}
}

func TestAFileThatCanNotBeCreatedSaysWhy(t *testing.T) {
	_, err := Create(filepath.Join(t.TempDir(), "none", "a.hdf5"))
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("error %v; want one that says that there is no such file", err)
	}
}
