package checkpoint

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Limits on a configuration file; the released one has 5 kB and seven levels.
const (
	maxConfigBytes = 256 << 10
	maxYAMLNesting = 32  // of [ and {
	maxYAMLIndent  = 128 // columns before the first word of a line
	maxYAMLOnALine = 8   // "- " and ": " that open levels on one line
)

// document is a YAML mapping that keeps the order of its keys, so that a file is written back as it was read.
type document = yaml.MapSlice

// parseDocument reads YAML that may come from anywhere.
func parseDocument(text []byte) (doc document, err error) {
	if len(text) > maxConfigBytes {
		return nil, fmt.Errorf("%d bytes of YAML; expected at most %d", len(text), maxConfigBytes)
	}
	defer func() { // the parser is not ours: whatever it does with strange input ends here
		if r := recover(); r != nil {
			doc, err = nil, fmt.Errorf("YAML parser: %v", r)
		}
	}()
	if err := checkTokens(lexer.Tokenize(string(text))); err != nil {
		return nil, err
	}
	if err := yaml.UnmarshalWithOptions(text, &doc, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("%s", strings.Join(strings.Fields(yaml.FormatError(err, false, false)), " "))
	}
	if doc == nil {
		return nil, fmt.Errorf("no YAML mapping")
	}
	return doc, nil
}

// checkTokens refuses what makes YAML dangerous (references, tags) and bounds its depth before a recursive parser sees it.
func checkTokens(tokens token.Tokens) error {
	nesting, line, onLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
			if t.Position.Column > maxYAMLIndent && nesting == 0 {
				return fmt.Errorf("line %d: indented by %d columns; expected at most %d", line, t.Position.Column, maxYAMLIndent)
			}
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			return fmt.Errorf("line %d: %s is not accepted in a configuration; write the value out", line, t.Type)
		case token.SequenceStartType, token.MappingStartType:
			nesting++
		case token.SequenceEndType, token.MappingEndType:
			nesting--
		case token.SequenceEntryType, token.MappingValueType, token.MappingKeyType:
			if nesting == 0 {
				onLine++
			}
		}
		if nesting > maxYAMLNesting || onLine > maxYAMLOnALine {
			return fmt.Errorf("line %d: nested too deeply", line)
		}
	}
	return nil
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
	return yaml.MarshalWithOptions(doc, yaml.IndentSequence(false), number)
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
		return assignList(t, value)
	case *map[string]int:
		return assignMapping(t, value)
	}
	return fmt.Errorf("found %s; expected %s", printable(fmt.Sprint(value)), expected)
}

func assignList(target *[]int, value any) error {
	items, ok := value.([]any)
	list := make([]int, len(items))
	for i := range items {
		if ok {
			list[i], ok = wholeNumber(items[i])
		}
	}
	if !ok {
		return fmt.Errorf("found %s; expected a list of whole numbers", printable(fmt.Sprint(value)))
	}
	*target = list
	return nil
}

func assignMapping(target *map[string]int, value any) error {
	items, ok := value.(document)
	mapping := make(map[string]int, len(items))
	for _, item := range items {
		key, isText := item.Key.(string)
		n, isWhole := wholeNumber(item.Value)
		if !isText || !isWhole {
			return fmt.Errorf("%s: found %s; expected a name and a whole number", printable(fmt.Sprint(item.Key)), printable(fmt.Sprint(item.Value)))
		}
		mapping[key] = n
	}
	if !ok {
		return fmt.Errorf("found %s; expected a mapping of names to whole numbers", printable(fmt.Sprint(value)))
	}
	*target = mapping
	return nil
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

// unknownPaths lists the paths of doc that the template does not have, without those below an unknown one or below a path
// whose keys are free.
func unknownPaths(doc, template document, free map[string]bool) []string {
	var unknown []string
	var walk func(prefix string, found, known document)
	walk = func(prefix string, found, known document) {
		for _, item := range found {
			key := fmt.Sprint(item.Key)
			path := prefix + key
			value, exists := lookUp(known, key)
			if !exists {
				unknown = append(unknown, path)
				continue
			}
			inner, isMapping := item.Value.(document)
			innerKnown, bothMappings := value.(document)
			if isMapping && bothMappings && !free[path] {
				walk(path+".", inner, innerKnown)
			}
		}
	}
	walk("", doc, template)
	return unknown
}
