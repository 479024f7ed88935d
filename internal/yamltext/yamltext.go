package yamltext

import (
	"fmt"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Limits on what is nested; the released configuration has seven levels.
const (
	maxNesting = 32  // of [ and {
	maxIndent  = 128 // columns before the first word of a line
	maxOnALine = 8   // "- " and ": " that open levels on one line
)

// Unmarshal reads a text into a value as yaml.UnmarshalWithOptions does. A text that says nothing leaves it as it is.
func Unmarshal(text []byte, into any, options ...yaml.DecodeOption) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("YAML parser: %v", r)
		}
	}()
	tokens := lexer.Tokenize(string(text))
	if err := check(tokens); err != nil {
		return err
	}
	if !slices.ContainsFunc(tokens, func(t *token.Token) bool { return t.Type != token.CommentType }) {
		return nil
	}
	return yaml.UnmarshalWithOptions(text, into, options...)
}

// check refuses references and tags, and bounds the depth.
func check(tokens token.Tokens) error {
	nesting, line, onLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
			if t.Position.Column > maxIndent && nesting == 0 {
				return fmt.Errorf("line %d: indented by %d columns; expected at most %d", line, t.Position.Column, maxIndent)
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
		if nesting > maxNesting || onLine > maxOnALine {
			return fmt.Errorf("line %d: nested too deeply", line)
		}
	}
	return nil
}
