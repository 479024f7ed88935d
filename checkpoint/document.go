package checkpoint

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/internal/yamltext"
)

// maxConfigBytes bounds a configuration file; the released one has 5 kB.
const maxConfigBytes = 256 << 10

// document is a YAML mapping that keeps the order of its keys, so that a file is written back as it was read.
type document = yaml.MapSlice

// parseDocument reads YAML that may come from anywhere.
func parseDocument(text []byte) (document, error) {
	if len(text) > maxConfigBytes {
		return nil, fmt.Errorf("%d bytes of YAML; expected at most %d", len(text), maxConfigBytes)
	}
	var doc document
	if err := yamltext.Unmarshal(text, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("%s", strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " "))
	}
	if doc == nil {
		return nil, fmt.Errorf("no YAML mapping")
	}
	return doc, nil
}

// encodeDocument writes YAML. Numbers with an exponent get a decimal point, without which some readers take them for text.
func encodeDocument(doc document) ([]byte, error) {
	number := yaml.CustomMarshaler(func(f float64) ([]byte, error) {
		switch {
		case math.IsNaN(f):
			return []byte(".nan"), nil
		case math.IsInf(f, 1):
			return []byte(".inf"), nil
		case math.IsInf(f, -1):
			return []byte("-.inf"), nil
		}
		text := strconv.FormatFloat(f, 'g', -1, 64)
		mantissa, exponent, scientific := strings.Cut(text, "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		if scientific {
			mantissa += "e" + exponent
		}
		return []byte(mantissa), nil
	})
	return yaml.MarshalWithOptions(textKeys(doc), yaml.IndentSequence(false), number)
}

// textKeys makes texts of keys that are numbers or truth values, which the encoder can not write.
func textKeys(value any) any {
	switch v := value.(type) {
	case document:
		out := make(document, len(v))
		for i, item := range v {
			out[i] = yaml.MapItem{Key: fmt.Sprint(item.Key), Value: textKeys(item.Value)}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = textKeys(item)
		}
		return out
	}
	return value
}

// lookUp finds the value at a path such as "model.hidden_dim".
func lookUp(doc document, path string) (value any, exists bool) {
	value = doc
	for _, key := range strings.Split(path, ".") {
		mapping, ok := value.(document)
		if !ok {
			return nil, false
		}
		at := slices.IndexFunc(mapping, func(item yaml.MapItem) bool { return item.Key == key })
		if at < 0 {
			return nil, false
		}
		value = mapping[at].Value
	}
	return value, true
}

// replaced returns a copy of the document with another value at a path; mappings on the way are made where they are missing.
func replaced(doc document, path string, value any) document {
	key, rest, deeper := strings.Cut(path, ".")
	out := slices.Clone(doc)
	at := slices.IndexFunc(out, func(item yaml.MapItem) bool { return item.Key == key })
	if at < 0 {
		at = len(out)
		out = append(out, yaml.MapItem{Key: key})
	}
	if deeper {
		inner, _ := out[at].Value.(document)
		value = replaced(inner, rest, value)
	}
	out[at].Value = value
	return out
}

// assign stores a YAML value in what target points to, or says what was found and what was expected.
func assign(target, value any) error {
	var expected string
	switch t := target.(type) {
	case *int:
		n, ok := wholeNumber(value)
		if ok {
			*t = n
			return nil
		}
		expected = "a whole number"
	case *float64:
		if f, ok := value.(float64); ok && !math.IsInf(f, 0) && !math.IsNaN(f) {
			*t = f
			return nil
		}
		if n, ok := wholeNumber(value); ok {
			*t = float64(n)
			return nil
		}
		if text, ok := value.(string); ok && strings.Trim(text, "+-.0123456789e") == "" { // the parser takes 1e-10 for a text
			if f, err := strconv.ParseFloat(text, 64); err == nil {
				*t = f
				return nil
			}
		}
		expected = "a number"
	case *bool:
		b, ok := value.(bool)
		if ok {
			*t = b
			return nil
		}
		expected = "true or false"
	case *string:
		s, ok := value.(string)
		if ok {
			*t = s
			return nil
		}
		expected = "a text"
	case *[]int:
		return assignList(t, value, wholeNumber, "whole numbers")
	case *[]string:
		return assignList(t, value, text, "texts")
	case *map[string]int:
		return assignMapping(t, value, text, wholeNumber, "names to whole numbers")
	case *map[string]string:
		return assignMapping(t, value, text, text, "names to texts")
	case *map[int]int:
		return assignMapping(t, value, wholeKey, wholeNumber, "whole numbers to whole numbers")
	}
	return fmt.Errorf("found %s; expected %s", printable(fmt.Sprint(value)), expected)
}

// assignList stores a list whose items of reads; an empty one is stored as nil.
func assignList[T any](target *[]T, value any, of func(any) (T, bool), expected string) error {
	items, ok := value.([]any)
	var list []T
	for _, item := range items {
		v, fits := of(item)
		list, ok = append(list, v), ok && fits
	}
	if !ok {
		return fmt.Errorf("found %s; expected a list of %s", printable(fmt.Sprint(value)), expected)
	}
	*target = list
	return nil
}

// assignMapping stores a mapping whose keys and values the functions read.
func assignMapping[K comparable, V any](target *map[K]V, value any, keyOf func(any) (K, bool), valueOf func(any) (V, bool), expected string) error {
	items, ok := value.(document)
	if !ok {
		return fmt.Errorf("found %s; expected a mapping of %s", printable(fmt.Sprint(value)), expected)
	}
	mapping := make(map[K]V, len(items))
	for _, item := range items {
		k, isKey := keyOf(item.Key)
		v, isValue := valueOf(item.Value)
		if !isKey || !isValue {
			return fmt.Errorf("%s: found %s; expected a mapping of %s", printable(fmt.Sprint(item.Key)), printable(fmt.Sprint(item.Value)), expected)
		}
		mapping[k] = v
	}
	*target = mapping
	return nil
}

// text accepts a text.
func text(value any) (string, bool) {
	s, ok := value.(string)
	return s, ok
}

// wholeKey accepts a whole number, or its digits as a text, which the encoder makes of every key.
func wholeKey(value any) (int, bool) {
	if digits, ok := value.(string); ok {
		n, err := strconv.Atoi(digits)
		return n, err == nil && n >= 0 && n <= math.MaxInt32
	}
	return wholeNumber(value)
}

// wholeNumber accepts the integer types that the YAML parser yields.
func wholeNumber(value any) (int, bool) {
	switch n := value.(type) {
	case uint64:
		return int(n), n <= math.MaxInt32
	case int64:
		return int(n), n >= math.MinInt32 && n <= math.MaxInt32
	}
	return 0, false
}
