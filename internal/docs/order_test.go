package docs

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// packageRow is a row of the table of packages: | [`name`](../name) | what lives there |.
var packageRow = regexp.MustCompile("(?m)^\\| \\[`([a-z0-9/]+)`\\]\\(\\.\\./[a-z0-9/]+\\) \\|")

// order is the list of packages in docs/architecture.md, the lowest first.
func order(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, row := range packageRow.FindAllStringSubmatch(string(text), -1) {
		list = append(list, row[1])
	}
	return list
}

// TestPackagesImportOnlyThoseAboveThem holds the order for tests too, and for every build tag: the packages are those of the module, each
// listed once.
func TestPackagesImportOnlyThoseAboveThem(t *testing.T) {
	m := readModule(t)
	list := order(t)
	place := map[string]int{}
	for i, name := range list {
		if other, twice := place[name]; twice {
			t.Errorf("docs/architecture.md lists %s as package %d and %d", name, other+1, i+1)
		}
		place[name] = i
	}
	for _, name := range slices.Sorted(maps.Keys(m.packages)) {
		if _, listed := place[name]; !listed {
			t.Errorf("docs/architecture.md does not list package %s", name)
		}
	}
	for _, name := range list {
		if !m.packages[name] {
			t.Errorf("docs/architecture.md lists %s, which is no package", name)
		}
	}
	for _, s := range m.sources {
		for _, imported := range s.imports {
			if own := imported == s.folder() && strings.HasSuffix(s.path, "_test.go"); !own && place[imported] >= place[s.folder()] {
				t.Errorf("%s imports %s, which docs/architecture.md lists below %s", s.path, imported, s.folder())
			}
		}
	}
}

// TestEveryPackageSaysWhatItIsFor asks for a doc.go: a reader finds the paragraph at the same place everywhere.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for name := range readModule(t).packages {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name), "doc.go"))
		if err != nil {
			t.Errorf("package %s has no doc.go", name)
			continue
		}
		if !strings.Contains(string(text), "// Package ") && !strings.Contains(string(text), "// Command ") {
			t.Errorf("%s/doc.go has no package comment", name)
		}
	}
}
