package well

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gowalrus/walrus/internal/hdf5"
)

// objectError is what is wrong with one object of a file.
type objectError struct {
	object  string
	problem error
}

func (e *objectError) Error() string { return e.object + ": " + e.problem.Error() }
func (e *objectError) Unwrap() error { return e.problem }

// wrong says what is wrong with the object at path: what was found, what was expected.
func wrong(path, format string, args ...any) error {
	return &objectError{path, fmt.Errorf(format, args...)}
}

// fromLibrary is an error of package hdf5 without the names of file and object, which this package gives itself.
func fromLibrary(path string, err error) error {
	var e *hdf5.Error
	if errors.As(err, &e) {
		err = e.Err
	}
	return &objectError{path, err}
}

// leaves lists the single errors that were joined into err.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, leaves(e)...)
	}
	return all
}

// attributes are an object's attributes by name. Its readers give zero values for what is missing or of another type, and
// note what was found and what was expected; problems tells.
type attributes struct {
	path   string
	values map[string]hdf5.Attribute
	noted  []error
}

func readAttributes(f *hdf5.File, path string) *attributes {
	a := &attributes{path: path, values: map[string]hdf5.Attribute{}}
	list, err := f.Attributes(path)
	if err != nil {
		a.noted = append(a.noted, fromLibrary(path, err))
	}
	for _, v := range list {
		a.values[v.Name] = v
	}
	return a
}

// problems is all that was noted, joined; nil if nothing was.
func (a *attributes) problems() error { return errors.Join(a.noted...) }

func (a *attributes) note(format string, args ...any) {
	a.noted = append(a.noted, wrong(a.path, format, args...))
}

// find gives an attribute if it passes the test, and notes what is wrong otherwise.
func (a *attributes) find(name, expected string, fits func(hdf5.Attribute) bool) (hdf5.Attribute, bool) {
	v, ok := a.values[name]
	switch {
	case !ok && len(a.noted) == 1 && len(a.values) == 0:
		// The object itself could not be read, which is noted already.
	case !ok:
		a.note("no attribute %s; expected %s", name, expected)
	case !fits(v):
		a.note("attribute %s is of type %s and shape %v; expected %s", name, v.Type, v.Shape, expected)
	default:
		return v, true
	}
	return hdf5.Attribute{}, false
}

// text reads a single string.
func (a *attributes) text(name string) string {
	v, ok := a.find(name, "a string", func(v hdf5.Attribute) bool { return len(v.Text) == 1 })
	if !ok {
		return ""
	}
	return v.Text[0]
}

// texts reads a list of strings; one plain string is a list of one, and an empty list of any type is an empty list.
func (a *attributes) texts(name string) []string {
	v, _ := a.find(name, "a list of strings", func(v hdf5.Attribute) bool {
		return len(v.Shape) <= 1 && v.Type.Class != hdf5.Other && len(v.Numbers) == 0
	})
	return v.Text
}

// integer reads a whole number.
func (a *attributes) integer(name string) int {
	v, ok := a.find(name, "an integer", func(v hdf5.Attribute) bool {
		return len(v.Numbers) == 1 && v.Numbers[0] == float64(int(v.Numbers[0]))
	})
	if !ok {
		return 0
	}
	return int(v.Numbers[0])
}

// flag reads a boolean; integers that are not zero are true.
func (a *attributes) flag(name string) bool {
	v, ok := a.find(name, "a boolean", func(v hdf5.Attribute) bool { return len(v.Numbers) == 1 && v.Type.Class != hdf5.Float })
	return ok && v.Numbers[0] != 0
}

// optionalFlag reads a boolean that may be missing, which is false.
func (a *attributes) optionalFlag(name string) bool {
	_, ok := a.values[name]
	return ok && a.flag(name)
}

// flagList reads n booleans.
func (a *attributes) flagList(name string, n int) []bool {
	expected := fmt.Sprintf("a list of %d booleans", n)
	v, _ := a.find(name, expected, func(v hdf5.Attribute) bool { return len(v.Numbers) == n && v.Type.Class != hdf5.Float })
	list := make([]bool, n)
	for i, x := range v.Numbers {
		list[i] = x != 0
	}
	return list
}

// join makes a path inside a file.
func join(parts ...string) string { return strings.Join(parts, "/") }
