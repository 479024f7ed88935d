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

// TestThePictureNamesPackages reads the names in brackets in the picture of docs/architecture.md.
func TestThePictureNamesPackages(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```\n")
	picture, _, _ := strings.Cut(after, "```\n")
	m, names := readModule(t), regexp.MustCompile(`\[([^\]]*)\]`).FindAllStringSubmatch(picture, -1)
	if len(names) < 15 {
		t.Errorf("only %d packages in the picture", len(names))
	}
	for _, name := range names {
		if !m.packages[name[1]] {
			t.Errorf("the picture has [%s], which is no package", name[1])
		}
	}
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

// TestInternalPackagesImportOnlyEachOther: what all packages may use depends on none of them. A helper of tests that needs well lives beside well.
func TestInternalPackagesImportOnlyEachOther(t *testing.T) {
	checked := 0
	for _, s := range readModule(t).sources {
		if !strings.HasPrefix(s.path, "internal/") {
			continue
		}
		checked++
		for _, imported := range s.imports {
			if !strings.HasPrefix(imported, "internal/") {
				t.Errorf("%s imports %s", s.path, imported)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d files under internal were read", checked)
	}
}

// noExample are packages that no program outside imports, with the reason.
var noExample = map[string]string{
	"cmd/walrus":          "the command itself",
	"scripts/campaign":    "tests alone, behind a build tag",
	"scripts/experiments": "a command",
	"demo":                "walrus demo: the whole chain, minutes of work",
	"selftest":            "walrus selftest: it compares this build with golden numbers",
	"bench":               "walrus bench: its results are times",
	"collect":             "walrus report: it reads the folders that other commands write",
	"engine/hook":         "what engine needs of XLA's C interface, behind a build tag",
	"sim/volume":          "its scenarios are found through sim",
	"sim/spectral":        "its scenarios are found through sim",
	"well/welltest":       "data for tests",
	"surrogate/standin":   "predictors for tests",
}

// TestEveryPackageForOthersHasAnExample asks for one that go test runs: with its output written below it.
func TestEveryPackageForOthersHasAnExample(t *testing.T) {
	m := readModule(t)
	for name := range noExample {
		if !m.packages[name] {
			t.Errorf("there is no package %s, which needs no example", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.packages)) {
		if _, excused := noExample[name]; excused || strings.Contains("/"+name+"/", "/internal/") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name), "example_test.go"))
		if err != nil || !strings.Contains(string(text), "\nfunc Example") || !strings.Contains(string(text), "\t// Output:") {
			t.Errorf("package %s has no runnable example in example_test.go (%v)", name, err)
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
