package docs

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// document is a text that people read, with the folder that its links start from.
type document struct {
	path string // from the root, with slashes
	text string
}

func documents(t *testing.T) []document {
	t.Helper()
	var list []document
	for _, pattern := range []string{"*.md", "docs/*.md", "sim/*.md", "cpu/*.md", "cpu/kernel/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			relative, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, document{filepath.ToSlash(relative), string(text)})
		}
	}
	if len(list) < 8 {
		t.Fatalf("only %d documents found from %s", len(list), root)
	}
	return list
}

func exists(file string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(file)))
	return err == nil
}

var (
	link       = regexp.MustCompile(`\[([^\]]*)\]\(([^)\s]+)\)`)
	quoted     = regexp.MustCompile("`([^`\n]+)`")
	identifier = regexp.MustCompile("^`([A-Za-z_][A-Za-z0-9_]*(?:\\.[A-Za-z_][A-Za-z0-9_]*)?)`$")
	filePath   = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*/?$`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	makeTarget = regexp.MustCompile("(?m)(?:`|^)make ([a-z][a-z-]*)")
	ruleOf     = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	testName   = regexp.MustCompile("(?:([a-z][a-z/]*) )?`(Test[A-Za-z0-9_]+)(…)?`")
	goldenFile = regexp.MustCompile(`(selftest|, ) ?([a-z_]+\.json)`)
	inPackage  = regexp.MustCompile("[Pp]ackages? (?:`([a-z0-9/]+)`|\\[`?([a-z0-9/]+)`?\\])")
)

func TestLinksLeadSomewhere(t *testing.T) {
	m := readModule(t)
	checked := 0
	for _, d := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(d.text, -1) {
			label, target := found[1], found[2]
			if strings.Contains(target, "://") {
				continue
			}
			checked++
			file, anchor, _ := strings.Cut(target, "#")
			at := d.path
			if file != "" {
				at = path.Join(path.Dir(d.path), file)
			}
			if !exists(at) {
				t.Errorf("%s: link [%s](%s): there is no %s", d.path, label, target, at)
				continue
			}
			if anchor != "" && !slices.Contains(anchors(t, at), anchor) {
				t.Errorf("%s: link [%s](%s): %s has no such heading; it has %s", d.path, label, target, at, strings.Join(anchors(t, at), ", "))
			}
			if name := identifier.FindStringSubmatch(label); name != nil && strings.HasSuffix(at, ".go") && !m.declares(at, name[1]) {
				t.Errorf("%s: link [%s](%s): %s does not declare %s", d.path, label, target, at, name[1])
			}
		}
	}
	if checked == 0 {
		t.Error("no link was checked")
	}
}

// anchors are the headings of a document as links name them.
func anchors(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, h := range heading.FindAllStringSubmatch(string(text), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127:
				return r
			}
			return -1
		}, strings.ToLower(h[1]))
		list = append(list, anchor)
	}
	return list
}

// TestFilesAndPackagesThatAreNamedExist reads what stands in backticks: a path that begins with a folder of the module, a Go file
// by its name alone, what follows the word package, and targets of make.
func TestFilesAndPackagesThatAreNamedExist(t *testing.T) {
	m := readModule(t)
	base := map[string]bool{}
	tops := map[string]bool{}
	for _, s := range m.sources {
		base[path.Base(s.path)] = true
		if top, _, below := strings.Cut(s.path, "/"); below {
			tops[top] = true
		}
	}
	for _, top := range []string{"docs", "scripts", ".ci"} {
		tops[top] = true
	}
	rules := makeRules(t)
	checked := 0
	for _, d := range documents(t) {
		for _, found := range quoted.FindAllStringSubmatch(d.text, -1) {
			name := found[1]
			if !filePath.MatchString(name) {
				continue
			}
			top, _, below := strings.Cut(name, "/")
			switch {
			case below && tops[top]:
				checked++
				if !exists(name) && !exists(path.Join(path.Dir(d.path), name)) {
					t.Errorf("%s: `%s`: there is no such file or package", d.path, name)
				}
			case !below && strings.HasSuffix(name, ".go"):
				checked++
				if !base[name] {
					t.Errorf("%s: `%s`: no package has such a file", d.path, name)
				}
			}
		}
		for _, found := range inPackage.FindAllStringSubmatch(d.text, -1) {
			checked++
			if name := found[1] + found[2]; !m.packages[name] {
				t.Errorf("%s: package %s: there is none; there are %s", d.path, name, strings.Join(slices.Sorted(maps.Keys(m.packages)), ", "))
			}
		}
		for _, found := range makeTarget.FindAllStringSubmatch(d.text, -1) {
			checked++
			if !slices.Contains(rules, found[1]) {
				t.Errorf("%s: make %s: the Makefile has %s", d.path, found[1], strings.Join(rules, ", "))
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d names were checked", checked)
	}
}

func makeRules(t *testing.T) (rules []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range ruleOf.FindAllStringSubmatch(string(text), -1) {
		rules = append(rules, rule[1])
	}
	return rules
}

// TestTestsThatAreNamedExist reads "package `TestName`, `TestOther…`": the package stands before its first test in a cell of a table or
// a sentence, an ellipsis stands for the rest of a name, and "selftest name.json" names a file of the released numbers.
func TestTestsThatAreNamedExist(t *testing.T) {
	m := readModule(t)
	for _, d := range documents(t) {
		checked := 0
		for line := range strings.Lines(d.text) {
			for cell := range strings.SplitSeq(line, "|") {
				folder := ""
				for _, found := range testName.FindAllStringSubmatch(cell, -1) {
					checked++
					if m.packages[found[1]] {
						folder = found[1]
					}
					if !m.tests(folder, found[2], found[3] != "") {
						t.Errorf("%s: package %q has no test %s%s: %s", d.path, folder, found[2], found[3], strings.TrimSpace(cell))
					}
				}
				if !strings.Contains(cell, "selftest ") {
					continue
				}
				for _, found := range goldenFile.FindAllStringSubmatch(cell, -1) {
					checked++
					if file := "internal/released/testdata/" + found[2]; !exists(file) {
						t.Errorf("%s: %s: there is no %s", d.path, strings.TrimSpace(cell), file)
					}
				}
			}
		}
		if d.path == "docs/release.md" && checked < 80 {
			t.Errorf("%s: only %d tests were found in it", d.path, checked)
		}
	}
}
