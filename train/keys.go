package train

import (
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"reflect"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/gowalrus/walrus/internal/nearest"
	"github.com/gowalrus/walrus/internal/yamltext"
)

// The comments of the configuration's fields are what its keys mean to a user: there is one text for both.
var (
	//go:embed config.go
	configSource string
	//go:embed schedule.go
	scheduleSource string
	//go:embed adamw.go
	optimizerSource string
	//go:embed lora.go
	loraSource string
)

// meanings are the comments of all fields of the configuration's types, by "Type.Field", each on one line.
var meanings = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for _, source := range []string{configSource, scheduleSource, optimizerSource, loraSource} {
		file, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments)
		if err != nil { // it is the source that this program was made of
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, isType := n.(*ast.TypeSpec)
			if !isType {
				return true
			}
			if s, isStruct := spec.Type.(*ast.StructType); isStruct {
				shared := ""
				for _, field := range s.Fields.List {
					text := field.Comment.Text()
					if text == "" {
						text = field.Doc.Text()
					}
					for _, name := range field.Names {
						if text == "" && strings.Contains(shared, name.Name) { // fields that are explained together
							text = shared
						}
						shared = text
						found[spec.Name.Name+"."+name.Name] = strings.Join(strings.Fields(text), " ")
					}
				}
			}
			return false
		})
	}
	return found
})

// meaning is the comment of a field, with the names of YAML for those of Go at its beginning.
func meaning(t reflect.Type, f reflect.StructField) string {
	text := meanings()[t.Name()+"."+f.Name]
	words := strings.SplitN(text, " ", 4)
	for i := range words {
		if other, isField := t.FieldByName(words[i]); i%2 == 0 && i < 3 && isField && (i == 0 || words[1] == "and") {
			words[i] = key(other)
		}
	}
	return strings.Join(words, " ")
}

// key is the name of a field in YAML; empty for one that has none.
func key(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if name == "-" {
		return ""
	}
	return name
}

// sections are the keys of a configuration that hold others.
var sections = func() []string {
	var list []string
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		if f := t.Field(i); f.Type.Kind() == reflect.Struct {
			list = append(list, key(f))
		}
	}
	return list
}()

// WriteKeys writes a preset, or the defaults where it is empty, with the given file and overrides over it: every key with its
// value and, as a comment, its meaning, unit, default and the paper's value. What it writes is a configuration.
func WriteKeys(w io.Writer, preset string, text []byte, overrides []string) error {
	c, err := parse(preset, text, overrides, func(tree map[string]any) map[string]any { return tree })
	if err != nil {
		return err
	}
	var out strings.Builder
	if preset != "" {
		about, err := AboutPreset(preset)
		if err != nil {
			return err
		}
		for _, line := range about {
			fmt.Fprintf(&out, "# %s\n", line)
		}
	}
	if err := writeKeys(&out, reflect.ValueOf(c), ""); err != nil {
		return err
	}
	_, err = io.WriteString(w, out.String())
	return err
}

// writeKeys writes the fields of a part of a configuration.
func writeKeys(out *strings.Builder, v reflect.Value, indent string) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := key(f)
		if name == "" || indent == "" && name == presetKey { // its keys are here
			continue
		}
		writeComment(out, indent, meaning(v.Type(), f))
		if f.Type.Kind() == reflect.Struct {
			fmt.Fprintf(out, "%s%s:\n", indent, name)
			if err := writeKeys(out, v.Field(i), indent+"  "); err != nil {
				return err
			}
			continue
		}
		value, err := flow(v.Field(i))
		if err != nil {
			return fmt.Errorf("train: %s: %w", name, err)
		}
		fmt.Fprintf(out, "%s%s: %s\n", indent, name, value)
		if f.Type == reflect.TypeFor[[]SetConfig]() {
			fmt.Fprintf(out, "%s# The keys of a data set, which data.set_defaults may have for all of them:\n", indent)
			for k := range reflect.TypeFor[SetConfig]().NumField() {
				of := reflect.TypeFor[SetConfig]().Field(k)
				writeComment(out, indent+"  ", key(of)+": "+meaning(reflect.TypeFor[SetConfig](), of))
			}
		}
	}
	return nil
}

// flow is a value in one line of YAML.
func flow(v reflect.Value) (string, error) {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if v.IsNil() {
			return "null", nil
		}
	}
	value := v.Interface()
	switch v.Type() {
	case reflect.TypeFor[*SetConfig](), reflect.TypeFor[map[string]SetConfig](): // what they do not say is not to be said
		text, err := yaml.Marshal(value)
		if err == nil {
			err = yamltext.Unmarshal(text, &value)
		}
		if err != nil {
			return "", err
		}
		value = said(value)
	}
	text, err := yaml.MarshalWithOptions(value, yaml.Flow(true))
	return strings.TrimSpace(string(text)), err
}

// said is a tree of keys without those that have the zero value.
func said(node any) any {
	entries, isMap := node.(map[string]any)
	if !isMap {
		return node
	}
	kept := map[string]any{}
	for name, value := range entries {
		if value = said(value); value != nil && !reflect.ValueOf(value).IsZero() {
			kept[name] = value
		}
	}
	return kept
}

// writeComment writes a text as lines of comment.
func writeComment(out *strings.Builder, indent, text string) {
	const width = 110
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(indent)+len(line)+len(word) > width {
			fmt.Fprintf(out, "%s#%s\n", indent, line)
			line = ""
		}
		line += " " + word
	}
	if line != "" {
		fmt.Fprintf(out, "%s#%s\n", indent, line)
	}
}

// unknownKey says which key of a configuration does not exist, and which one was probably meant; empty if all exist.
func unknownKey(text []byte) string {
	var tree any
	if yamltext.Unmarshal(text, &tree) != nil {
		return ""
	}
	return unknown(tree, reflect.TypeFor[Config](), "")
}

func unknown(node any, t reflect.Type, at string) string {
	switch t.Kind() {
	case reflect.Pointer:
		return unknown(node, t.Elem(), at)
	case reflect.Slice:
		list, _ := node.([]any)
		for i, element := range list {
			if found := unknown(element, t.Elem(), fmt.Sprintf("%s%d.", at, i)); found != "" {
				return found
			}
		}
	case reflect.Map:
		entries, _ := node.(map[string]any)
		for name, entry := range entries {
			if found := unknown(entry, t.Elem(), at+name+"."); found != "" {
				return found
			}
		}
	case reflect.Struct:
		entries, _ := node.(map[string]any)
		fields := map[string]reflect.Type{}
		var names []string
		for i := range t.NumField() {
			if name := key(t.Field(i)); name != "" {
				fields[name] = t.Field(i).Type
				names = append(names, name)
			}
		}
		for name, entry := range entries {
			if fields[name] == nil {
				return fmt.Sprintf("\n%s%s is no key%s", at, name, meant(name, names))
			}
			if found := unknown(entry, fields[name], at+name+"."); found != "" {
				return found
			}
		}
	}
	return ""
}

// meant is the key beside a misspelt one that is near to it, or else one of the same name in another section.
func meant(name string, beside []string) string {
	if hint := nearest.Hint(name, beside); hint != "" {
		return hint
	}
	t := reflect.TypeFor[Config]()
	for i := range t.NumField() {
		section := t.Field(i)
		if section.Type.Kind() != reflect.Struct {
			continue
		}
		for k := range section.Type.NumField() {
			if other := key(section.Type.Field(k)); other != "" && nearest.Name(name, []string{other}) != "" {
				return fmt.Sprintf(" (did you mean %s.%s?)", key(section), other)
			}
		}
	}
	return ""
}
