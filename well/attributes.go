package well

import (
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/internal/hdf5"
)

// attributes are an object's attributes by name, with readers that say what they found and what they expected.
type attributes struct {
	path   string
	values map[string]hdf5.Attribute
}

func readAttributes(f *hdf5.File, path string) (attributes, error) {
	list, err := f.Attributes(path)
	if err != nil {
		return attributes{}, err
	}
	a := attributes{path: path, values: make(map[string]hdf5.Attribute, len(list))}
	for _, v := range list {
		a.values[v.Name] = v
	}
	return a, nil
}

func (a attributes) missing(name, expected string) error {
	return fmt.Errorf("%s: no attribute %s; expected %s", a.path, name, expected)
}

func (a attributes) wrong(v hdf5.Attribute, expected string) error {
	return fmt.Errorf("%s: attribute %s is of type %s and shape %v; expected %s", a.path, v.Name, v.Type, v.Shape, expected)
}

// text reads a single string.
func (a attributes) text(name string) (string, error) {
	const expected = "a string"
	v, ok := a.values[name]
	if !ok {
		return "", a.missing(name, expected)
	}
	if len(v.Text) != 1 {
		return "", a.wrong(v, expected)
	}
	return v.Text[0], nil
}

// texts reads a list of strings; one plain string is a list of one, and an empty list of any type is an empty list.
func (a attributes) texts(name string) ([]string, error) {
	const expected = "a list of strings"
	v, ok := a.values[name]
	if !ok {
		return nil, a.missing(name, expected)
	}
	if len(v.Text) == 0 && len(v.Numbers) > 0 || len(v.Shape) > 1 || v.Type.Class == hdf5.Other {
		return nil, a.wrong(v, expected)
	}
	return v.Text, nil
}

// integer reads a whole number.
func (a attributes) integer(name string) (int, error) {
	const expected = "an integer"
	v, ok := a.values[name]
	if !ok {
		return 0, a.missing(name, expected)
	}
	if len(v.Numbers) != 1 || v.Numbers[0] != float64(int(v.Numbers[0])) {
		return 0, a.wrong(v, expected)
	}
	return int(v.Numbers[0]), nil
}

// flag reads a boolean; integers that are not zero are true.
func (a attributes) flag(name string) (bool, error) {
	const expected = "a boolean"
	v, ok := a.values[name]
	if !ok {
		return false, a.missing(name, expected)
	}
	if len(v.Numbers) != 1 || v.Type.Class == hdf5.Float {
		return false, a.wrong(v, expected)
	}
	return v.Numbers[0] != 0, nil
}

// optionalFlag reads a boolean that may be missing, which is false.
func (a attributes) optionalFlag(name string) (bool, error) {
	if _, ok := a.values[name]; !ok {
		return false, nil
	}
	return a.flag(name)
}

// flagList reads n booleans.
func (a attributes) flagList(name string, n int) ([]bool, error) {
	expected := fmt.Sprintf("a list of %d booleans", n)
	v, ok := a.values[name]
	if !ok {
		return nil, a.missing(name, expected)
	}
	if len(v.Numbers) != n || v.Type.Class == hdf5.Float {
		return nil, a.wrong(v, expected)
	}
	list := make([]bool, n)
	for i, x := range v.Numbers {
		list[i] = x != 0
	}
	return list, nil
}

// join makes a path inside a file.
func join(parts ...string) string { return strings.Join(parts, "/") }
