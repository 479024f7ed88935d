package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// root is the module's folder, from that of this package.
const root = "../.."

// source is a Go file of the module.
type source struct {
	path     string   // from the root, with slashes
	imports  []string // packages of this module, by their folder
	declared map[string]bool
}

func (s source) folder() string { return path.Dir(s.path) }

// module is what the documentation may name.
type module struct {
	name     string // "github.com/gowalrus/walrus"
	sources  []source
	packages map[string]bool // by folder: "field", "cpu/kernel"
}

// readModule parses every Go file, whatever build tags it has, so that the rules hold in every build.
func readModule(t *testing.T) *module {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	m := &module{name: strings.TrimSpace(strings.TrimPrefix(first, "module ")), packages: map[string]bool{}}
	err = filepath.WalkDir(root, func(file string, e fs.DirEntry, err error) error {
		name := e.Name()
		if err != nil {
			return err
		}
		if e.IsDir() {
			if name == "testdata" || name == "bin" || strings.HasPrefix(name, ".") && name != "." && name != ".." {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			return m.add(file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *module) add(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	relative, err := filepath.Rel(root, file)
	if err != nil {
		return err
	}
	s := source{path: filepath.ToSlash(relative), declared: declared(parsed)}
	for _, i := range parsed.Imports {
		imported, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return err
		}
		if folder, own := strings.CutPrefix(imported, m.name+"/"); own {
			s.imports = append(s.imports, folder)
		}
	}
	m.sources = append(m.sources, s)
	m.packages[s.folder()] = true
	return nil
}

// declared names what a file declares: functions, types, constants and variables, and methods as Type.Method.
func declared(file *ast.File) map[string]bool {
	names := map[string]bool{}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names[receiver(d)+d.Name.Name] = true
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						names[n.Name] = true
					}
				}
			}
		}
	}
	return names
}

// receiver is "Type." of a method, else nothing.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	for {
		switch e := of.(type) {
		case *ast.StarExpr:
			of = e.X
		case *ast.IndexExpr:
			of = e.X
		case *ast.Ident:
			return e.Name + "."
		default:
			return ""
		}
	}
}

// tests tells whether a package has a test: by its whole name, or by how it begins if that is said with an ellipsis.
// An empty folder asks for any package.
func (m *module) tests(folder, name string, beginning bool) bool {
	for _, s := range m.sources {
		if !strings.HasSuffix(s.path, "_test.go") || folder != "" && s.folder() != folder {
			continue
		}
		if s.declared[name] {
			return true
		}
		for have := range s.declared {
			if beginning && strings.HasPrefix(have, name) {
				return true
			}
		}
	}
	return false
}

// declares tells whether a file declares an identifier.
func (m *module) declares(file, identifier string) bool {
	for _, s := range m.sources {
		if s.path == file {
			return s.declared[identifier]
		}
	}
	return false
}
