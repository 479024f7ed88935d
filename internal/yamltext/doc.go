// Package yamltext reads YAML that may come from anywhere.
//
// The one idea: what a parser written for trusted files does with strange ones ends here. References and tags are refused, which
// nobody needs in a configuration and which make small texts large or values of other kinds than they look; the depth is bounded before
// a recursive parser sees the text; and a panic of the parser is an error.
package yamltext
